"""A draft tried on some of the leads that wait, before it is published: planned, run as a job, measured.

What is tried is a copy of the draft as it was (a version that is never published), so that its attempts say what they
ran under whatever becomes of the draft. A pilot buys everything anew: what the mirror knows is not taken over.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from enrichment import versions
from enrichment.documents.waterfall import WaterfallDocument
from enrichment.estimates.estimating import Estimate, Work, estimate
from enrichment.leads.actions import STAFF_PRIORITY, suppressed
from enrichment.models import Attempt, BatchItem, BulkJob, JobMember, Lead, WaterfallVersion
from enrichment.models.job import JobKind
from enrichment.models.lead_queries import LeadQuerySet
from enrichment.states import AttemptStatus, EnrichmentStatus, ItemStatus, JobStatus
from enrichment.waterfall.appraisal import Appraisal, appraise
from enrichment.waterfall.observed import ledger
from enrichment.waterfall.prices import Price, price
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.states import advance

MOST = 500  # a pilot is a sample: more leads would say little more
LIVE = (JobStatus.QUEUED, JobStatus.RUNNING)
OPEN_ATTEMPT = (AttemptStatus.INTENDED, AttemptStatus.RUNNING)
LET_GO_DAYS = 1  # leads of a cancelled pilot are looked for so long


@dataclass(frozen=True)
class PilotPlan:
    """`each`: what one lead costs at most; `expected`: US dollars a lead by known hit rates. `time`: to send all."""

    leads: list[Lead]
    each: Price
    expected: Decimal
    left_out: dict[str, int]
    time: Estimate

    @property
    def cost(self) -> Decimal:
        return len(self.leads) * self.each.amount


def waiting(source_type: str = "") -> LeadQuerySet:
    """Leads a pilot can be tried on: due, never enriched, in no other pilot, and not to be filled in only."""
    found = Lead.objects.usable().filter(
        dispatch_after__isnull=False,
        enrichment_status=EnrichmentStatus.PENDING,
        only_providers=[],
        found_waterfalls=[],
        answered={},
        trial__isnull=True,
        retention_until__gt=timezone.now(),
    )
    return found.filter(source_type=source_type) if source_type else found


def drawn(count: int, source_type: str = "") -> list[int]:
    """`count` of them at random."""
    return list(waiting(source_type).order_by("?").values_list("pk", flat=True)[: min(count, MOST)])


def plan(draft: WaterfallVersion, ids: Sequence[int]) -> PilotPlan:
    """What trying the draft on these leads takes; who cannot be tried any more is left out."""
    leads = list(waiting().filter(pk__in=list(ids)[:MOST]).order_by("pk"))
    blocked = suppressed(leads)
    left_out = {"not waiting for their first enrichment, or in another pilot": len(set(ids)) - len(leads)}
    left_out["suppressed, so they can't be enriched"] = len(blocked)
    document = WaterfallDocument.model_validate(draft.document)
    chosen = [lead for lead in leads if lead.pk not in blocked]
    rowless = sum(lead.clay_row_id is None for lead in chosen)
    return PilotPlan(
        chosen,
        price(document),
        Decimal(str(appraise(document, ledger()).cost)).quantize(Decimal("0.0001")),
        {why: count for why, count in left_out.items() if count},
        estimate(Work(len(chosen), rowless, STAFF_PRIORITY, document=document)) if chosen else Estimate(),
    )


def start(draft: WaterfallVersion, ids: Sequence[int], *, revision: int, by: Any) -> BulkJob:
    """Try the draft, as it was at `revision`, on these leads; they go before the others.

    Raises:
        Stale: somebody saved the draft since.
        ActionNotAllowed: a pilot is under way, or none of them can be tried.
    """
    if BulkJob.objects.filter(kind=JobKind.PILOT, status__in=LIVE).exists():
        raise ActionNotAllowed("A pilot is already running. Wait for it to finish, or cancel it.")
    found = plan(draft, ids)
    if not found.leads:
        raise ActionNotAllowed("None of these leads is available any more.")
    forecast = {"draft": told(draft), "live": told(versions.published(WaterfallVersion))}
    with transaction.atomic():
        trial = versions.keep_trial(draft, revision=revision, by=by)
        chosen = waiting().filter(pk__in=[lead.pk for lead in found.leads]).order_by("pk").select_for_update()
        taken = list(chosen.values_list("pk", flat=True))
        Lead.objects.filter(pk__in=taken).update(
            trial=trial, dispatch_after=timezone.now(), dispatch_priority=STAFF_PRIORITY, dispatch_by=by
        )
        job = BulkJob.objects.create(
            kind=JobKind.PILOT,
            created_by=by,
            total=len(taken),
            plan={
                "version": trial.pk,
                "draft": draft.number,
                "count": len(taken),
                "cost": str(len(taken) * found.each.amount),
                "cost_label": found.each.label,
                "forecast": forecast,
            },
        )
        JobMember.objects.bulk_create(
            JobMember(job=job, position=place, subject=pk, lead_id=pk) for place, pk in enumerate(taken)
        )
        audit.record(Verb.START_PILOT, by=by, on=job, counts={"leads": len(taken), "version": trial.number})
    return job


def told(version: WaterfallVersion) -> dict[str, Any]:
    """What is expected of a version, as it is kept with the job: dollars a lead, and {kind: coverage}."""
    document = WaterfallDocument.model_validate(version.document)
    found: Appraisal = appraise(document, ledger())
    return {
        "cost": found.cost,
        "coverage": {fall.kind: fall.outcome.coverage for fall in found.falls},
        "assumes": found.assumes,
        "unpriced": list(found.unpriced),
    }


def trial_of(job: BulkJob) -> WaterfallVersion:
    return WaterfallVersion.objects.get(pk=job.plan["version"])


# ---------------------------------------------------------------- in the worker


def run_due() -> int:
    """Note how far every live pilot is, end those that are over, let go what cancelled ones hold; how many live."""
    since = timezone.now() - datetime.timedelta(days=LET_GO_DAYS)
    for job in BulkJob.objects.filter(kind=JobKind.PILOT, status=JobStatus.CANCELLED, finished_at__gte=since):
        let_go(job)
    live = list(BulkJob.objects.filter(kind=JobKind.PILOT, status__in=LIVE))
    for job in live:
        _look(job)
    return len(live)


def _look(job: BulkJob) -> None:
    mine = BulkJob.objects.filter(pk=job.pk)
    now = timezone.now()
    advance(mine.filter(status=JobStatus.QUEUED), JobStatus.RUNNING, started_at=now)
    left = under_way(job)
    mine.filter(status=JobStatus.RUNNING).update(position=job.total - left)
    if left:
        return
    with transaction.atomic():
        if advance(mine.filter(status=JobStatus.RUNNING), JobStatus.DONE, finished_at=now):
            audit.record(Verb.END_PILOT, on=job, counts={"leads": job.total})


def under_way(job: BulkJob) -> int:
    """How many of its leads have not been answered yet; one that waits to be filled in has been."""
    version = job.plan["version"]
    leads = Lead.objects.filter(pk__in=job.members.values("subject"), trial=version)
    due = Q(dispatch_after__isnull=False, only_providers=[])
    in_batch = Q(
        pk__in=BatchItem.objects.filter(lead__in=job.members.values("subject"), status=ItemStatus.PLANNED).values(
            "lead"
        )
    )
    running = Q(pk__in=Attempt.objects.filter(waterfall=version, status__in=OPEN_ATTEMPT).values("lead"))
    return leads.filter(due | in_batch | running).count()


def let_go(job: BulkJob) -> None:
    """What a cancelled pilot has not sent yet goes its usual way."""
    Lead.objects.filter(
        pk__in=job.members.values("subject"), trial=job.plan["version"], dispatch_after__isnull=False
    ).update(trial=None)
