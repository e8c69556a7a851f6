"""How a job stands or ended, in the same words wherever it is shown: by its results, not by its having run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from enrichment.jobs.kinds import kind_of
from enrichment.jobs.outcomes import Counts, Outcome
from enrichment.jobs.rows import counts_of
from enrichment.models import BulkJob
from swarm_admin.core.cache import cached


def outcomes(jobs: Iterable[BulkJob]) -> dict[int, Outcome]:
    """{job: its outcome} of a page of a list, some seconds old at most."""
    listed = list(jobs)
    version = ",".join(f"{job.pk}:{job.status}:{job.position}" for job in listed)
    name = f"job-counts:{hashlib.sha256(version.encode()).hexdigest()[:20]}"
    counts = cached(name, lambda: counts_of(listed)) if listed else {}
    return {job.pk: outcome(job, counts.get(job.pk, Counts())) for job in listed}


def outcome(job: BulkJob, counts: Counts | None = None) -> Outcome:
    """The outcome of one job; `counts` where they are known already."""
    return kind_of(job).outcome(job, counts_of([job]).get(job.pk, Counts()) if counts is None else counts)
