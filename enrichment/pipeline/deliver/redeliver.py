"""Delivering once more: whether it is possible, why not, and doing it. Whoever has it done, it is done here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from enrichment.models import Handover, Lead
from enrichment.models.handover import System
from enrichment.pipeline.deliver import planning
from enrichment.pipeline.deliver.planning import OPEN
from enrichment.pipeline.payload import is_deliverable
from enrichment.states import HandoverStatus
from enrichment.vendors import registry
from gdpr import audit
from gdpr.suppression import gate
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed

RETRIED = (HandoverStatus.FAILED, HandoverStatus.WITHHELD)

ONLY_KEPT = "This person's data may only be stored: no enrichment or delivery."
NOT_DECIDED = (
    "Clay returned data of a suppressed person. Delivery is blocked until you decide whether the lead is that person."
)
OVER = "Only failed or withheld deliveries can be retried."
UNDER_WAY = "A delivery of this lead to this system is in progress."
GONE = "The delivery no longer exists."
OVERTAKEN = "A later delivery of this lead replaced it."
SUPPRESSED = "This person is suppressed, so nothing can be delivered."
NOT_WANTED = "The lead isn't eligible: it has no e-mail or phone, or its tier isn't delivered to this system."


def suppressed_ids(leads: Iterable[Lead]) -> set[int]:
    """The ids of those that are; uncounted, since nobody has tried anything yet."""
    asked = list(leads)
    return {asked[position].pk for position in gate.look_up([lead.identity for lead in asked])}


# ---------------------------------------------------------------- deliveries that ended


@dataclass(frozen=True)
class RetrySelection:
    """Deliveries that can be retried, and {reason: how many} of those that cannot."""

    ready: list[Handover]
    left_out: Counter[str] = field(default_factory=Counter)


def sort_for_retry(handovers: Sequence[Handover]) -> RetrySelection:
    """Which of `handovers` can be planned again now, and why the others cannot. Four queries in all."""
    why = _reasons(handovers)
    return RetrySelection([each for each in handovers if each.pk not in why], Counter(why.values()))


def why_not_retryable(handover: Handover) -> str:
    """The sentence for a disabled button; "" where the delivery can be retried."""
    return _reasons([handover]).get(handover.pk, "")


def redeliver(ids: Iterable[int], *, by: Any, reason: str = "") -> dict[int, str]:
    """Plan these failed and withheld deliveries again, inside the caller's transaction; {id: why not} of the others.

    Under the lock that planning takes: no other delivery of their leads begins meanwhile.
    """
    asked = list(ids)
    leads = Handover.objects.filter(pk__in=asked).values_list("lead_id", flat=True)
    list(Lead.objects.filter(pk__in=list(leads)).order_by("pk").select_for_update().values_list("pk"))
    fresh = list(Handover.objects.filter(pk__in=asked).order_by("pk").select_for_update())
    why = dict.fromkeys(set(asked) - {each.pk for each in fresh}, GONE) | _reasons(fresh)
    ready = [each for each in fresh if each.pk not in why]
    planning.plan_retry(each.pk for each in ready)
    for handover in ready:
        audit.record(Verb.DELIVER_AGAIN, by=by, object_type="lead", object_id=str(handover.lead_id), reason=reason)
    if len(ready) > 1:
        counts = {"deliveries": len(ready)}
        audit.record(Verb.DELIVER_AGAIN, by=by, object_type="handover", counts=counts, reason=reason)
    return why


def _reasons(handovers: Sequence[Handover]) -> dict[int, str]:
    """{delivery: why it cannot be planned again}."""
    leads = Lead.objects.defer("raw", "search").in_bulk({each.lead_id for each in handovers})
    blocked = suppressed_ids(leads.values())
    newest: dict[tuple[int, str], Handover] = {}
    siblings = Handover.objects.filter(lead__in=list(leads)).order_by("id")
    for each in siblings.only("id", "lead_id", "system", "status"):
        newest[each.lead_id, each.system] = each
    why = {
        each.pk: _why_not(each, leads[each.lead_id], newest[each.lead_id, each.system], blocked) for each in handovers
    }
    return {pk: reason for pk, reason in why.items() if reason}


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
    return "" if is_deliverable(lead, handover.system) else NOT_WANTED


# ---------------------------------------------------------------- leads


def check_may_be_handed_over(lead: Lead) -> None:
    """Raises ActionNotAllowed with the reason where nothing of the person may leave."""
    if suppressed_ids([lead]):
        raise ActionNotAllowed("This person is suppressed, so nothing can be delivered.")
    if lead.restriction:
        raise ActionNotAllowed(ONLY_KEPT)
    if lead.awaits_word:
        raise ActionNotAllowed(NOT_DECIDED)


def check_can_deliver(lead: Lead) -> None:
    """Raises ActionNotAllowed with the reason where the lead cannot be delivered again now."""
    check_may_be_handed_over(lead)
    there = [system for system in registry.delivering() if is_deliverable(lead, system)]
    if not there:
        raise ActionNotAllowed("This lead has no e-mail or phone number, so it can't be delivered.")
    if Handover.objects.filter(lead=lead, status__in=OPEN).count() == len(there):
        raise ActionNotAllowed("A delivery of this lead is already in progress.")


def retry_delivery(lead: Lead, *, by: Any) -> list[Handover]:
    """Plan the lead's deliveries although nothing changed; returns them.

    Raises:
        ActionNotAllowed: nothing can be delivered, or it is under way.
    """
    with transaction.atomic():
        lead = Lead.objects.select_for_update().get(pk=lead.pk)
        check_can_deliver(lead)
        planned = planning.plan_deliveries(lead, force=True)
        if not planned:
            raise ActionNotAllowed("A delivery of this lead is already in progress.")
        audit.record(Verb.DELIVER_AGAIN, by=by, on=lead, counts={"deliveries": len(planned)})
    return planned


def deliver_after(lead: Lead, system: System) -> None:
    """The delivery that waited goes again; where the last is done, or there is none, another is planned."""
    last = Handover.objects.filter(lead=lead, system=system).order_by("-pk").first()
    if last is not None and last.status in RETRIED:
        planning.plan_retry([last.pk])
    elif is_deliverable(lead, system):
        planning.plan_deliveries(lead, force=True, systems=[system])
