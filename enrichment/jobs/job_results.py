"""The result of a finished job, kept once its last row has come to an end: what is tried again later is another job's.

Kept in the job's plan as `job_outcome.KEPT`, the figures of a `job_outcome.Counts`; never written a second time.
"""

from __future__ import annotations

import dataclasses

from enrichment.jobs.job_outcome import BY_ROWS, KEPT, counts_of, under_way
from enrichment.models import BulkJob
from enrichment.states import JobStatus

ENDED = (JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLED)


def keep_due() -> int:
    """Keep the result of every finished job whose rows have all ended; returns how many."""
    ended = BulkJob.objects.filter(kind__in=BY_ROWS, status__in=ENDED).exclude(plan__has_key=KEPT)
    return sum(_keep(job) for job in ended.order_by("pk"))


def _keep(job: BulkJob) -> bool:
    if under_way(job):
        return False
    counts = counts_of([job])[job.pk]
    if counts.under_way or under_way(job):  # a person has just tried one of its rows again
        return False
    mine = BulkJob.objects.filter(pk=job.pk, status=job.status).exclude(plan__has_key=KEPT)
    return bool(mine.update(plan={**job.plan, KEPT: dataclasses.asdict(counts)}))
