"""The clock of one request: its days, its pauses, its working, and the extension."""

from __future__ import annotations

import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from gdpr.models import PauseReason, RequestPause, SubjectRequest
from gdpr.regimes import calendar
from gdpr.regimes.calendar import CalculationStep, Deadline
from gdpr.regimes.rules import RULES_OF, Effect

SOON = 7  # days before the end in which a request is marked as due soon


def day_of(moment: datetime.datetime) -> datetime.date:
    """The day it was where the clock counts (COMPLIANCE_TIME_ZONE)."""
    return moment.astimezone(ZoneInfo(settings.COMPLIANCE_TIME_ZONE)).date()


def today() -> datetime.date:
    return day_of(timezone.now())


def start_of(day: datetime.date) -> datetime.datetime:
    """The moment that day begins where the clock counts."""
    return datetime.datetime.combine(day, datetime.time(), ZoneInfo(settings.COMPLIANCE_TIME_ZONE))


def calculate(request: SubjectRequest, on: datetime.date | None = None, *, extended: bool | None = None) -> Deadline:
    """The deadline as of a day; `extended` asks what it would be with or without the extension."""
    pauses = [found for pause in request.pauses.all() if (found := _pause_of(request, pause))] if request.pk else []
    rules = RULES_OF[request.regime]
    longer = bool(request.extended_at) if extended is None else extended
    return calendar.deadline(
        day_of(request.received_at),
        place=request.calendar,
        today=on or today(),
        pauses=pauses,
        period=rules.period(request.kind, extended=longer),
        extended=longer and rules.extends(request.kind),
        rolls=rules.rolls,
    )


def _pause_of(request: SubjectRequest, pause: RequestPause) -> calendar.Pause | None:
    """The pause as its regime knows it; None where it stops nothing."""
    identity = pause.reason == PauseReason.IDENTITY
    effect = RULES_OF[request.regime].effect(identity=identity, kind=request.kind)
    if effect == Effect.NOTHING:
        return None
    return calendar.Pause(
        day_of(pause.asked_at),
        day_of(pause.answered_at) if pause.answered_at else None,
        restarts=effect == Effect.RESTARTS,
        reason=pause.get_reason_display().lower(),
    )


def confirm_by(request: SubjectRequest) -> datetime.date | None:
    """The last day to confirm its receipt to the person; None where its law asks for no such thing."""
    period = RULES_OF[request.regime].confirm
    return period.end(day_of(request.received_at), request.calendar) if period else None


def calculation(request: SubjectRequest) -> tuple[CalculationStep, ...]:
    """The steps of the calculation, for the screen."""
    lines = calculate(request, _until(request)).lines
    if day := confirm_by(request):
        rule = f"Receipt is confirmed within {RULES_OF[request.regime].confirm}."
        lines = (lines[0], CalculationStep("Confirm receipt", rule, day), *lines[1:])
    return lines


def _until(request: SubjectRequest) -> datetime.date | None:
    return day_of(request.closed_at) if request.closed_at else None


def refresh(request: SubjectRequest) -> None:
    """Bring the stored due date in line; while an answer is outstanding it moves with each day."""
    found = calculate(request)
    if (found.due, found.waits) != (request.due_on, request.clock_waits):
        request.due_on, request.clock_waits = found.due, found.waits
        request.save(update_fields=["due_on", "clock_waits"])


def refresh_paused() -> int:
    """Those of every open request whose clock stands still; returns how many were looked at."""
    rows = list(SubjectRequest.objects.open().filter(clock_waits=True).prefetch_related("pauses"))
    for request in rows:
        refresh(request)
    return len(rows)


def last_day_to_extend(request: SubjectRequest) -> datetime.date:
    """Reasons reach the person within the time there is without an extension (Art. 12(3))."""
    return calculate(request, extended=False).due


def in_time(request: SubjectRequest) -> bool | None:
    """Whether it was answered in time; None while it is open and not late yet."""
    end = day_of(request.closed_at) if request.closed_at else today()
    if end > request.due_on:
        return False
    return True if request.closed_at else None
