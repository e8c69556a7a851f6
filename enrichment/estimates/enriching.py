"""How long leads take to be sent for enrichment, and what is filled in later. Pure arithmetic, in real seconds.

Leads leave in batches, rows first, then triggers; a batch that is not full waits `flush` for company. A provider
whose hourly budget is used up either holds its batches back, or is left out of them and asked an hour later (D11).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from enrichment.estimates.lanes import Lane


@dataclass(frozen=True)
class Leads:
    """`count` leads, `rowless` of them without a row in Clay; `urgent` ones do not wait for company."""

    count: int = 0
    rowless: int = 0
    urgent: bool = False


@dataclass(frozen=True)
class Clay:
    """Clay's limits. A call takes one slot, or one for each row where `by_rows`."""

    rows: Lane
    triggers: Lane
    rows_batch: int
    trigger_batch: int
    flush: float
    by_rows: bool = False


@dataclass(frozen=True)
class ProviderLoad:
    """A provider with an hourly budget. `calls`: of it, by one full batch.

    `holds`: batches wait for it, else it is filled in. `fill_ins`: leads that wait for it alone already.
    """

    lane: Lane
    calls: int
    holds: bool
    fill_ins: int = 0

    def slots(self, calls: int) -> int:
        """What so many calls reserve: never more than an hour has."""
        return min([calls, *(window.count for window in self.lane.windows if window.count > 0)])


@dataclass(frozen=True)
class FillIn:
    """`leads` that end without this provider at first; it has been asked about the last in `seconds`."""

    provider: str
    leads: int
    seconds: float


@dataclass(frozen=True)
class SendingTime:
    """`seconds`: until the last lead has been sent; `limited_by`: what that waits for, "" where nothing holds it."""

    seconds: float
    limited_by: str
    fill_ins: tuple[FillIn, ...] = ()


FLUSH = "partial batches wait up to a minute"


def sending_time(
    ours: Leads, ahead: Leads, clay: Clay, asked: Sequence[ProviderLoad], *, unlimited: bool
) -> SendingTime:
    """When `ours` have been sent, behind `ahead`; with no leads of ours, when those ahead have.

    `unlimited`: somebody is asked who has no hourly budget, so a batch always has someone left to ask.
    """
    last = ours if ours.count else ahead
    if not last.count:
        return SendingTime(0.0, "")
    before, batches = (math.ceil(each.count / clay.trigger_batch) for each in (ahead, ours))
    limits = {
        "Clay's new-row limit": _rows(ours, ahead, clay),
        "Clay's enrichment-trigger limit": _triggers(before + batches, clay),
        **_held_for(asked, before + batches, unlimited=unlimited),
    }
    limited_by = max(limits, key=lambda name: limits[name])
    in_clay = limits["Clay's new-row limit"] + _flush(last.rowless, clay.rows_batch, last, clay)
    seconds = max(limits[limited_by], in_clay) + _flush(last.count, clay.trigger_batch, last, clay)
    if not limits[limited_by]:
        limited_by = FLUSH if seconds else ""
    return SendingTime(seconds, limited_by, _fill_ins(asked, ours, before, batches, seconds, clay))


def _rows(ours: Leads, ahead: Leads, clay: Clay) -> float:
    if clay.by_rows:
        return clay.rows.seconds(ours.rowless + ahead.rowless)
    return clay.rows.seconds(sum(math.ceil(each.rowless / clay.rows_batch) for each in (ours, ahead)))


def _triggers(batches: int, clay: Clay) -> float:
    slots = clay.trigger_batch if clay.by_rows else 1
    return clay.triggers.seconds(batches * slots, together=slots)


def _flush(count: float, size: int, leads: Leads, clay: Clay) -> float:
    """What the last batch waits for company, where it is not full."""
    return 0.0 if leads.urgent or not count % size else clay.flush


def _held_for(asked: Sequence[ProviderLoad], batches: int, *, unlimited: bool) -> dict[str, float]:
    """{limit: until the last of the batches has what it needs of it}."""
    times = {each.lane.name: _seconds_until_sent(each, batches) for each in asked}
    held = {each.lane.name: times[each.lane.name] for each in asked if each.holds}
    if asked and not unlimited:
        # Nobody else is left to ask, so a batch waits until one of them has room.
        first = min(times, key=lambda name: times[name])
        held.setdefault(first, times[first])
    return held


def _seconds_until_sent(each: ProviderLoad, batches: int) -> float:
    slots = each.slots(each.calls)
    return each.lane.seconds(batches * slots, together=slots)


def _fill_ins(
    asked: Sequence[ProviderLoad], ours: Leads, before: int, batches: int, sent: float, clay: Clay
) -> tuple[FillIn, ...]:
    fill_ins = [
        _fill_in(each, ours, before, batches, sent, clay)
        for each in asked
        if not each.holds and each.calls and math.isfinite(sent)
    ]
    return tuple(sorted((each for each in fill_ins if each.leads), key=lambda each: -each.seconds))


def _fill_in(each: ProviderLoad, ours: Leads, before: int, batches: int, sent: float, clay: Clay) -> FillIn:
    """The batches that leave while its budget is used up go without it, and ask it alone an hour later."""
    size = clay.trigger_batch
    slots = each.slots(each.calls)
    served = each.lane.groups_by(sent, before + batches, together=slots)
    ours_served = max(served - before, 0)
    leads = max(ours.count - ours_served * size, 0)
    if not leads:
        return FillIn(each.lane.name, 0, 0.0)
    later = leads + max(before - served, 0) * size + each.fill_ins
    alone = min(size, later)
    calls = served * slots + math.ceil(later / alone) * each.slots(alone)
    seconds = each.lane.seconds(calls, together=each.slots(alone))
    return FillIn(each.lane.name, leads, max(seconds, sent + each.lane.window_seconds + clay.flush))
