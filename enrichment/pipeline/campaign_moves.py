"""A lead whose record at Instantly has another e-mail: whether it is moved, and what is kept of that before it is.

Instantly cannot change an address, so the record is deleted and the lead added anew. Who replied under the earlier
address, or unsubscribed there, is moved by nobody but a person; who is suppressed under either is not added.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.utils import timezone

from enrichment.models import CampaignMove, Lead
from enrichment.models.campaign_move import MoveStatus
from enrichment.models.handover import ANSWERED
from enrichment.pipeline.delivery_outcomes import NeedsDecision, Withheld
from enrichment.vendors.instantly.client import Lead as CampaignLead
from enrichment.vendors.reading import Unreadable, moment
from gdpr.suppression import gate

REPLIED = "The person replied in the campaign under an earlier e-mail address."
UNSUBSCRIBED = "The person unsubscribed from the campaign under an earlier e-mail address."
SUPPRESSED = "suppressed"
Step = MoveStatus | NeedsDecision | Withheld
Found = Sequence[tuple[Lead, CampaignLead]]


def decide_moves(found: Found) -> list[Step | None]:
    """What is done with each record of another address, kept before the calls; None: it is another lead's record.

    MOVING: delete and add; STAYS: a person decided that the earlier address goes on.
    """
    ids = [record.id for _, record in found]
    owners = set(Lead.objects.filter(instantly_lead_id__in=ids).values_list("instantly_lead_id", "pk"))
    decided = {(move.lead_id, move.old_id): move for move in CampaignMove.objects.filter(old_id__in=ids)}
    blocked = _blocked([(lead, record.email) for lead, record in found])
    steps: list[Step | None] = []
    for place, (lead, record) in enumerate(found):
        if any(old_id == record.id and pk != lead.pk for old_id, pk in owners):
            steps.append(None)
        elif place in blocked:
            steps.append(Withheld(SUPPRESSED))
        else:
            steps.append(_step(record, decided.get((lead.pk, record.id))))
    _save_decisions([(lead, record, step) for (lead, record), step in zip(found, steps, strict=True)])
    return steps


def suppressed_while_moving(leads: Sequence[Lead]) -> set[int]:
    """Of leads whose record is deleted and not added yet: those suppressed under the earlier address, now or before.

    From then on the address is not kept, and the lead is not added.
    """
    by_key = {lead.pk: lead for lead in leads}
    moves = list(CampaignMove.objects.filter(lead__in=by_key, status__in=[MoveStatus.MOVING, MoveStatus.STOPPED]))
    moving = [move for move in moves if move.status == MoveStatus.MOVING and move.old_email]
    blocked = _blocked([(by_key[move.lead_id], move.old_email) for move in moving])
    stopped = [moving[place] for place in blocked]
    CampaignMove.objects.filter(pk__in=[move.pk for move in stopped]).update(status=MoveStatus.STOPPED, old_email="")
    stopped += [
        move
        for move in moves
        if move.status == MoveStatus.STOPPED and move.old_id == by_key[move.lead_id].instantly_lead_id
    ]
    return {move.lead_id for move in stopped}


def complete_moves(sent: Mapping[int, str]) -> None:
    """The moves of {lead: its record now} that were under way are over; the earlier address is kept no longer."""
    for move in CampaignMove.objects.filter(lead__in=list(sent), status=MoveStatus.MOVING):
        mine = CampaignMove.objects.filter(pk=move.pk)
        if move.old_id == sent[move.lead_id]:
            mine.delete()  # the lead has that address again, before anything was deleted
        else:
            mine.update(old_email="", status=MoveStatus.MOVED, new_id=sent[move.lead_id])


def _blocked(asked: Sequence[tuple[Lead, str]]) -> set[int]:
    identities = [replace(lead.identity, emails=(*lead.identity.emails, email)) for lead, email in asked]
    return gate.screen(identities, "delivery") if identities else set()


def _step(record: CampaignLead, move: CampaignMove | None) -> Step:
    if move is not None and move.decided_at:
        return MoveStatus(move.status)
    if record.unsubscribed:
        return NeedsDecision(ANSWERED, UNSUBSCRIBED)
    return NeedsDecision(ANSWERED, REPLIED) if record.replied else MoveStatus.MOVING


def _save_decisions(decided: Sequence[tuple[Lead, CampaignLead, Step | None]]) -> None:
    """Whoever was erased meanwhile has none."""
    rows = [_row(lead, record, step) for lead, record, step in decided if isinstance(step, MoveStatus | NeedsDecision)]
    if not rows:
        return
    with transaction.atomic():
        leads = Lead.objects.filter(pk__in={row.lead_id for row in rows}).order_by("pk")
        present = set(leads.select_for_update().values_list("pk", flat=True))
        CampaignMove.objects.bulk_create(
            [row for row in rows if row.lead_id in present],
            update_conflicts=True,
            unique_fields=["lead", "old_id"],
            update_fields=["status", "old_email", "contacted_at", "opens", "replies", "unsubscribed"],
        )


def _row(lead: Lead, record: CampaignLead, step: MoveStatus | NeedsDecision) -> CampaignMove:
    status = step if isinstance(step, MoveStatus) else MoveStatus.WAITS
    return CampaignMove(
        lead_id=lead.pk,
        old_id=record.id,
        old_email=record.email if status == MoveStatus.MOVING else "",
        status=status,
        contacted_at=_moment(record.last_contact),
        opens=_count(record.opens),
        replies=_count(record.replies),
        unsubscribed=record.unsubscribed,
        found_at=timezone.now(),
    )


def _count(answered: int) -> int:
    return min(max(answered, 0), 1_000_000)  # what a column holds, whatever is answered


def _moment(text: str) -> Any:
    try:
        return moment(text) if text else None
    except Unreadable:
        return None
