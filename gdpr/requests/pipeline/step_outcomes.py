"""How one step ends: done, not gone after all, or a person's. `Later` and `Unsupported` are the stores' own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gdpr.models import RequestStep, SubjectRequest

Written = Callable[[SubjectRequest, RequestStep], None]


class ByHand(Exception):
    """A person goes on; `instructions` say how."""

    def __init__(self, instructions: str) -> None:
        super().__init__("by hand")
        self.instructions = instructions


class NotGone(Exception):
    """Read back: the record is still there."""


@dataclass(frozen=True)
class Outcome:
    """`proof`: how we know, for the certificate, without personal data. `result` is kept while the request is open.

    `written` runs in the transaction that records the outcome. `again`: not done yet, due at once.
    """

    proof: str = ""
    result: Any = None
    written: Written | None = None
    again: bool = False
