"""What a person decides about a lead before anything goes on: about a contact found in GoHighLevel that is not simply
its own, about the campaign's record under an earlier e-mail address, and whether it is whom its answer named."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from enrichment.labels import field_labels
from enrichment.models import CampaignMove, ContactMatch, Handover, Lead, MatchAction, MatchedBy
from enrichment.models.campaign_move import MoveStatus
from enrichment.models.handover import System
from enrichment.models.lead_queries import NAMED_SUPPRESSED
from enrichment.pipeline.deliver import planning
from enrichment.pipeline.deliver.redeliver import check_may_be_handed_over, deliver_after
from enrichment.states import DELIVERED, HandoverStatus
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed


@dataclass(frozen=True)
class PendingDecision:
    """What there is to decide, as the lead's page tells it; `choices`: (value, label) of the buttons.

    `written`, `kept`: labels of a contact's fields that the delivery wrote, and of those that it left.
    """

    about: Any
    doing: str
    choices: list[tuple[str, str]]
    written: str = ""
    kept: str = ""


def _decide(
    about: Any,
    possible: Callable[[Any, Lead], Collection[str]],
    *,
    gone: str,
    by: Any,
    verb: Verb,
    label: str,
    system: System,
    **decision: models.TextChoices | str,
) -> None:
    """Keep the one `decision` where it is `possible`, and make the delivery that waits for it due.

    Raises:
        ActionNotAllowed: it cannot be decided so, or nothing may be delivered of the lead.
    """
    ((field, value),) = decision.items()
    with transaction.atomic():
        lead = Lead.objects.select_for_update(of=("self",)).get(pk=about.lead_id)
        fresh = type(about).objects.select_for_update().filter(pk=about.pk).first()
        if fresh is None or value not in possible(fresh, lead):
            raise ActionNotAllowed(gone)
        check_may_be_handed_over(lead)
        columns = {field: value, "decided_by": by, "decided_at": timezone.now()}
        type(about).objects.filter(pk=about.pk).update(**columns)
        audit.record(verb, by=by, on=lead, reason=label)
        deliver_after(lead, system)


# ---------------------------------------------------------------- a contact that a look-up found

NO_CONTACT = "This decision is no longer open: the contact wasn't found again, or the lead has changed."
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


def matches_of(lead: Lead, *, may_decide: bool) -> list[PendingDecision]:
    """What look-ups for the lead led to, the newest first."""
    matches = ContactMatch.objects.filter(lead=lead).select_related("decided_by").order_by("-found_at", "-pk")
    return [
        PendingDecision(
            match,
            DOING[MatchAction(match.action)],
            [(each.value, str(each.label)) for each in choices(match, lead)] if may_decide else [],
            field_labels(match.written),
            field_labels(match.kept),
        )
        for match in matches
    ]


def decide_contact(match: ContactMatch, action: str, *, by: Any) -> None:
    """`_decide` about the contact."""
    label = dict(MatchAction.choices).get(action, "")
    system, verb = System.GHL, Verb.DECIDE_CONTACT
    _decide(match, choices, action=action, gone=NO_CONTACT, by=by, verb=verb, label=str(label), system=system)


# ---------------------------------------------------------------- the campaign's record under an earlier address

MOVED_ALREADY = "This decision is no longer open: the lead was already moved."
MOVING = {
    MoveStatus.WAITS: "The campaign keeps the earlier address until you decide.",
    MoveStatus.MOVING: "Moving to the new address.",
    MoveStatus.MOVED: "Moved to the new address.",
    MoveStatus.STAYS: "The campaign keeps the earlier address.",
    MoveStatus.STOPPED: "Deleted there. The earlier address is suppressed, so the new one isn't added.",
}
MOVES: dict[str, str] = {MoveStatus.MOVING: "Move to the new address", MoveStatus.STAYS: "Keep the earlier address"}
MOVES_FROM = {
    MoveStatus.WAITS: [MoveStatus.MOVING, MoveStatus.STAYS],
    MoveStatus.STAYS: [MoveStatus.MOVING],
}


def _moves_shown(move: CampaignMove, lead: Lead | None = None) -> list[MoveStatus]:
    return MOVES_FROM.get(MoveStatus(move.status), [])


def moves_of(lead: Lead, *, may_decide: bool) -> list[PendingDecision]:
    """The records under earlier addresses, the newest first."""
    moves = CampaignMove.objects.filter(lead=lead).select_related("decided_by").order_by("-found_at", "-pk")
    return [
        PendingDecision(
            move,
            MOVING[MoveStatus(move.status)],
            [(each.value, MOVES[each]) for each in _moves_shown(move)] if may_decide else [],
        )
        for move in moves
    ]


def decide_campaign(move: CampaignMove, status: str, *, by: Any) -> None:
    """`_decide` about the earlier address."""
    system, verb = System.INSTANTLY, Verb.DECIDE_ADDRESS
    label = MOVES.get(status, "")
    _decide(move, _moves_shown, status=status, gone=MOVED_ALREADY, by=by, verb=verb, label=label, system=system)


# ---------------------------------------------------------------- whom the answer named

DECIDED = "Already decided, or the lead was retried since."


def mark_as_another_person(lead: Lead, *, by: Any) -> list[Handover]:
    """The lead is not the suppressed person its answer named: nothing more is asked about it, and what was withheld of
    it goes out; returns what is due.

    Raises:
        ActionNotAllowed: nobody is asked about it, or nothing may be delivered of it for another reason.
    """
    with transaction.atomic():
        lead = Lead.objects.select_for_update(of=("self",)).get(pk=lead.pk)
        if not lead.awaits_word:
            raise ActionNotAllowed(DECIDED)
        lead.needs_person, lead.error_kind, lead.error_message, lead.error_at = False, "", "", None
        check_may_be_handed_over(lead)
        cleared = {"needs_person": False, "error_kind": "", "error_message": "", "error_at": None}
        Lead.objects.filter(pk=lead.pk).update(**cleared, updated_at=timezone.now())
        audit.record(Verb.DECIDE_PERSON, by=by, on=lead)
        return _deliver(lead)


def _deliver(lead: Lead) -> list[Handover]:
    """Each delivery that waited for the decision is due once more; what was never planned is planned now."""
    last = {each.system: each for each in Handover.objects.filter(lead=lead).order_by("pk")}
    waited = [each for each in last.values() if _was_waiting(each)]
    planning.plan_retry(each.pk for each in waited)
    others = [system for system in System.values if system not in {each.system for each in waited}]
    planned = planning.plan_deliveries(lead, systems=others) if lead.enrichment_status in DELIVERED else []
    return [*waited, *planned]


def _was_waiting(handover: Handover) -> bool:
    return handover.status == HandoverStatus.WITHHELD and handover.error_kind == NAMED_SUPPRESSED
