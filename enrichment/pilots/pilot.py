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
from enrichment.jobs import jobs
from enrichment.jobs.kinds import Verbs
from enrichment.jobs.rows import RowJob
from enrichment.leads.actions import STAFF_PRIORITY
from enrichment.leads.retry_job import LEADS
from enrichment.models import Attempt, BatchItem, BulkJob, Lead, WaterfallVersion
from enrichment.models.job import JobKind
from enrichment.models.lead_queries import LeadQuerySet
from enrichment.pipeline.deliver.redeliver import suppressed_ids
from enrichment.states import AttemptStatus, EnrichmentStatus, ItemStatus
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay import chosen
from enrichment.waterfall.appraisal import Appraisals, appraise
from enrichment.waterfall.prices import Price, price_of
from enrichment.waterfall.provider_stats import provider_stats
from swarm_admin.core import jobs as runner
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.jobs import LIVE, Chunks, JobStatus

MOST = 500  # a pilot is a sample: more leads would say little more
OPEN_ATTEMPT = (AttemptStatus.INTENDED, AttemptStatus.RUNNING)
NOT_POSSIBLE = (
    "Clay runs every lead by the setup it has, so a draft can't be tested on some. Publish it, set it up in a copy of "
    "your Clay table, send a few leads there and compare cost and coverage. Roll back if it is worse."
)
LET_GO_DAYS = 1  # leads of a cancelled pilot are looked for so long


@dataclass(frozen=True)
class PilotPlan:
    """`price`: what one lead costs at most; `expected`: US dollars a lead by known hit rates. `time`: to send all."""

    leads: list[Lead]
    price: Price
    expected: Decimal
    left_out: dict[str, int]
    time: Estimate

    @property
    def cost(self) -> Decimal:
        return len(self.leads) * self.price.amount


def eligible_leads(source_type: str = "") -> LeadQuerySet:
    """Leads a pilot can be tried on: due, never enriched, in no other pilot, and not to be filled in only."""
    leads = Lead.objects.usable().filter(
        dispatch_after__isnull=False,
        enrichment_status=EnrichmentStatus.PENDING,
        only_providers=[],
        found_waterfalls=[],
        answered={},
        trial__isnull=True,
        retention_until__gt=timezone.now(),
    )
    return leads.filter(source_type=source_type) if source_type else leads


def draw_leads(count: int, source_type: str = "") -> list[int]:
    """`count` of them at random."""
    return list(eligible_leads(source_type).order_by("?").values_list("pk", flat=True)[: min(count, MOST)])


def check_can_pilot() -> None:
    """Raises ActionNotAllowed where a version cannot be tried: Clay takes no waterfalls with an enrichment."""
    if not chosen.can(Capability.TRIGGER):
        raise ActionNotAllowed(NOT_POSSIBLE)


def plan_pilot(draft: WaterfallVersion, ids: Sequence[int]) -> PilotPlan:
    """What trying the draft on these leads takes; who cannot be tried any more is left out."""
    leads = list(eligible_leads().filter(pk__in=list(ids)[:MOST]).order_by("pk"))
    blocked = suppressed_ids(leads)
    left_out = {"not waiting for their first enrichment, or in another pilot": len(set(ids)) - len(leads)}
    left_out["suppressed, so they can't be enriched"] = len(blocked)
    document = WaterfallDocument.model_validate(draft.document)
    chosen = [lead for lead in leads if lead.pk not in blocked]
    rowless = sum(lead.clay_row_id is None for lead in chosen)
    return PilotPlan(
        chosen,
        price_of(document),
        Decimal(str(appraise(document, provider_stats()).cost)).quantize(Decimal("0.0001")),
        {why: count for why, count in left_out.items() if count},
        estimate(Work(len(chosen), rowless, STAFF_PRIORITY, document=document)) if chosen else Estimate(),
    )


def start_pilot(draft: WaterfallVersion, ids: Sequence[int], *, revision: int, by: Any) -> BulkJob:
    """Try the draft, as it was at `revision`, on these leads; they go before the others.

    Raises:
        StaleDraft: somebody saved the draft since.
        ActionNotAllowed: nothing can be tried, a pilot is under way, or none of them can be tried.
    """
    check_can_pilot()
    if BulkJob.objects.filter(kind=JobKind.PILOT, status__in=LIVE).exists():
        raise ActionNotAllowed("A pilot is already running. Wait for it to finish, or cancel it.")
    pilot_plan = plan_pilot(draft, ids)
    if not pilot_plan.leads:
        raise ActionNotAllowed("None of these leads is available any more.")
    forecast = {"draft": forecast_of(draft), "live": forecast_of(versions.published(WaterfallVersion))}
    with transaction.atomic():
        trial = versions.keep_trial(draft, revision=revision, by=by)
        chosen = (
            eligible_leads().filter(pk__in=[lead.pk for lead in pilot_plan.leads]).order_by("pk").select_for_update()
        )
        locked_ids = list(chosen.values_list("pk", flat=True))
        Lead.objects.filter(pk__in=locked_ids).update(
            trial=trial, dispatch_after=timezone.now(), dispatch_priority=STAFF_PRIORITY, dispatch_by=by
        )
        return jobs.start(
            JobKind.PILOT,
            [(pk, pk) for pk in locked_ids],
            plan={
                "version": trial.pk,
                "draft": draft.number,
                "cost": str(len(locked_ids) * pilot_plan.price.amount),
                "cost_label": pilot_plan.price.label,
                "forecast": forecast,
            },
            by=by,
            counts={"version": trial.number},
            reason="",
        )


def forecast_of(version: WaterfallVersion) -> dict[str, Any]:
    """What is expected of a version, as it is kept with the job: dollars a lead, and {kind: coverage}."""
    document = WaterfallDocument.model_validate(version.document)
    appraisals: Appraisals = appraise(document, provider_stats())
    return {
        "cost": appraisals.cost,
        "coverage": {fall.kind: fall.outcome.coverage for fall in appraisals.falls},
        "assumes": appraisals.assumes,
        "unpriced": list(appraisals.unpriced),
    }


def trial_version(job: BulkJob) -> WaterfallVersion:
    return WaterfallVersion.objects.get(pk=job.plan["version"])


# ---------------------------------------------------------------- in the worker


class PilotJob(RowJob):
    """Its leads are dispatched like others: a turn only looks how far they are, and begins nothing."""

    name = JobKind.PILOT
    stage = "pilots"  # that a job was looked at does not say that jobs move
    icon = "flask"
    work = "Leads tested"
    verbs = Verbs(Verb.START_PILOT, Verb.END_PILOT, Verb.CANCEL_PILOT)
    stop_right = "enrichment.edit_waterfall"
    no_stop = "You don't have permission to manage pilots. Ask an admin."
    page = "waterfall_pilot_result"
    counted = "leads"
    recovered = "answered"
    failed_again = "failed"
    starts_at_once = True
    tick = "run_pilots"

    def chunks(self, job: BulkJob) -> Chunks:
        left = unanswered_leads(job)
        yield lambda: {"position": job.total - left}
        if left:
            yield None

    def counts(self, job: BulkJob) -> dict[str, int]:
        return {"leads": job.total}

    def about(self, job: BulkJob) -> str:
        return f"Waterfall draft, tested on {job.total:,} lead{'' if job.total == 1 else 's'}"

    def retry_handler_name(self, job: BulkJob) -> str:
        """A pilot's leads are leads like others."""
        return LEADS


def run_due() -> int:
    """Note how far every live pilot is, end those that are over, let go what cancelled ones hold; how many live."""
    since = timezone.now() - datetime.timedelta(days=LET_GO_DAYS)
    for job in BulkJob.objects.filter(kind=JobKind.PILOT, status=JobStatus.CANCELLED, finished_at__gte=since):
        release_leads(job)
    return runner.run_due([PilotJob()])


def unanswered_leads(job: BulkJob) -> int:
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


def release_leads(job: BulkJob) -> None:
    """What a cancelled pilot has not sent yet goes its usual way."""
    Lead.objects.filter(
        pk__in=job.members.values("subject"), trial=job.plan["version"], dispatch_after__isnull=False
    ).update(trial=None)
