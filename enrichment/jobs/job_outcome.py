"""How a job stands or ended, in the same words wherever it is shown: by its results, not by its having run.

A retry is over when its rows are queued again; what they come to is told by the rows themselves until the last of
them has ended. From then on it is told as it was kept (`job_results`), whatever becomes of the rows afterwards.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.db.models import Count, QuerySet
from django.utils import timezone

from enrichment.jobs.retry_handlers import LEADS, WAYS
from enrichment.models import BulkJob, JobMember
from enrichment.models.job import JobKind
from enrichment.states import JobStatus, MemberStatus
from swarm_admin.core.cache import remembered

KEPT = "came_to"  # of a job's plan: its `Counts` when its last row had ended
# Run by `jobs`, row by frozen row; a pilot's rows are frozen too, and run by the pilot.
BY_MEMBERS = (JobKind.RETRY, JobKind.RETRY_LEADS, JobKind.RETRY_DELIVERIES, JobKind.DELIVER_MOVED)
BY_ROWS = (*BY_MEMBERS, JobKind.PILOT)
FRESH = datetime.timedelta(hours=1)  # so long is a success news, and green


@dataclass(frozen=True)
class Counts:
    """What became of the rows a job `started`: as kept at its end, before that as they are now.

    `other`: they ended without a result, or are gone.
    """

    started: int = 0
    under_way: int = 0
    failed: int = 0
    recovered: int = 0

    @property
    def other(self) -> int:
        return max(self.started - self.under_way - self.failed - self.recovered, 0)


@dataclass(frozen=True)
class Outcome:
    """`label` with its icon and colour; `parts`: the figures behind it, (how many, words); `sentence`: the end."""

    label: str
    icon: str
    colour: str
    parts: tuple[tuple[int, str], ...] = ()
    sentence: str = ""


# ---------------------------------------------------------------- what became of the rows


def counts_of(jobs: Iterable[BulkJob]) -> dict[int, Counts]:
    """{job: its counts} of those that work row by row; four statements for each kind of row that is not kept yet."""
    by_way: dict[str, list[BulkJob]] = {}
    kept: dict[int, Counts] = {}
    for job in jobs:
        if KEPT in job.plan:
            kept[job.pk] = Counts(**job.plan[KEPT])
        elif what := way_of(job):
            by_way.setdefault(what, []).append(job)
    return kept | {pk: found for what, some in by_way.items() for pk, found in _counts(what, some).items()}


def under_way(job: BulkJob) -> bool:
    """Whether a row the job started has not come to an end."""
    way = WAYS[way_of(job)]
    started = _started([job]).values("subject")
    return bool(way.model._default_manager.filter(way.open(), pk__in=started).exists())


def way_of(job: BulkJob) -> str:
    """The way of `retry_handlers.WAYS` its rows go; "" where it has none. A pilot's leads are leads like others."""
    return LEADS if job.kind == JobKind.PILOT else str(job.plan.get("what", ""))


def _counts(what: str, jobs: list[BulkJob]) -> dict[int, Counts]:
    way = WAYS[what]
    rows = way.model._default_manager
    started = _started(jobs)
    failed = way.failed().exclude(way.open())
    groups = {
        "under_way": rows.filter(way.open()),
        "failed": failed,
        "recovered": rows.filter(way.done()).exclude(way.open()).exclude(pk__in=failed.values("pk")),
    }
    found = {name: _per_job(started.filter(subject__in=each.values("pk"))) for name, each in groups.items()}
    total = _per_job(started)
    return {
        job.pk: Counts(total.get(job.pk, 0), **{name: each.get(job.pk, 0) for name, each in found.items()})
        for job in jobs
    }


def _started(jobs: list[BulkJob]) -> QuerySet[JobMember]:
    members = JobMember.objects.filter(job__in=jobs).exclude(status=MemberStatus.LEFT_OUT)
    # A pilot's members stay as they were planned: its leads were queued all at once.
    return members.filter(status=MemberStatus.DONE) | members.filter(job__kind=JobKind.PILOT)


def _per_job(members: object) -> dict[int, int]:
    return dict(members.order_by().values_list("job").annotate(n=Count("pk")))  # type: ignore[attr-defined]


# ---------------------------------------------------------------- in words


def outcomes(jobs: Iterable[BulkJob]) -> dict[int, Outcome]:
    """{job: its outcome} of a page of a list, some seconds old at most."""
    listed = list(jobs)
    told = ",".join(f"{job.pk}:{job.status}:{job.position}" for job in listed)
    name = f"job-counts:{hashlib.sha256(told.encode()).hexdigest()[:20]}"
    counts = remembered(name, lambda: counts_of(listed)) if listed else {}
    return {job.pk: outcome(job, counts.get(job.pk)) for job in listed}


def outcome(job: BulkJob, counts: Counts | None = None) -> Outcome:
    """The outcome of one job; `counts` where they are known already."""
    if counts is None:
        counts = counts_of([job]).get(job.pk, Counts())
    parts = tuple(part for part in _PARTS.get(job.kind, _retried)(job, counts) if part[0])
    if job.waits_for_person:
        return Outcome("Waiting for you", "user-exclamation", "amber", parts)
    if job.status in _BEFORE_THE_END:
        label, icon, colour = _BEFORE_THE_END[JobStatus(job.status)]
        return Outcome(label, icon, colour, parts, _untouched(job))
    return _ENDS.get(job.kind, _end_of_retry if way_of(job) else _end_as_it_ran)(job, counts, parts)


_BEFORE_THE_END = {  # or without one
    JobStatus.QUEUED: ("Queued", "clock", "grey"),
    JobStatus.RUNNING: ("Running", "loader-2", "blue"),
    JobStatus.FAILED: ("Stopped", "alert-triangle", "red"),
    JobStatus.CANCELLED: ("Cancelled", "circle-x", "grey"),
}


def _untouched(job: BulkJob) -> str:
    left = max(job.total - job.position, 0)
    if job.status != JobStatus.CANCELLED:
        return ""
    return f"Cancelled; {left:,} row{'' if left == 1 else 's'} {'was' if left == 1 else 'were'} not touched."


Parts = tuple[tuple[int, str], ...]


def _retried(job: BulkJob, counts: Counts) -> Parts:
    return (
        (counts.recovered, "answered" if job.kind == JobKind.PILOT else "recovered"),
        (counts.failed, "failed" if job.kind == JobKind.PILOT else "failed again"),
        (counts.other, "without a result"),
        (counts.under_way, "in progress"),
        (job.rejected, "skipped"),
    )


def _imported(job: BulkJob, counts: Counts) -> Parts:
    return (
        (job.accepted, "accepted"),
        (job.known, "already existed"),
        (job.rejected, "rejected"),
        (job.suppressed, "suppressed"),
    )


def _end_of_retry(job: BulkJob, counts: Counts, parts: Parts) -> Outcome:
    started, words = counts.started, "failed" if job.kind == JobKind.PILOT else "failed again"
    if not started:
        return Outcome("Nothing to do", "circle-minus", "grey", parts, "All rows were skipped.")
    if counts.under_way:
        failed = f" {counts.failed:,} {words} so far." if counts.failed else ""
        verb = "is" if counts.under_way == 1 else "are"
        rest = f"Queued again; {counts.under_way:,} of {started:,} {verb} still in progress.{failed}"
        return Outcome("Queued again", "loader-2", "amber" if counts.failed else "blue", parts, rest)
    if counts.failed:
        return _partly(counts.failed, started, words, parts, all_of_it=counts.failed == started)
    if counts.other:
        return _partly(counts.other, started, "ended without a result", parts, all_of_it=False)
    return _done(job, parts, f"{'The row' if started == 1 else f'All {started:,} rows'} recovered.")


def _end_of_import(job: BulkJob, counts: Counts, parts: Parts) -> Outcome:
    if not job.total:
        return Outcome("Nothing to do", "circle-minus", "grey", parts, "The file has no rows.")
    if job.rejected:
        none_came = not (job.accepted or job.known or job.suppressed)
        return _partly(job.rejected, job.total, "rejected", parts, all_of_it=none_came)
    if not job.accepted:
        return Outcome("Finished: nothing new", "circle-minus", "grey", parts, "No new leads.")
    return _done(job, parts, f"{job.accepted:,} new lead{'' if job.accepted == 1 else 's'}.")


def _end_of_rescore(job: BulkJob, counts: Counts, parts: Parts) -> Outcome:
    if not job.total:
        return Outcome("Nothing to do", "circle-minus", "grey", parts, "No scored leads.")
    return _done(job, parts, f"All tiers are from version {job.plan['version']}.")


def _end_as_it_ran(job: BulkJob, counts: Counts, parts: Parts) -> Outcome:
    """Of a kind that has neither rows of a `Way` nor an end of its own in `_ENDS`."""
    return _done(job, parts, "")


def _partly(some: int, of: int, words: str, parts: Parts, *, all_of_it: bool) -> Outcome:
    colour, icon = ("red", "alert-triangle") if all_of_it else ("amber", "circle-half-2")
    told = f"{some:,} of {of:,} {words}"
    return Outcome(f"Finished: {told}", icon, colour, parts, f"{told}.")


def _done(job: BulkJob, parts: Parts, sentence: str) -> Outcome:
    is_news = job.finished_at is not None and timezone.now() - job.finished_at < FRESH
    return Outcome("Done", "circle-check", "green" if is_news else "grey", parts, sentence)


_PARTS: dict[str, Callable[[BulkJob, Counts], Parts]] = {
    JobKind.IMPORT: _imported,
    JobKind.RESCORE: lambda job, counts: ((job.position, "scored"),),
}
_ENDS: dict[str, Callable[[BulkJob, Counts, Parts], Outcome]] = {
    JobKind.IMPORT: _end_of_import,
    JobKind.RESCORE: _end_of_rescore,
}
