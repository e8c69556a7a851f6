"""A contact found in GoHighLevel that is not simply the lead's: what a person can decide, and what that does."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from enrichment.labels import field_labels
from enrichment.leads import actions
from enrichment.models import ContactMatch, Handover, Lead, MatchAction, MatchedBy
from enrichment.models.handover import System
from enrichment.pipeline.deliver import planning
from enrichment.pipeline.payload import wanted
from enrichment.states import HandoverStatus
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed

GONE = "This decision is no longer open: the contact wasn't found again, or the lead has changed."


DOING = {
    MatchAction.WAITS: "Delivery is blocked until you decide.",
    MatchAction.KEEP: "Existing fields are kept. Only our own fields are added.",
    MatchAction.FILL: "Only empty fields are filled.",
    MatchAction.WITHOUT_PHONE: "The lead is delivered without the phone number, as a separate contact.",
    MatchAction.LEAVE_OUT: "The lead isn't delivered to GoHighLevel.",
}


def choices(match: ContactMatch, lead: Lead) -> list[MatchAction]:
    """What can be decided, the present way left out. Empty where there is no contact yet to decide about."""
    possible = []
    if match.matched_by == MatchedBy.NUMBER and lead.email:
        possible.append(MatchAction.WITHOUT_PHONE)
    if match.contact_id and (match.matched_by == MatchedBy.EMAIL or not lead.ghl_contact_id):
        possible += [MatchAction.KEEP, MatchAction.FILL]
    possible.append(MatchAction.LEAVE_OUT)
    return [each for each in possible if each != match.action]


@dataclass(frozen=True)
class Shown:
    """A match as the lead's page tells it; `choices`: (value, label) of the buttons."""

    match: ContactMatch
    doing: str
    written: str
    kept: str
    choices: list[tuple[str, str]]


def matches_of(lead: Lead, *, may_decide: bool) -> list[Shown]:
    """What look-ups for the lead led to, the newest first."""
    found = ContactMatch.objects.filter(lead=lead).select_related("decided_by").order_by("-found_at", "-pk")
    return [
        Shown(
            match,
            DOING[MatchAction(match.action)],
            field_labels(match.written),
            field_labels(match.kept),
            [(each.value, str(each.label)) for each in choices(match, lead)] if may_decide else [],
        )
        for match in found
    ]


def decide(match: ContactMatch, action: str, *, by: Any) -> None:
    """Keep the decision, and make the delivery that waits for it due.

    Raises:
        ActionNotAllowed: it cannot be decided so, or nothing may be delivered of the lead.
    """
    with transaction.atomic():
        lead = Lead.objects.select_for_update(of=("self",)).get(pk=match.lead_id)
        fresh = ContactMatch.objects.select_for_update().filter(pk=match.pk).first()
        if fresh is None or action not in choices(fresh, lead):
            raise ActionNotAllowed(GONE)
        actions.check_may_be_handed_over(lead)
        fresh.action, fresh.decided_by, fresh.decided_at = MatchAction(action), by, timezone.now()
        fresh.save(update_fields=["action", "decided_by", "decided_at"])
        audit.record(Verb.DECIDE_CONTACT, by=by, on=lead, reason=MatchAction(action).label)
        deliver_after(lead, System.GHL)


def deliver_after(lead: Lead, system: System) -> None:
    """The delivery that waited goes again; where the last is done, or there is none, another is planned."""
    last = Handover.objects.filter(lead=lead, system=system).order_by("-pk").first()
    if last is not None and last.status in (HandoverStatus.FAILED, HandoverStatus.WITHHELD):
        planning.plan_again([last.pk])
    elif wanted(lead, system):
        planning.plan(lead, force=True, systems=[system])
