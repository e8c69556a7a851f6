"""Vendors that do not answer are asked again, each with one call; one that answers is resumed."""

import logging

from django.utils import timezone

from enrichment.connections import health
from enrichment.models import ServiceHold
from enrichment.models.connection import ALONE
from enrichment.vendor_pauses import pauses
from enrichment.vendors import outages
from enrichment.vendors.errors import Recovery, VendorError
from swarm_admin.core.timing import in_seconds

log = logging.getLogger(__name__)


def run_due() -> int:
    """Probe those whose time it is; returns how many were asked."""
    down = ServiceHold.objects.filter(reason=Recovery.VENDOR_DOWN, lifted_at__isnull=True).exclude(system__in=ALONE)
    due = list(down.filter(until__lte=timezone.now()))
    for hold in due:
        _probe(hold)
    return len(due)


def _probe(hold: ServiceHold) -> None:
    try:
        health.probe(hold.system)
    except health.NoSlot as none:
        ServiceHold.objects.filter(pk=hold.pk).update(until=in_seconds(none.args[0]))
        return
    except VendorError as error:
        if outages.is_sign(error):
            log.warning("%s still does not answer: %s", hold.system, error)
            pauses.still_down(hold, error)
            return
        # Any other word is an answer: what it means for the work is found by the work.
    pauses.end_pause(hold, reason="it answers again")
