"""Hand-overs that failed or were withheld, planned again; and the record at the other side, read back."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from enrichment.leads.actions import NOT_DECIDED, ONLY_KEPT, suppressed
from enrichment.models import Handover, Lead
from enrichment.models.handover import System
from enrichment.pipeline import compare
from enrichment.pipeline.contacts.known import held_back
from enrichment.pipeline.deliver.planning import OPEN, plan_again
from enrichment.pipeline.payload import wanted
from enrichment.states import HandoverStatus
from enrichment.vendor_pauses import pauses
from enrichment.vendor_pauses import words as hold_words
from enrichment.vendors import limiter, registry
from enrichment.vendors.connections import ghl, instantly
from enrichment.vendors.gohighlevel import fields as contact_fields
from enrichment.vendors.instantly import fields as campaign_fields
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed

RETRIED = (HandoverStatus.FAILED, HandoverStatus.WITHHELD)
MOST = 5_000  # of one retry: seconds, not minutes, under the locks of their leads

OVER = "Only failed or withheld deliveries can be retried."
UNDER_WAY = "A delivery of this lead to this system is in progress."
GONE = "The delivery no longer exists."
OVERTAKEN = "A later delivery of this lead replaced it."
SUPPRESSED = "This person is suppressed, so nothing can be delivered."
NOT_WANTED = "The lead isn't eligible: it has no e-mail or phone, or its tier isn't delivered to this system."


@dataclass(frozen=True)
class Sorted:
    """Deliveries that can be retried, and {reason: how many} of those that cannot."""

    ready: list[Handover]
    left_out: Counter[str] = field(default_factory=Counter)


def sort_for_retry(handovers: Sequence[Handover]) -> Sorted:
    """Which of `handovers` can be planned again now, and why the others cannot. Four queries in all."""
    leads = Lead.objects.defer("raw", "search").in_bulk({h.lead_id for h in handovers})
    blocked = suppressed(leads.values())
    newest: dict[tuple[int, str], Handover] = {}
    siblings = Handover.objects.filter(lead__in=list(leads)).order_by("id")
    for each in siblings.only("id", "lead_id", "system", "status"):
        newest[each.lead_id, each.system] = each
    ready, left_out = [], Counter[str]()
    for handover in handovers:
        last = newest[handover.lead_id, handover.system]
        if reason := _why_not(handover, leads[handover.lead_id], last, blocked):
            left_out[reason] += 1
        else:
            ready.append(handover)
    return Sorted(ready, left_out)


def _why_not(handover: Handover, lead: Lead, last: Handover, blocked: set[int]) -> str:
    if handover.status not in RETRIED:
        return OVER
    if last.pk != handover.pk:
        return UNDER_WAY if last.status in OPEN else OVERTAKEN
    if lead.pk in blocked:
        return SUPPRESSED
    if lead.restriction:
        return ONLY_KEPT
    if lead.awaits_word:
        return NOT_DECIDED
    return "" if wanted(lead, handover.system) else NOT_WANTED


def reason_against(handover: Handover) -> str:
    """The sentence for a disabled button; "" where the delivery can be retried."""
    return next(iter(sort_for_retry([handover]).left_out), "")


def candidates(handovers: QuerySet[Handover]) -> tuple[list[Handover], int]:
    """At most MOST of the failed and withheld of a list, oldest first; and how many lie beyond."""
    some = handovers.filter(status__in=RETRIED).order_by("pk")
    found = list(some[: MOST + 1])
    if len(found) <= MOST:
        return found, 0
    return found[:MOST], some.count() - MOST


def retry(handovers: Sequence[Handover], *, by: Any) -> Sorted:
    """Plan failed and withheld deliveries again; returns which, and why the others were left out.

    All or nothing: one transaction with the audit events. At most MOST deliveries.

    Raises:
        ActionNotAllowed: there is none that can be retried, or there are too many.
    """
    if len(handovers) > MOST:
        raise ActionNotAllowed(f"You can retry up to {MOST:,} deliveries at once.")
    try:
        with transaction.atomic():
            return _retry(handovers, by)
    except IntegrityError:
        raise ActionNotAllowed(f"{UNDER_WAY} Nothing was retried. Check again.") from None


def again(ids: Sequence[int], by: Any) -> dict[int, str]:
    """Plan these again inside the caller's transaction; returns {id: why not} of the others."""
    fresh = _locked(ids)
    found = sort_for_retry(fresh)
    _plan_again(found.ready, by)
    ready = {each.pk for each in found.ready}
    why = dict.fromkeys(set(ids) - {each.pk for each in fresh}, GONE)
    return why | {each.pk: reason_against(each) for each in fresh if each.pk not in ready}


def _locked(ids: Sequence[int]) -> list[Handover]:
    """The deliveries, under the lock that planning takes: no other delivery of these leads begins meanwhile."""
    leads = Handover.objects.filter(pk__in=ids).values_list("lead_id", flat=True)
    list(Lead.objects.filter(pk__in=list(leads)).order_by("pk").select_for_update().values_list("pk"))
    return list(Handover.objects.filter(pk__in=ids).order_by("pk").select_for_update())


def _retry(handovers: Sequence[Handover], by: Any) -> Sorted:
    found = sort_for_retry(_locked([each.pk for each in handovers]))
    if not found.ready:
        raise ActionNotAllowed(" ".join(found.left_out) or "No deliveries to retry.")
    _plan_again(found.ready, by)
    return found


def _plan_again(ready: Sequence[Handover], by: Any) -> None:
    plan_again(each.pk for each in ready)
    for handover in ready:
        audit.record(Verb.DELIVER_AGAIN, by=by, object_type="lead", object_id=str(handover.lead_id))
    if len(ready) > 1:
        counts = {"deliveries": len(ready)}
        audit.record(Verb.DELIVER_AGAIN, by=by, object_type="handover", counts=counts)


# ---------------------------------------------------------------- the record at the other side


@dataclass(frozen=True)
class Side:
    """One field: what would be sent now, what is stored there, and whether that is the same."""

    name: str
    sent: Any
    stored: Any
    same: bool


def check_can_read_back(handover: Handover) -> None:
    """Raises ActionNotAllowed with the reason where there is nothing to read, or nothing may be called."""
    if not _reference(handover):
        raise ActionNotAllowed("We know of no record of this lead in that system.")
    if hold := pauses.reading_held(handover.system):
        raise ActionNotAllowed(hold_words.sentence(hold))


def read_back(handover: Handover, *, by: Any) -> list[Side] | None:
    """The record as it is there now beside what would be sent, differences first; None: it is not there.

    One call. Raises ActionNotAllowed, VendorError.
    """
    check_can_read_back(handover)
    channel, lead = registry.delivery_to(handover.system), handover.lead
    if wait := limiter.take(channel.limit, channel.scope()):
        raise ActionNotAllowed(f"Rate limit reached. Try again in {wait:.0f} s.")
    with transaction.atomic():
        audit.record(Verb.READ_BACK_DELIVERY, by=by, on=lead, fields=[], reason=handover.system)
    names = compare.sent(lead, handover.system)
    if handover.system == System.GHL:
        left = held_back(lead)
        names = {name: value for name, value in names.items() if name not in left}
    stored = _stored(handover, names)
    if stored is None:
        return None
    differ = compare.differing(lead, names, stored)
    sides = [Side(name, value, stored.get(name), name not in differ) for name, value in names.items()]
    return sorted(sides, key=lambda side: side.same)


def _stored(handover: Handover, names: dict[str, Any]) -> dict[str, Any] | None:
    reference = _reference(handover)
    if handover.system == System.GHL:
        contact = ghl().get_contact(reference)
        return None if contact is None else contact_fields.in_contact(contact, names)
    record = instantly().get_lead(reference)
    return None if record is None else campaign_fields.in_campaign(record, names)


def _reference(handover: Handover) -> str:
    return handover.external_id or str(getattr(handover.lead, registry.delivery_to(handover.system).reference))
