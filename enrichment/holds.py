"""Paused services: the quota is used up or the key was refused, so no call is made until it is lifted."""

import datetime
import logging
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from enrichment import alerts
from enrichment.clock import due_in, span
from enrichment.models import ServiceHold
from enrichment.vendors.errors import Paused, VendorError
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb

log = logging.getLogger(__name__)
QUOTA_WINDOW_SECONDS = 3600
SHORTEST_PAUSE_SECONDS = 60


def held(system: str) -> ServiceHold | None:
    """The open hold of a service, or None; a hold whose time is over is lifted here."""
    hold = ServiceHold.objects.filter(system=system, lifted_at__isnull=True).first()
    if hold is None or hold.until is None or hold.until > timezone.now():
        return hold
    lift(hold)
    return None


def open_hold(error: VendorError) -> None:
    """Pause the vendor of `error`; a service already held keeps its first hold.

    A used-up quota is tried again when it resets, or in an hour where the vendor does not say when, but
    never at once; a refused key waits for a person.
    """
    until = _until(error) if isinstance(error, Paused) else None
    try:
        with transaction.atomic():
            hold = ServiceHold.objects.create(
                system=error.vendor, reason=error.recovery, message=str(error)[:300], until=until
            )
            audit.record(Verb.PAUSE_SERVICE, on=hold, reason=str(error.recovery))
            alerts.hold_opened(hold, error)
        log.critical("%s is held: %s", error.vendor, error)
    except IntegrityError:
        return  # another worker opened it


def _until(error: Paused) -> datetime.datetime:
    """When to try again: in a minute at least, doubled each time the quota was still used up then.

    A reset that is over by our clock would else be a call at every tick.
    """
    if error.resets_at is None:
        return due_in(QUOTA_WINDOW_SECONDS)
    recently = timezone.now() - span(2 * QUOTA_WINDOW_SECONDS)
    ended = ServiceHold.objects.filter(
        system=error.vendor, reason=error.recovery, lifted_at__gt=recently, lifted_by=None
    )
    least = SHORTEST_PAUSE_SECONDS * 2 ** min(ended.count(), 16)
    return max(error.resets_at, due_in(min(least, QUOTA_WINDOW_SECONDS)))


def lift(hold: ServiceHold, *, by: Any = None, reason: str = "") -> bool:
    """Resume the service. False when it was resumed already."""
    with transaction.atomic():
        lifted = ServiceHold.objects.filter(pk=hold.pk, lifted_at__isnull=True).update(
            lifted_at=timezone.now(), lifted_by=by
        )
        if lifted:
            audit.record(Verb.RESUME_SERVICE, by=by, on=hold, reason=reason)
            alerts.hold_lifted(hold)
    return bool(lifted)
