"""Kinds of long work on rows that were frozen one by one, and what became of those rows.

A retry is over when its rows are queued again; what they come to is told by the rows themselves until the last of
them has ended. From then on it is told as it was kept (`store_final_counts`), whatever becomes of the rows afterwards.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Count, Q, QuerySet

from enrichment.jobs.kinds import KINDS, Figure, JobPage, Kind, kind_of
from enrichment.jobs.outcomes import Counts, Outcome, Parts, nothing_to_do, outcome_of_done, partly_done
from enrichment.jobs.retry_handlers import RETRY_HANDLERS, RetryHandler
from enrichment.models import BulkJob, JobMember
from enrichment.vendor_pauses.pauses import why_paused
from swarm_admin.core import jobs
from swarm_admin.core.cache import invalidate
from swarm_admin.core.jobs import ENDED, LIVE, MemberStatus
from swarm_admin.core.number_format import money, number

KEPT = "came_to"  # of a job's plan: its `Counts` when its last row had ended
AHEAD = 250  # ten triggers' worth
LOOKED_BACK = 1_000  # rows behind the position among which the waiting ones are
# Of the Failures screen, as `core.cache` keeps them: a retry has changed what they count.
FIGURES = ("failures", "failures:beyond", "failures-spent", "set-aside")


class RowJob(Kind):
    """A kind whose outcome is that of its rows. `recovered`, `failed_again`: what those are called."""

    recovered = "recovered"
    failed_again = "failed again"

    def parts(self, job: BulkJob, counts: Counts) -> Parts:
        return (
            (counts.recovered, self.recovered),
            (counts.failed, self.failed_again),
            (counts.other, "without a result"),
            (counts.under_way, "in progress"),
            (job.rejected, "skipped"),
        )

    def final_outcome(self, job: BulkJob, counts: Counts, parts: Parts) -> Outcome:
        started = counts.started
        if not started:
            return nothing_to_do(parts, "All rows were skipped.")
        if counts.under_way:
            failed = f" {counts.failed:,} {self.failed_again} so far." if counts.failed else ""
            verb = "is" if counts.under_way == 1 else "are"
            rest = f"Queued again; {counts.under_way:,} of {started:,} {verb} still in progress.{failed}"
            return Outcome("Queued again", "loader-2", "amber" if counts.failed else "blue", parts, rest)
        if counts.failed:
            return partly_done(counts.failed, started, self.failed_again, parts, all_of_it=counts.failed == started)
        if counts.other:
            return partly_done(counts.other, started, "ended without a result", parts, all_of_it=False)
        return outcome_of_done(job, parts, f"{'The row' if started == 1 else f'All {started:,} rows'} recovered.")


class RetryJob(RowJob, jobs.ByRow[BulkJob]):
    """Frozen rows that one of `RETRY_HANDLERS` retries, which the plan names as `what`.

    Only AHEAD of them wait to be sent at a time: a cancelled job has bought no more than those, and fresh leads pass
    it. `screen`: (name of an address, label), where what is left can be looked at.
    """

    screen: tuple[str, str]

    def retry_handler_name(self, job: BulkJob) -> str:
        return str(job.plan.get("what", ""))

    def again(self, job: BulkJob, subjects: Sequence[int]) -> dict[int, str]:
        return _retry_handler(job).retry(subjects, job.created_by)

    def waits(self, job: BulkJob) -> bool:
        return bool(why_paused(_retry_handler(job).system)) or self._waiting(job) >= AHEAD

    def _waiting(self, job: BulkJob) -> int:
        """Rows of this job that are due again and have not been sent yet."""
        handler = _retry_handler(job)
        recent = job.members.filter(status=MemberStatus.DONE, position__gte=job.position - LOOKED_BACK)
        return int(handler.model._default_manager.filter(handler.queued(), pk__in=recent.values("subject")).count())

    def after(self, job: BulkJob) -> None:
        invalidate(*FIGURES)

    def counts(self, job: BulkJob) -> dict[str, int]:
        return {"started": job.accepted, "left_out": job.rejected, "rows": job.total}

    def time_left(self, job: BulkJob) -> str:
        left = _retry_handler(job).left
        return left(job.members.filter(status=MemberStatus.PLANNED).values("subject")) if left else ""

    def facts(self, job: BulkJob) -> dict[str, str]:
        facts = {"Rows": f"{number(job.plan['count'])} of {number(job.total)}"}
        if job.plan.get("cost") is not None:
            facts[job.plan.get("cost_label") or "Planned cost"] = money(job.plan["cost"])
        return facts

    def show(self, job: BulkJob) -> JobPage:
        counts = counts_of([job])[job.pk]
        return JobPage(
            figures=[
                Figure("Queued again", counts.started),
                Figure("In progress", counts.under_way),
                Figure("Recovered", counts.recovered, "green"),
                Figure("Failed again", counts.failed, "red"),
                *([Figure("No result", counts.other, "amber")] if counts.other else []),
                Figure("Skipped", job.rejected),
                Figure("Not started", job.total - job.position),
            ],
            outcome=self.outcome(job, counts),
            facts=self.facts(job),
            left_out=left_out(job),
            waits=paused(job),
            unsettled=bool(counts.under_way),
            link=self.screen if counts.failed or job.position < job.total else None,
        )


def _retry_handler(job: BulkJob) -> RetryHandler:
    return RETRY_HANDLERS[kind_of(job).retry_handler_name(job)]


# ---------------------------------------------------------------- what became of the rows


def counts_of(found: Iterable[BulkJob]) -> dict[int, Counts]:
    """{job: its counts} of those that work row by row; four statements for each kind of row that is not kept yet."""
    by_way: dict[str, list[BulkJob]] = {}
    stored: dict[int, Counts] = {}
    for job in found:
        if KEPT in job.plan:
            stored[job.pk] = Counts(**job.plan[KEPT])
        elif what := kind_of(job).retry_handler_name(job):
            by_way.setdefault(what, []).append(job)
    return stored | {pk: counts for what, some in by_way.items() for pk, counts in _counts(what, some).items()}


def under_way(job: BulkJob) -> bool:
    """Whether a row the job started has not come to an end."""
    handler = _retry_handler(job)
    started = _started([job]).values("subject")
    return bool(handler.model._default_manager.filter(handler.open(), pk__in=started).exists())


def _counts(what: str, found: list[BulkJob]) -> dict[int, Counts]:
    handler = RETRY_HANDLERS[what]
    rows = handler.model._default_manager
    started = _started(found)
    failed = handler.failed().exclude(handler.open())
    groups = {
        "under_way": rows.filter(handler.open()),
        "failed": failed,
        "recovered": rows.filter(handler.done()).exclude(handler.open()).exclude(pk__in=failed.values("pk")),
    }
    per_group = {name: _per_job(started.filter(subject__in=each.values("pk"))) for name, each in groups.items()}
    total = _per_job(started)
    return {
        job.pk: Counts(total.get(job.pk, 0), **{name: each.get(job.pk, 0) for name, each in per_group.items()})
        for job in found
    }


def _started(found: list[BulkJob]) -> QuerySet[JobMember]:
    at_once = [name for name, kind in KINDS.items() if kind.starts_at_once]
    return JobMember.objects.filter(Q(status=MemberStatus.DONE) | Q(job__kind__in=at_once), job__in=found).exclude(
        status=MemberStatus.LEFT_OUT
    )


def _per_job(members: QuerySet[Any]) -> dict[int, int]:
    return dict(members.order_by().values_list("job").annotate(n=Count("pk")))


def store_final_counts() -> int:
    """Keep the result of every finished job whose rows have all ended; returns how many."""
    names = [name for name, kind in KINDS.items() if isinstance(kind, RowJob)]
    ended = BulkJob.objects.filter(kind__in=names, status__in=ENDED).exclude(plan__has_key=KEPT)
    return sum(_store_counts(job) for job in ended.order_by("pk"))


def _store_counts(job: BulkJob) -> bool:
    if under_way(job):
        return False
    counts = counts_of([job])[job.pk]
    if counts.under_way or under_way(job):  # a person has just tried one of its rows again
        return False
    mine = BulkJob.objects.filter(pk=job.pk, status=job.status).exclude(plan__has_key=KEPT)
    return bool(mine.update(plan={**job.plan, KEPT: dataclasses.asdict(counts)}))


def left_out(job: BulkJob) -> dict[str, int]:
    """{why: how many} of the rows that were not tried again, the most frequent first."""
    rows = job.members.filter(status=MemberStatus.LEFT_OUT).values("reason").annotate(count=Count("pk"))
    return {row["reason"]: row["count"] for row in rows.order_by("-count")}


def paused(job: BulkJob) -> str:
    """Why a live job does not move now: the vendor it goes to is paused; "" where it does."""
    return why_paused(_retry_handler(job).system) if job.status in LIVE else ""
