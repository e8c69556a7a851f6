"""How one step ends: done, not gone after all, or a person's. `RetryLater` and `Unsupported` are the stores' own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gdpr.models import RequestStep, SubjectRequest

OnRecorded = Callable[[SubjectRequest, RequestStep], None]


class ManualStepNeeded(Exception):
    """A person goes on; `instructions` say how. `so_far`: what was done already, and is recorded with the hand-over."""

    def __init__(self, instructions: str, so_far: Outcome | None = None) -> None:
        super().__init__("by hand")
        self.instructions = instructions
        self.so_far = so_far


class RecordStillThere(Exception):
    """Read back: the record is still there."""


@dataclass(frozen=True)
class Outcome:
    """`proof`: how we know, for the certificate, without personal data. `result` is kept while the request is open.

    `on_recorded` runs in the transaction that records the outcome. `due_again`: not done yet, due at once.
    """

    proof: str = ""
    result: Any = None
    on_recorded: OnRecorded | None = None
    due_again: bool = False
