"""The lease of long work: one worker at a job, which goes on from its position where that worker is lost."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from enrichment.jobs.job_verbs import END
from enrichment.models import BulkJob
from enrichment.models.job import JobKind
from enrichment.states import JobStatus
from gdpr import audit
from swarm_admin.core import work
from swarm_admin.core.states import advance

LIVE = (JobStatus.QUEUED, JobStatus.RUNNING)


def hand_back_lapsed(kinds: Sequence[str], *, seconds: float | None = None) -> None:
    """Jobs whose worker was lost go on; one that lost three without getting a step further has failed.

    `seconds`: a lease other than LEASE_SECONDS.
    """

    def set_aside(jobs: QuerySet[BulkJob], lease: work.Values) -> None:
        for job in list(jobs):
            words = f"{work.LOST_SENTENCE} It stopped at row {job.position:,}."
            with transaction.atomic():
                mine = jobs.filter(pk=job.pk)
                if advance(mine, JobStatus.FAILED, finished_at=timezone.now(), error=words, **lease):
                    counts = {"rows": job.position}
                    audit.record(END[JobKind(job.kind)], on=job, counts=counts, reason=JobStatus.FAILED)

    held = BulkJob.objects.filter(kind__in=kinds, status=JobStatus.RUNNING, in_flight_since__isnull=False)
    work.hand_back_lapsed(
        held, lambda jobs, lease: advance(jobs, JobStatus.QUEUED, **lease), set_aside, seconds=seconds
    )


def free(kinds: Sequence[str]) -> list[int]:
    """The live jobs that nobody is at, in the order in which they were asked for."""
    return list(_free(kinds).order_by("id").values_list("id", flat=True))


def _free(kinds: Sequence[str]) -> QuerySet[BulkJob]:
    nobody_started = Q(kind=JobKind.IMPORT, columns={})
    return BulkJob.objects.filter(~nobody_started, kind__in=kinds, status__in=LIVE, in_flight_since=None)


def claim(job_id: int, kinds: Sequence[str]) -> BulkJob | None:
    """The job, running and ours; None where another worker has it, or it ended."""

    def begin(mine: QuerySet[Any], lease: work.Values) -> None:
        began = Coalesce("started_at", Value(timezone.now()))
        if not advance(mine, JobStatus.RUNNING, started_at=began, **lease):
            mine.update(**lease)

    if not work.claim(_free(kinds).filter(pk=job_id), 1, begin, stage="jobs"):
        return None
    return BulkJob.objects.select_related("created_by").get(pk=job_id)
