"""The retry handlers: each makes rows of one kind due again, and says how such a row stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet


@dataclass(frozen=True)
class RetryHandler:
    """`retry(ids, by)` makes rows due, inside the caller's transaction, and returns {id: why not} of the others.

    `open`: rows that are under way again; `queued`: those of them that have not been sent yet; `failed`: all
    that have failed; `done`: those that ended with a result; `system`: the vendor they go to, "" for several;
    `left`: in words how long trying rows of these keys takes, None where no limit holds it.
    """

    model: type[Any]
    retry: Callable[[Sequence[int], Any], dict[int, str]]
    open: Callable[[], Q]
    queued: Callable[[], Q]
    failed: Callable[[], QuerySet[Any]]
    done: Callable[[], Q]
    system: str
    left: Callable[[QuerySet[Any]], str] | None = None


# By the name that is kept in a job's plan; filled when the kinds are registered.
RETRY_HANDLERS: dict[str, RetryHandler] = {}
