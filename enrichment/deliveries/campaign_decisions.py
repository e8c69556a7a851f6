"""A lead that the campaign has under an earlier e-mail address: what is told of it, and what a person can decide."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from enrichment.deliveries.contact_decisions import deliver_after
from enrichment.leads import actions
from enrichment.models import CampaignMove, Lead
from enrichment.models.campaign_move import MoveStatus
from enrichment.models.handover import System
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed

DOING = {
    MoveStatus.WAITS: "The campaign keeps the earlier address until you decide.",
    MoveStatus.MOVING: "Moving to the new address.",
    MoveStatus.MOVED: "Moved to the new address.",
    MoveStatus.STAYS: "The campaign keeps the earlier address.",
    MoveStatus.STOPPED: "Deleted there. The earlier address is suppressed, so the new one isn't added.",
}
LABELS = {MoveStatus.MOVING: "Move to the new address", MoveStatus.STAYS: "Keep the earlier address"}
CHOICES = {
    MoveStatus.WAITS: [MoveStatus.MOVING, MoveStatus.STAYS],
    MoveStatus.STAYS: [MoveStatus.MOVING],
}
GONE = "This decision is no longer open: the lead was already moved."


@dataclass(frozen=True)
class Shown:
    """A move as the lead's page tells it; `choices`: (value, label) of the buttons."""

    move: CampaignMove
    doing: str
    choices: list[tuple[str, str]]


def moves_of(lead: Lead, *, may_decide: bool) -> list[Shown]:
    """The records under earlier addresses, the newest first."""
    found = CampaignMove.objects.filter(lead=lead).select_related("decided_by").order_by("-found_at", "-pk")
    return [_shown(move, may_decide) for move in found]


def _shown(move: CampaignMove, may_decide: bool) -> Shown:
    status = MoveStatus(move.status)
    possible = CHOICES.get(status, []) if may_decide else []
    return Shown(move, DOING[status], [(each.value, LABELS[each]) for each in possible])


def decide(move: CampaignMove, status: str, *, by: Any) -> None:
    """Keep the decision, and make the delivery that waits for it due.

    Raises:
        ActionNotAllowed: it cannot be decided so, or nothing may be delivered of the lead.
    """
    with transaction.atomic():
        lead = Lead.objects.select_for_update(of=("self",)).get(pk=move.lead_id)
        fresh = CampaignMove.objects.select_for_update().filter(pk=move.pk).first()
        if fresh is None or status not in CHOICES.get(MoveStatus(fresh.status), []):
            raise ActionNotAllowed(GONE)
        actions.check_may_be_handed_over(lead)
        fresh.status, fresh.decided_by, fresh.decided_at = MoveStatus(status), by, timezone.now()
        fresh.save(update_fields=["status", "decided_by", "decided_at"])
        audit.record(Verb.DECIDE_ADDRESS, by=by, on=lead, reason=LABELS[MoveStatus(status)])
        deliver_after(lead, System.INSTANTLY)
