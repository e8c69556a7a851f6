"""Trying again everything that failed for one cause: what a person starts, and the kind of job it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db import transaction
from django.db.models import F

from enrichment.failures.causes import Cause
from enrichment.failures.failure_retry import MOST, RETRY_HANDLERS, FailurePlan
from enrichment.failures.failure_retry import plan_for_cause as plan_of
from enrichment.failures.sources import SOURCES, members_of
from enrichment.jobs import jobs
from enrichment.jobs.kinds import JobPage
from enrichment.jobs.rows import RetryJob
from enrichment.leads.retry_job import NO_RETRY, RETRY, VERBS
from enrichment.models import BulkJob
from enrichment.models.job import JobKind
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.jobs import LIVE


def check_can_start(cause: Cause) -> FailurePlan:
    """The plan of a retry of everything that failed for this cause.

    Raises:
        ActionNotAllowed: with a sentence for the person who asked.
    """
    if job := live_job(cause):
        raise ActionNotAllowed(f"Job {job.pk} is already retrying these.")
    return plan_of(cause)


def live_job(cause: Cause) -> BulkJob | None:
    return BulkJob.objects.filter(kind=JobKind.RETRY, status__in=LIVE, plan__key=cause.key).first()


def start_retry(cause: Cause, *, by: Any) -> BulkJob:
    """Freeze all that failed for this cause as a job, oldest first; the worker goes on from there.

    Raises:
        ActionNotAllowed: nothing of it can be tried again now, or a job is at it.
    """
    failure_plan = check_can_start(cause)
    if not failure_plan.count:
        raise ActionNotAllowed(" ".join(failure_plan.left_out) or "This group is empty.")
    rows = members_of(cause).order_by(F("cause_at").asc(nulls_first=True), "pk").values_list("pk", "cause_lead")
    with transaction.atomic():
        return jobs.start(JobKind.RETRY, rows[:MOST], plan=_document(cause, failure_plan), by=by, reason=cause.kind)


def _document(cause: Cause, found: FailurePlan) -> dict[str, Any]:
    return {
        "key": cause.key,
        "what": cause.what,
        "kind": cause.kind,
        "provider": cause.provider,
        "shape": cause.shape,
        "count": found.count,
        "cost": str(found.cost) if cause.what == "enrichment" else None,  # nothing else is bought
        "cost_label": found.cost_label,
        "time": found.time.words,
        "left_out": dict(found.left_out),
    }


def cause_of(job: BulkJob) -> Cause:
    return Cause(*(job.plan[name] for name in ("what", "kind", "provider", "shape")))


class RetryOfCause(RetryJob):
    name = JobKind.RETRY
    icon = "refresh"
    work = "Rows retried"
    verbs = VERBS
    stop_right = RETRY
    no_stop = NO_RETRY
    screen = ("failures", "Failures")
    retry_handlers = RETRY_HANDLERS

    def about(self, job: BulkJob) -> str:
        cause = cause_of(job)
        return f"{cause.title}, {cause.provider_name}" if cause.provider else cause.title

    def icon_of(self, job: BulkJob) -> str:
        return SOURCES[cause_of(job).what].icon

    def facts(self, job: BulkJob) -> dict[str, str]:
        return {"Cause": self.about(job), **super().facts(job)}

    def show(self, job: BulkJob) -> JobPage:
        return replace(super().show(job), code=cause_of(job).shape)
