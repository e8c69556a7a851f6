"""How long a running job still takes, and whether it moves at all."""

from __future__ import annotations

import datetime
import time
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from enrichment.jobs.kinds import kind_of
from enrichment.models import BulkJob
from swarm_admin.core.durations import approximate, capitalize, duration
from swarm_admin.core.jobs import JobStatus

LOOKED_BACK_SECONDS = 60.0  # its pace is that of the last minute
STALLED_SECONDS = 30.0
KEPT_SECONDS = 3_600


@dataclass(frozen=True)
class TimeLeft:
    """`words`: "About 3 min left." or why there is no figure, a sentence; `stalled`: it has not moved for a while."""

    words: str
    stalled: bool = False


def time_left(job: BulkJob) -> TimeLeft:
    """By the vendors' limits where rows are sent to a vendor, else by the job's own pace."""
    if job.status == JobStatus.QUEUED:
        return TimeLeft("Waiting for a worker.")
    if job.status != JobStatus.RUNNING:
        return TimeLeft("")
    own_estimate = kind_of(job).time_left(job)
    return TimeLeft(own_estimate) if own_estimate else _by_pace(job)


def _by_pace(job: BulkJob) -> TimeLeft:
    pace, still_for = _pace(job)
    if still_for >= STALLED_SECONDS:
        return TimeLeft(
            f"No progress for {duration(still_for)}. Another worker takes over if this one doesn't recover.",
            stalled=True,
        )
    if not pace:
        return TimeLeft("No estimate yet.")
    return TimeLeft(f"{capitalize(approximate((job.total - job.position) / pace))} left.")


def _pace(job: BulkJob) -> tuple[float, float]:
    """(rows a second, seconds since it was first seen where it stands), from what earlier looks have kept."""
    key, now = f"job-pace:{job.pk}", time.time()
    seen = [each for each in cache.get(key, []) if each[1] <= job.position]
    if not seen or seen[-1][1] != job.position:
        seen.append((now, job.position))
    while len(seen) > 2 and seen[1][0] < now - LOOKED_BACK_SECONDS:
        seen.pop(0)
    cache.set(key, seen, KEPT_SECONDS)
    (began, first), (moved, last) = seen[0], seen[-1]
    pace = (last - first) / (now - began) if last > first else 0.0
    return pace or (_since_its_start(job) if len(seen) == 1 and now == moved else 0.0), now - moved


def _since_its_start(job: BulkJob) -> float:
    """Rows a second, for the first look; 0.0 where its worker has given no sign of life for a lease."""
    now = timezone.now()
    lease = datetime.timedelta(seconds=settings.LEASE_SECONDS)
    if job.started_at is None or job.in_flight_since is None or now - job.in_flight_since > lease:
        return 0.0
    seconds = (now - job.started_at).total_seconds()
    return job.position / seconds if seconds > 0 else 0.0
