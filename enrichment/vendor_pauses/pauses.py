"""Paused services: nothing new is begun there until the pause is lifted.

A used-up quota or used-up credits stop what is begun anew: what is paid for already is still read, unless reading was
refused as well. A refused key and a vendor that does not answer stop every call. A full table stops the creation of
rows, under a name of its own (CLAY_ROWS). One kind of call that goes unanswered while Clay answers others stops that
kind alone (ALONE), until its time is over: then it is tried again.
"""

import datetime
import logging
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from enrichment.alerts import Cause, close, raise_alert
from enrichment.models import AlertKind, ServiceHold, Severity
from enrichment.models.connection import ALONE, CLAY_CREATES, CLAY_ROWS, CLAY_TRIGGERS
from enrichment.vendor_pauses import words as hold_words
from enrichment.vendors import outages
from enrichment.vendors.clay.table import clay_table
from enrichment.vendors.errors import Paused, Recovery, VendorError
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.timing import due_in, span

log = logging.getLogger(__name__)
QUOTA_WINDOW_SECONDS = 3600
SHORTEST_PAUSE_SECONDS = 60
HOLDS: dict[str, AlertKind] = {
    Recovery.REFRESH_KEY: AlertKind.KEY_REFUSED,
    Recovery.PAUSE: AlertKind.QUOTA,
    Recovery.CREDITS: AlertKind.CREDITS,
    Recovery.VENDOR_DOWN: AlertKind.NO_ANSWER,
    Recovery.TABLE_FULL: AlertKind.TABLE_FULL,
    Recovery.NO_SOURCE: AlertKind.TABLE_FULL,
}
PATIENT = 1.5  # a vendor that does not answer is asked again after so many times as long as it has lasted


def open_pause(system: str) -> ServiceHold | None:
    """The open hold of a service, or None; a hold whose time is over is lifted here.

    Not that of a vendor which does not answer: its time is that of the next probe, which lifts it (see `probing`).
    """
    hold = ServiceHold.objects.filter(system=system, lifted_at__isnull=True).first()
    if (
        hold is None
        or hold.until is None
        or (hold.reason == Recovery.VENDOR_DOWN and hold.system not in ALONE)
        or hold.until > timezone.now()
    ):
        return hold
    end_pause(hold)
    return None


def reading_pause(system: str) -> ServiceHold | None:
    """The open hold, if it stops reading too."""
    hold = open_pause(system)
    return hold if hold and (hold.reads or hold.reason not in (Recovery.PAUSE, Recovery.CREDITS)) else None


def rows_pause() -> ServiceHold | None:
    """What keeps new rows from being made in Clay: Clay or this call is paused, or the table is full."""
    return open_pause("clay") or open_pause(CLAY_ROWS) or open_pause(CLAY_CREATES)


def triggers_pause() -> ServiceHold | None:
    """What keeps enrichments from being triggered: Clay is paused, or this call alone."""
    return open_pause("clay") or open_pause(CLAY_TRIGGERS)


def explains_standstill(system: str, patience: datetime.timedelta, *, reading: bool = False) -> bool:
    """Whether a pause explains that nothing moves: there is one, or it ended only now, so that work has yet to begin.

    One whose probe is overdue explains nothing: whoever makes it is not there.
    """
    hold = (reading_pause if reading else open_pause)(system)
    edge = timezone.now() - patience
    if hold:
        return hold.until is None or hold.until > edge
    return ServiceHold.objects.filter(system=system, lifted_at__gt=edge).exists()


def pause_vendor(error: VendorError) -> None:
    """Pause the vendor of `error`; a service already held keeps its first hold.

    A used-up quota is tried again when it resets, or in an hour where the vendor does not say when, but
    never at once; a refused key waits for a person.
    """
    until = _next_try(error) if isinstance(error, Paused) else None
    message = str(error).partition(": ")[2]  # without the names of the vendor and the call
    hold = ServiceHold(
        system=error.vendor, reason=error.recovery, message=message[:300], until=until, reads=error.reads
    )
    if not _announce_pause(hold, quota_remaining=error.quota_remaining) and error.reads:
        # What is paid for was read on, until reading was refused as well.
        ServiceHold.objects.filter(system=error.vendor, lifted_at__isnull=True).update(reads=True)


def pause_for_outage(error: VendorError, alone: str = "") -> None:
    """Pause a vendor that does not answer; `error` is what the last call saw instead of an answer.

    `alone`: only this kind of call (one of ALONE), for it answers others.
    """
    system, wait = alone or error.vendor, settings.VENDOR_PROBE_SECONDS
    for _ in range(min(_ended_lately(system, Recovery.VENDOR_DOWN), 16)):
        wait = min(wait * PATIENT, settings.VENDOR_PROBE_MOST_SECONDS)
    _announce_pause(
        ServiceHold(
            system=system,
            reason=Recovery.VENDOR_DOWN,
            message=outages.symptom(error),
            until=due_in(wait),
            reads=True,
        )
    )


def pause_for_full_table(table: str, seen: str) -> None:
    """Pause the creation of rows: `table` takes no more; `seen` says how that is known.

    Nothing is paused for a table that new rows no longer go to.
    """
    if table != clay_table():
        log.warning("%s takes no more rows, and is not in use: %s", table, seen)
        return
    hold = ServiceHold(system=CLAY_ROWS, reason=Recovery.TABLE_FULL, message=seen[:300], table=table)
    _announce_pause(hold, table=table)


def pause_for_sources() -> None:
    """Pause submissions: no source of a table takes any."""
    _announce_pause(ServiceHold(system=CLAY_ROWS, reason=Recovery.NO_SOURCE))


def still_down(hold: ServiceHold, error: VendorError) -> None:
    """The probe had no answer either: the next one comes later, the longer it has lasted."""
    lasted = (timezone.now() - hold.since).total_seconds() * settings.CLOCK_SPEED
    wait = max(lasted * (PATIENT - 1), settings.VENDOR_PROBE_SECONDS)
    ServiceHold.objects.filter(pk=hold.pk, lifted_at__isnull=True).update(
        until=due_in(min(wait, settings.VENDOR_PROBE_MOST_SECONDS)), message=outages.symptom(error)
    )
    hold.message = outages.symptom(error)
    _tell_opened(hold)


def _announce_pause(hold: ServiceHold, *, table: str = "", quota_remaining: int | None = None) -> bool:
    try:
        with transaction.atomic():
            hold.save()
            audit.record(Verb.PAUSE_SERVICE, on=hold, reason=str(hold.reason))
            _tell_opened(hold, table=table, quota_remaining=quota_remaining)
        log.critical("%s is held: %s %s", hold.system, hold.reason, hold.message)
    except IntegrityError:
        return False  # another worker opened it
    return True


def _next_try(error: Paused) -> datetime.datetime:
    """When to try again: in a minute at least, doubled each time the quota was still used up then.

    A reset that is over by our clock would else be a call at every tick.
    """
    if error.resets_at is None:
        return due_in(QUOTA_WINDOW_SECONDS)
    least = SHORTEST_PAUSE_SECONDS * 2 ** min(_ended_lately(error.vendor, error.recovery), 16)
    return max(error.resets_at, due_in(min(least, QUOTA_WINDOW_SECONDS)))


def _ended_lately(system: str, reason: str) -> int:
    """Pauses for the same reason that ended by themselves within the last two hours."""
    recently = timezone.now() - span(2 * QUOTA_WINDOW_SECONDS)
    return ServiceHold.objects.filter(system=system, reason=reason, lifted_at__gt=recently, lifted_by=None).count()


def end_pause(hold: ServiceHold, *, by: Any = None, reason: str = "") -> bool:
    """Resume the service. False when it was resumed already."""
    with transaction.atomic():
        lifted = ServiceHold.objects.filter(pk=hold.pk, lifted_at__isnull=True).update(
            lifted_at=timezone.now(), lifted_by=by
        )
        if lifted:
            audit.record(Verb.RESUME_SERVICE, by=by, on=hold, reason=reason)
            close(_alert_cause(hold))
    return bool(lifted)


# ---------------------------------------------------------------- the alert of a pause


def _alert_cause(hold: ServiceHold) -> Cause:
    system = hold.system.partition(".")[0]
    subject = hold.system if hold.system in ALONE else ""
    return Cause(HOLDS.get(hold.reason, AlertKind.HOLD), system, subject)


def _tell_opened(hold: ServiceHold, *, table: str = "", quota_remaining: int | None = None) -> None:
    """In the transaction that pauses the service, and at each look that finds it still so."""
    where = f"Table {table}." if table else ""
    remaining = "" if quota_remaining is None else f"Remaining: {quota_remaining:,}."
    parts = [hold_words.sentence(hold), where, remaining, hold_words.outlook(hold), _next(hold)]
    raise_alert(_alert_cause(hold), " ".join(part for part in parts if part), severity=Severity.CRITICAL)


def _next(hold: ServiceHold) -> str:
    """Nothing of the next probe, of which there are many: an alert that lasts says what stays true."""
    if hold.reason == Recovery.VENDOR_DOWN:
        return f"Since {_utc(hold.since)}."
    return f"{hold_words.next_step(hold)} at {_utc(hold.until)}." if hold.until else ""


def _utc(moment: datetime.datetime) -> str:
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


def why_paused(system: str) -> str:
    """Why nothing can be sent to this vendor now: it is paused; "" where it is not."""
    hold = open_pause(system)
    return hold_words.sentence(hold) if hold else ""
