"""What a kind of long work is, and which there are.

To add a kind:

1. a value with its label in `JobKind` (enrichment/models/job.py), and the migration of its choices;
2. one class in the room whose work it is: a `Kind`, or a `rows.RetryJob` where frozen rows are retried one by one; it
   says how the work is done (`chunks`), what it is called, who may see and stop it, and how it ended. Lease,
   transactions, progress, cancelling, the Jobs list and the page are then there;
3. its line in `enrichment/apps.py`, which registers it. It is run by the tick `run_retries` unless it has its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from enrichment.jobs.outcomes import Counts, Outcome, Parts, outcome_before_end, outcome_of_done
from enrichment.jobs.retry_handlers import RETRY_HANDLERS, RetryHandler
from enrichment.models import BulkJob
from enrichment.models.job import JobKind
from gdpr import audit
from swarm_admin.core import jobs
from swarm_admin.core.audit_verbs import Verb

VIEW = "enrichment.view_lead"
RETRIES = "run_retries"


@dataclass(frozen=True)
class Figure:
    """One figure at the top of a job's page; the tone is that of a number above 0."""

    label: str
    value: int
    tone: str = ""


@dataclass(frozen=True)
class JobPage:
    """What the page of one job holds beside its bar.

    `outcome`: how it stands or ended. `facts`: label → value, as it was planned. `left_out`: reason → rows. `waits`:
    why nothing moves now. `unsettled`: rows it started are still in progress, so the page goes on asking. `link`:
    (name of an address, label) of the screen where what is left can be looked at. `code`: a message in its own type.
    """

    figures: list[Figure]
    outcome: Outcome
    facts: Mapping[str, str]
    left_out: Mapping[str, int] = field(default_factory=dict)
    waits: str = ""
    unsettled: bool = False
    link: tuple[str, str] | None = None
    code: str = ""


@dataclass(frozen=True)
class Verbs:
    """What the audit ledger calls the start, the end and the cancelling of a kind of job."""

    start: Verb
    end: Verb
    cancel: Verb | None = None


class Kind(jobs.Kind[BulkJob]):
    """A kind as people see it. `work`: what the bar counts. `counted`: what its rows are, for the ledger.

    `open_right`, `stop_right`: the permissions to open and to cancel it. `no_stop`: what the button says to people
    without it, or to everybody where the kind never `stops`. `page`: the name of its page's address, with the job's
    key; those with a page of their own show nothing on the common one. `retry_handlers`: those it adds.
    `starts_at_once`: its rows were all begun when it was started. `tick`: the task that runs it.
    """

    model = BulkJob
    name: JobKind
    icon: str
    work: str
    verbs: Verbs
    stop_right: str
    no_stop: str
    open_right = VIEW
    page = "job"
    stops = True
    counted = "rows"
    starts_at_once = False
    tick = RETRIES
    retry_handlers: ClassVar[Mapping[str, RetryHandler]] = {}

    def about(self, job: BulkJob) -> str:
        """What it is about, in a line."""
        raise NotImplementedError

    def icon_of(self, job: BulkJob) -> str:
        return self.icon

    def show(self, job: BulkJob) -> JobPage:
        """What the common page shows of it."""
        raise NotImplementedError

    def retry_handler_name(self, job: BulkJob) -> str:
        """Which of `RETRY_HANDLERS` retries its rows; "" where it has none."""
        return ""

    def time_left(self, job: BulkJob) -> str:
        """How long a running job still takes, in sentences; "" where that is told by its own pace."""
        return ""

    def parts(self, job: BulkJob, counts: Counts) -> Parts:
        """The figures behind its outcome, (how many, words); those of nothing are left out."""
        return ()

    def outcome(self, job: BulkJob, counts: Counts) -> Outcome:
        """How it stands, or ended."""
        parts = tuple(part for part in self.parts(job, counts) if part[0])
        return outcome_before_end(job, parts) or self.final_outcome(job, counts, parts)

    def final_outcome(self, job: BulkJob, counts: Counts, parts: Parts) -> Outcome:
        """How one that is done ended."""
        return outcome_of_done(job, parts, "")

    def counts(self, job: BulkJob) -> dict[str, int]:
        """What the ledger keeps of its end."""
        return {self.counted: job.position}

    def ended(self, job: BulkJob) -> None:
        audit.record(self.verbs.end, on=job, counts=self.counts(job), reason=job.status)

    def cancelled(self, job: BulkJob, by: Any) -> None:
        if self.verbs.cancel:
            audit.record(self.verbs.cancel, by=by, on=job)


KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Make a kind known, and the retry handlers it brings."""
    KINDS[kind.name] = kind
    RETRY_HANDLERS.update(kind.retry_handlers)


def kind_of(job: BulkJob) -> Kind:
    return KINDS[job.kind]


def of_tick(tick: str) -> list[Kind]:
    """The kinds that this task runs."""
    return [kind for kind in KINDS.values() if kind.tick == tick]
