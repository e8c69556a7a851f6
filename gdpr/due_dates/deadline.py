"""The clock of one request: its days, its pauses, its working, and the extension."""

from __future__ import annotations

import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from gdpr.due_dates import calendar
from gdpr.due_dates.calendar import CalculationStep, Deadline
from gdpr.kinds import RequestKind
from gdpr.models import PauseReason, Regime, RequestPause, SubjectRequest

SOON = 7  # days before the end in which a request is marked as due soon


def day_of(moment: datetime.datetime) -> datetime.date:
    """The day it was where the clock counts (COMPLIANCE_TIME_ZONE)."""
    return moment.astimezone(ZoneInfo(settings.COMPLIANCE_TIME_ZONE)).date()


def today() -> datetime.date:
    return day_of(timezone.now())


def calculate(request: SubjectRequest, on: datetime.date | None = None, *, extended: bool | None = None) -> Deadline:
    """The deadline as of a day; `extended` asks what it would be with or without the extension."""
    pauses = [found for pause in request.pauses.all() if (found := _pause_of(request, pause))] if request.pk else []
    return calendar.deadline(
        day_of(request.received_at),
        place=request.calendar,
        today=on or today(),
        pauses=pauses,
        extended=bool(request.extended_at) if extended is None else extended,
    )


def _pause_of(request: SubjectRequest, pause: RequestPause) -> calendar.Pause | None:
    """The pause as its regime knows it; None where it stops nothing.

    EU: both questions suspend. UK (Art. 12A): the identity question restarts, and only an access request is
    suspended by a clarification.
    """
    uk, identity = request.regime == Regime.UK, pause.reason == PauseReason.IDENTITY
    if uk and not identity and request.kind != RequestKind.ACCESS:
        return None
    return calendar.Pause(
        day_of(pause.asked_at),
        day_of(pause.answered_at) if pause.answered_at else None,
        restarts=uk and identity,
        reason=pause.get_reason_display().lower(),
    )


def calculation(request: SubjectRequest) -> tuple[CalculationStep, ...]:
    """The steps of the calculation, for the screen."""
    return calculate(request, _until(request)).lines


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
    """Reasons reach the person within the first month (Art. 12(3))."""
    return calculate(request, extended=False).due


def in_time(request: SubjectRequest) -> bool | None:
    """Whether it was answered in time; None while it is open and not late yet."""
    end = day_of(request.closed_at) if request.closed_at else today()
    if end > request.due_on:
        return False
    return True if request.closed_at else None
