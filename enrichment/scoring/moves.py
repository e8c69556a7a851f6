"""Leads that a rescore lifted into a campaign tier: delivered or dismissed by a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from enrichment.estimates.estimating import Work, estimate
from enrichment.jobs import jobs
from enrichment.jobs.kinds import Verbs
from enrichment.jobs.retry_handlers import RetryHandler
from enrichment.jobs.rows import RetryJob
from enrichment.models import BulkJob, Handover, Lead, Rescore, TierMove
from enrichment.models.handover import System
from enrichment.models.job import JobKind
from enrichment.pipeline.deliver import planning
from enrichment.pipeline.deliver.redeliver import suppressed_ids
from enrichment.scoring.tier_moves import waiting_moves
from enrichment.states import HandoverStatus, MoveStatus
from enrichment.vendors.instantly.fields import CAMPAIGN_TIERS
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.states import advance

RETRY_HANDLER_NAME = "moves"  # in `retry_handlers.RETRY_HANDLERS`
GONE = "The lead no longer exists, or it was already reviewed."
OVERTAKEN = "The lead is no longer in a campaign tier."
SUPPRESSED = "The person is suppressed or restricted, so nothing can be delivered."
NOTHING_DUE = "Already delivered, or a delivery is in progress."


# ---------------------------------------------------------------- the review


def deliver_moves(chosen: QuerySet[TierMove], *, by: Any) -> BulkJob:
    """Start a job that hands these leads over, the best first; whoever is not delivered stays out with the reason.

    Raises:
        ActionNotAllowed: nothing of it waits.
    """
    chosen = chosen.filter(status=MoveStatus.WAITING)
    if not chosen.exists():
        raise ActionNotAllowed("Nothing left to review here.")
    best_first = chosen.order_by("-score", "pk").values_list("pk", "lead_id")
    return jobs.start(JobKind.DELIVER_MOVED, best_first, plan={"what": RETRY_HANDLER_NAME}, by=by, reason="")


def deliver_all(rescore: Rescore, *, by: Any) -> BulkJob | None:
    """Hand over everyone this rescore lifted; None where there is nobody."""
    try:
        return deliver_moves(rescore.moves.all(), by=by)
    except ActionNotAllowed:
        return None


def dismiss_moves(chosen: QuerySet[TierMove], *, by: Any) -> int:
    """Leave these leads undelivered; returns how many. A later change of the lead delivers it as ever."""
    with transaction.atomic():
        ids = list(chosen.filter(status=MoveStatus.WAITING).values_list("pk", flat=True))
        count = advance(
            TierMove.objects.filter(pk__in=ids),
            MoveStatus.DISMISSED,
            decided_by=by,
            decided_at=timezone.now(),
        )
        audit.record(Verb.DISMISS_MOVES, by=by, object_type="tiermove", counts={"leads": count})
    return count


# ---------------------------------------------------------------- the job


def retry_moves(ids: Sequence[int], by: Any) -> dict[int, str]:
    """Plan these moves' deliveries inside the caller's transaction; returns {move: why not} of the others."""
    locked = {move.pk: move for move in waiting_moves().filter(pk__in=ids).order_by("pk").select_for_update()}
    leads = {
        lead.pk: lead
        for lead in Lead.objects.filter(pk__in=[move.lead_id for move in locked.values()])
        .order_by("pk")
        .select_for_update()
    }
    blocked = suppressed_ids(leads.values())
    why: dict[int, str] = {pk: GONE for pk in ids if pk not in locked}
    settled: dict[MoveStatus, list[int]] = {status: [] for status in MoveStatus}
    for move in locked.values():
        lead = leads[move.lead_id]
        status, reason = _outcome(lead, lead.pk in blocked or bool(lead.restriction))
        settled[status].append(move.pk)
        if reason:
            why[move.pk] = reason
        else:
            audit.record(Verb.DELIVER_MOVED, by=by, object_type="lead", object_id=str(lead.pk))
    for status, keys in settled.items():
        if keys:
            chosen = TierMove.objects.filter(pk__in=keys)
            advance(chosen, status, decided_by=by, decided_at=timezone.now())
    return why


def _outcome(lead: Lead, blocked: bool) -> tuple[MoveStatus, str]:
    """What becomes of the move, and why nothing was planned; plans the deliveries."""
    if lead.icp_tier not in CAMPAIGN_TIERS:
        return MoveStatus.OVERTAKEN, OVERTAKEN
    if blocked:
        return MoveStatus.DISMISSED, SUPPRESSED
    return MoveStatus.DELIVERED, "" if planning.plan_deliveries(lead) else NOTHING_DUE


def moves_under_way() -> Q:
    """Moves whose lead has a delivery that is not finished."""
    return Q(lead__in=Handover.objects.filter(status__in=planning.OPEN).values("lead"))


def failed_moves() -> QuerySet[TierMove]:
    """Moves whose delivery started and failed, and was not overtaken by a later one to the same system."""
    later = Handover.objects.filter(lead=OuterRef("lead"), system=OuterRef("system"), pk__gt=OuterRef("pk"))
    lost = Handover.objects.filter(~Exists(later), status=HandoverStatus.FAILED).values("lead")
    return TierMove.objects.filter(status=MoveStatus.DELIVERED, lead__in=lost)


def delivered_moves() -> Q:
    """Moves whose lead the other side took."""
    return Q(lead__in=Handover.objects.filter(status=HandoverStatus.DONE).values("lead"))


def _time_left(keys: QuerySet[Any]) -> str:
    count = keys.count()
    return estimate(Work(deliveries={System.GHL: count, System.INSTANTLY: count})).left


class DeliverMoved(RetryJob):
    name = JobKind.DELIVER_MOVED
    icon = "send"
    work = "Deliveries planned"
    verbs = Verbs(Verb.START_MOVED_DELIVERY, Verb.END_MOVED_DELIVERY, Verb.CANCEL_MOVED_DELIVERY)
    stop_right = "enrichment.deliver_lead"
    no_stop = "You don't have permission to manage deliveries. Ask an admin."
    screen = ("icp_review", "Review")
    counted = "leads"
    retry_handlers = {
        RETRY_HANDLER_NAME: RetryHandler(
            TierMove, retry_moves, moves_under_way, moves_under_way, failed_moves, delivered_moves, "", _time_left
        )
    }

    def about(self, job: BulkJob) -> str:
        return f"{job.total:,} {'lead' if job.total == 1 else 'leads'} that a scorecard moved into Tier 1 or 2"
