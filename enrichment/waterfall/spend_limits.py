"""The budget guard: what may be spent, whether a trigger may leave, and who may raise it.

Money is kept back when a trigger is sent (each lead at its dearest, as far as prices are known) and settled when
the row comes back, because an open attempt counts with what was kept back and an ended one with what it cost. All
that reserve take one lock, so two workers cannot both take the last dollar. Only new triggers are held: nothing in
flight is.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from enrichment import alerts
from enrichment.alerts import Cause
from enrichment.models import AlertKind, Lead, Severity, SpendCap
from enrichment.models.spend import CapPeriod
from enrichment.waterfall.spending import CommittedSpend, committed_spend
from gdpr import audit
from swarm_admin.core import locks
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.timing import today

LOCK = 7_301_002  # an advisory lock: who reserves money, one after the other
SHORTEST_NOTE = 5


# ---------------------------------------------------------------- may it leave?


@dataclass(frozen=True)
class Admission:
    """`admitted`: ids of leads whose money is kept back; `held`: {lead: the cap that holds it}."""

    admitted: list[int]
    held: dict[int, SpendCap]


def admit_leads(leads: Sequence[Lead], each: Decimal) -> Admission:
    """Which of `leads`, in their order, may be triggered at `each` US dollars.

    Inside the caller's transaction, which also creates the attempts that keep the money back (`reserved`):
    until it ends nobody else is admitted.
    """
    caps = list(SpendCap.objects.all())
    if not caps:
        return Admission([lead.pk for lead in leads], {})
    locks.lock(LOCK)
    used = committed_spend()
    admitted: list[int] = []
    held: dict[int, SpendCap] = {}
    for lead in leads:
        cap = _cap_against(caps, used, lead, each)
        if cap is None:
            admitted.append(lead.pk)
            committed = used.get(lead.source_type, CommittedSpend())
            used[lead.source_type] = committed + CommittedSpend(reserved=each)
        else:
            held[lead.pk] = cap
    return Admission(admitted, held)


def _cap_against(
    caps: Sequence[SpendCap], used: dict[str, CommittedSpend], lead: Lead, each: Decimal
) -> SpendCap | None:
    for cap in caps:
        if cap.source_type in ("", lead.source_type):
            committed = lead.enrichment_cost if cap.period == CapPeriod.LEAD else committed_of(cap, used)
            if committed + each > cap.amount:
                return cap
    return None


def committed_of(cap: SpendCap, used: dict[str, CommittedSpend]) -> Decimal:
    """What of a day's or a month's cap is spent or kept back, in US dollars."""
    parts = [part for source, part in used.items() if cap.source_type in ("", source)]
    whole = sum(parts, CommittedSpend())
    return (whole.day if cap.period == CapPeriod.DAY else whole.month) + whole.reserved


@dataclass(frozen=True)
class Headroom:
    """How many triggers of `each` dollars the caps leave room for, before anything is planned.

    `leads` is None where nothing limits it. Leads of a source in `without`, and such as have cost more than
    `most_spent` already, stay where they are.
    """

    leads: int | None
    without: list[str]
    most_spent: dict[str, Decimal]


def headroom(each: Decimal) -> Headroom:
    """What the caps leave, without a lock: planning may be wrong by what is being sent, sending is not."""
    caps = list(SpendCap.objects.all())
    if not caps:
        return Headroom(None, [], {})
    used = committed_spend()
    leads: int | None = None
    without: list[str] = []
    most_spent: dict[str, Decimal] = {}
    for cap in caps:
        if cap.period == CapPeriod.LEAD:
            most_spent[cap.source_type] = cap.amount - each
            continue
        left = cap.amount - committed_of(cap, used)
        fits = max(int(left // each), 0) if each > 0 else (1_000_000 if left >= 0 else 0)
        if not cap.source_type:
            leads = fits if leads is None else min(leads, fits)
        elif not fits:
            without.append(cap.source_type)
        update_reached(cap, holds=not fits)
    return Headroom(leads, without, most_spent)


# ---------------------------------------------------------------- reached, and free again


def mark_reached(cap: SpendCap) -> None:
    """Say once that a cap holds triggers: on every page, and as an alert."""
    now = timezone.now()
    if SpendCap.objects.filter(pk=cap.pk, reached_at__isnull=True).update(reached_at=now):
        alerts.raise_alert(_cause(cap), sentence(cap), severity=Severity.CRITICAL)


def update_reached(cap: SpendCap, *, holds: bool) -> None:
    """`mark_reached` or `clear_reached`, as it is."""
    if holds:
        mark_reached(cap)
    elif cap.reached_at is not None:
        clear_reached(cap)


def sentence(cap: SpendCap) -> str:
    if cap.period == CapPeriod.LEAD:
        return f"{cap.label} (${cap.amount:,.2f}) pauses leads that have already cost that much."
    until = "midnight" if cap.period == CapPeriod.DAY else "the first of the month"
    held = f"new enrichment is paused until {until} UTC or until you raise it"
    return f"{cap.label} (${cap.amount:,.2f}) is reached: {held}."


def _cause(cap: SpendCap) -> Cause:
    return Cause(AlertKind.BUDGET, "", f"cap {cap.pk}")


def clear_expired() -> None:
    """Caps that hold nothing any more, because the day or the month is over: say so."""
    for cap in SpendCap.objects.filter(reached_at__isnull=False):
        if cap.period != CapPeriod.LEAD and cap.reached_at is not None and cap.reached_at < _period_start(cap):
            clear_reached(cap)


def clear_reached(cap: SpendCap) -> None:
    SpendCap.objects.filter(pk=cap.pk).update(reached_at=None)
    alerts.close(_cause(cap))


def _period_start(cap: SpendCap) -> datetime.datetime:
    return today() if cap.period == CapPeriod.DAY else today().replace(day=1)


def period_end(cap: SpendCap) -> datetime.datetime | None:
    """When the cap begins anew; None for that of a lead, which never does."""
    if cap.period == CapPeriod.LEAD:
        return None
    if cap.period == CapPeriod.DAY:
        return today() + datetime.timedelta(days=1)
    return (today().replace(day=1) + datetime.timedelta(days=32)).replace(day=1)


def reached_limits() -> list[SpendCap]:
    """The caps that hold triggers now."""
    return list(SpendCap.objects.filter(reached_at__isnull=False))


# ---------------------------------------------------------------- what staff do


def set_cap(*, period: str, source_type: str, amount: Decimal, note: str, by: Any) -> SpendCap:
    """Set, raise or lower a cap, with the reason; what it held goes at the next tick.

    Raises:
        ActionNotAllowed: no reason, or not an amount.
    """
    note = _checked(note)
    if not 0 < amount < 10**9:
        raise ActionNotAllowed("Enter an amount above 0, in US dollars.")
    with transaction.atomic():
        before = SpendCap.objects.select_for_update().filter(period=period, source_type=source_type).first()
        cap, _ = SpendCap.objects.update_or_create(
            period=period,
            source_type=source_type,
            defaults={"amount": amount, "note": note, "updated_by": by, "updated_at": timezone.now()},
        )
        audit.record(
            Verb.SET_BUDGET,
            by=by,
            on=cap,
            counts={"cents_before": int(before.amount * 100) if before else 0, "cents": int(amount * 100)},
            reason=note,
        )
        clear_reached(cap)
    return cap


def remove_cap(cap: SpendCap, *, note: str, by: Any) -> None:
    """Nothing is held by it any more.

    Raises:
        ActionNotAllowed: no reason.
    """
    note = _checked(note)
    with transaction.atomic():
        audit.record(Verb.REMOVE_BUDGET, by=by, on=cap, counts={"cents": int(cap.amount * 100)}, reason=note)
        clear_reached(cap)
        cap.delete()


def _checked(note: str) -> str:
    note = " ".join(note.split())[:500]
    if len(note) < SHORTEST_NOTE:
        raise ActionNotAllowed("Enter a reason. It is saved with the budget.")
    return note


def held_leads() -> int:
    """Leads with a row in Clay that are due and wait; what the caps hold, while one is reached."""
    return Lead.objects.due_for_dispatch(timezone.now()).filter(clay_row_id__isnull=False).count()
