"""Paused services: the quota is used up or the key was refused, so no call is made until it is lifted."""

import logging
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from enrichment import alerts
from enrichment.clock import due_in
from enrichment.models import ServiceHold
from enrichment.vendors.errors import Paused, VendorError
from gdpr import audit

log = logging.getLogger(__name__)
QUOTA_WINDOW_SECONDS = 3600


def held(system: str) -> ServiceHold | None:
    """The open hold of a service, or None; a hold whose time is over is lifted here."""
    hold = ServiceHold.objects.filter(system=system, lifted_at__isnull=True).first()
    if hold is None or hold.until is None or hold.until > timezone.now():
        return hold
    lift(hold)
    return None


def open_hold(error: VendorError) -> None:
    """Pause the vendor of `error`; a service already held keeps its first hold.

    A used-up quota is tried again when it resets, or in an hour where the vendor does not say when; a
    refused key waits for a person.
    """
    until = error.resets_at or due_in(QUOTA_WINDOW_SECONDS) if isinstance(error, Paused) else None
    try:
        with transaction.atomic():
            hold = ServiceHold.objects.create(
                system=error.vendor, reason=error.recovery, message=str(error)[:300], until=until
            )
            audit.record("hold_service", on=hold, reason=str(error.recovery))
            alerts.hold_opened(hold, error)
        log.critical("%s is held: %s", error.vendor, error)
    except IntegrityError:
        return  # another worker opened it


def lift(hold: ServiceHold, *, by: Any = None, reason: str = "") -> bool:
    """Resume the service. False when it was resumed already."""
    with transaction.atomic():
        lifted = ServiceHold.objects.filter(pk=hold.pk, lifted_at__isnull=True).update(
            lifted_at=timezone.now(), lifted_by=by
        )
        if lifted:
            audit.record("lift_hold", by=by, on=hold, reason=reason)
            alerts.hold_lifted(hold)
    return bool(lifted)
