"""How long leads take to be submitted where Clay enriches whatever it is sent. Pure arithmetic, in real seconds.

One call carries one lead or many; no row, no trigger and no provider's hour is waited for. A batch that is not full
waits `flush` for company.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from enrichment.estimates.enriching import FLUSH, Leads, SendingTime
from enrichment.estimates.lanes import Lane


@dataclass(frozen=True)
class Submissions:
    """Clay's limit of calls, `calls` of so many leads; these leave in batches of `batch`."""

    lane: Lane
    calls: Callable[[int], int]
    batch: int
    flush: float


def submitting_time(ours: Leads, ahead: Leads, clay: Submissions) -> SendingTime:
    """When `ours` have been submitted, behind `ahead`; with no leads of ours, when those ahead have."""
    last = ours if ours.count else ahead
    if not last.count:
        return SendingTime(0.0, "")
    limited = clay.lane.seconds(sum(clay.calls(each.count) for each in (ours, ahead)))
    flush = 0.0 if last.urgent or not last.count % clay.batch else clay.flush
    return SendingTime(limited + flush, clay.lane.name if limited else FLUSH if flush else "")
