"""Hand-overs that failed or were withheld, planned again; and the record at the other side, read back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from enrichment.models import Handover
from enrichment.models.handover import System
from enrichment.pipeline import compare
from enrichment.pipeline.contacts.known import fields_held_back
from enrichment.pipeline.deliver.redeliver import RETRIED, UNDER_WAY, redeliver
from enrichment.vendor_pauses import pauses
from enrichment.vendor_pauses import words as hold_words
from enrichment.vendors import limiter, registry
from enrichment.vendors.connections import instantly
from enrichment.vendors.gohighlevel import fields as contact_fields
from enrichment.vendors.gohighlevel.known_fields import ghl
from enrichment.vendors.instantly import fields as campaign_fields
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed

MOST = 5_000  # of one retry: seconds, not minutes, under the locks of their leads


def candidates(handovers: QuerySet[Handover]) -> tuple[list[Handover], int]:
    """At most MOST of the failed and withheld of a list, oldest first; and how many lie beyond."""
    some = handovers.filter(status__in=RETRIED).order_by("pk")
    chosen = list(some[: MOST + 1])
    if len(chosen) <= MOST:
        return chosen, 0
    return chosen[:MOST], some.count() - MOST


def retry_deliveries(handovers: Sequence[Handover], *, by: Any) -> None:
    """Plan failed and withheld deliveries again. All or nothing: one transaction with the audit events.

    Raises:
        ActionNotAllowed: there is none that can be retried, or there are too many.
    """
    if len(handovers) > MOST:
        raise ActionNotAllowed(f"You can retry up to {MOST:,} deliveries at once.")
    try:
        with transaction.atomic():
            why = redeliver([each.pk for each in handovers], by=by)
    except IntegrityError:
        raise ActionNotAllowed(f"{UNDER_WAY} Nothing was retried. Check again.") from None
    if len(why) == len(handovers):
        raise ActionNotAllowed(" ".join(dict.fromkeys(why.values())) or "No deliveries to retry.")


# ---------------------------------------------------------------- the record at the other side


@dataclass(frozen=True)
class ComparedField:
    """One field: what would be sent now, what is stored there, and whether that is the same."""

    name: str
    sent: Any
    stored: Any
    same: bool


def check_can_read_back(handover: Handover) -> None:
    """Raises ActionNotAllowed with the reason where there is nothing to read, or nothing may be called."""
    if not _reference(handover):
        raise ActionNotAllowed("We know of no record of this lead in that system.")
    if hold := pauses.reading_pause(handover.system):
        raise ActionNotAllowed(hold_words.sentence(hold))


def read_back(handover: Handover, *, by: Any) -> list[ComparedField] | None:
    """The record as it is there now beside what would be sent, differences first; None: it is not there.

    One call. Raises ActionNotAllowed, VendorError.
    """
    check_can_read_back(handover)
    channel, lead = registry.delivery_to(handover.system), handover.lead
    if wait := limiter.take(channel.limit, channel.scope()):
        raise ActionNotAllowed(f"Rate limit reached. Try again in {wait:.0f} s.")
    with transaction.atomic():
        audit.record(Verb.READ_BACK_DELIVERY, by=by, on=lead, fields=[], reason=handover.system)
    names = compare.sent_values(lead, handover.system)
    if handover.system == System.GHL:
        left = fields_held_back(lead)
        names = {name: value for name, value in names.items() if name not in left}
    stored = _stored(handover, names)
    if stored is None:
        return None
    differ = compare.differing_fields(lead, names, stored)
    sides = [ComparedField(name, value, stored.get(name), name not in differ) for name, value in names.items()]
    return sorted(sides, key=lambda side: side.same)


def _stored(handover: Handover, names: dict[str, Any]) -> dict[str, Any] | None:
    reference = _reference(handover)
    if handover.system == System.GHL:
        contact = ghl().get_contact(reference)
        return None if contact is None else contact_fields.stored_values(contact, names)
    record = instantly().get_lead(reference)
    return None if record is None else campaign_fields.stored_values(record, names)


def _reference(handover: Handover) -> str:
    return handover.external_id or str(getattr(handover.lead, registry.delivery_to(handover.system).reference))
