"""How a job ended, in values and in the words that several kinds share; see `job_outcome` for the whole."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from django.utils import timezone

from enrichment.models import BulkJob
from swarm_admin.core.jobs import JobStatus

FRESH = datetime.timedelta(hours=1)  # so long is a success news, and green
Parts = tuple[tuple[int, str], ...]


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
    parts: Parts = ()
    sentence: str = ""


def nothing_to_do(parts: Parts, sentence: str) -> Outcome:
    return Outcome("Nothing to do", "circle-minus", "grey", parts, sentence)


def partly_done(some: int, of: int, words: str, parts: Parts, *, all_of_it: bool) -> Outcome:
    colour, icon = ("red", "alert-triangle") if all_of_it else ("amber", "circle-half-2")
    figures = f"{some:,} of {of:,} {words}"
    return Outcome(f"Finished: {figures}", icon, colour, parts, f"{figures}.")


def outcome_of_done(job: BulkJob, parts: Parts, sentence: str) -> Outcome:
    is_news = job.finished_at is not None and timezone.now() - job.finished_at < FRESH
    return Outcome("Done", "circle-check", "green" if is_news else "grey", parts, sentence)


def outcome_before_end(job: BulkJob, parts: Parts) -> Outcome | None:
    """How one stands that has not ended, or ended before it was done; None for the others."""
    if job.waits_for_person:
        return Outcome("Waiting for you", "user-exclamation", "amber", parts)
    if job.status not in _BEFORE_THE_END:
        return None
    label, icon, colour = _BEFORE_THE_END[JobStatus(job.status)]
    return Outcome(label, icon, colour, parts, _cancelled_sentence(job))


_BEFORE_THE_END = {  # or without one
    JobStatus.QUEUED: ("Queued", "clock", "grey"),
    JobStatus.RUNNING: ("Running", "loader-2", "blue"),
    JobStatus.FAILED: ("Stopped", "alert-triangle", "red"),
    JobStatus.CANCELLED: ("Cancelled", "circle-x", "grey"),
}


def _cancelled_sentence(job: BulkJob) -> str:
    left = max(job.total - job.position, 0)
    if job.status != JobStatus.CANCELLED:
        return ""
    return f"Cancelled; {left:,} row{'' if left == 1 else 's'} {'was' if left == 1 else 'were'} not touched."
