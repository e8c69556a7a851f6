"""Long work: one runner for every kind of it.

A job is a row. What was asked for is frozen in it, `position` of `total` says how far it is, and its kind is one class
that gives the work chunk by chunk. The runner holds the job under a lease and writes the record of a chunk in the
chunk's own transaction: the job of a killed worker goes on where it stood, and what is done by a worker that has lost
the job, or whose job was cancelled, is undone. A kind knows neither leases nor transactions.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from django.db import models, transaction
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from swarm_admin.core import deadlocks, shutdown, work
from swarm_admin.core.states import advance, advance_one, declare
from swarm_admin.core.work import Leased, LeaseLost, Values, held_by_us

log = logging.getLogger(__name__)
ROWS_AT_ONCE = 100


class JobStatus(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class MemberStatus(models.TextChoices):
    """A row of a job; what became of it afterwards is told by the row itself."""

    PLANNED = "planned", "Planned"
    DONE = "done", "Retried"
    LEFT_OUT = "left_out", "Skipped"


LIVE = (JobStatus.QUEUED, JobStatus.RUNNING)
ENDED = (JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLED)
declare(
    JobStatus,
    {
        JobStatus.QUEUED: {JobStatus.RUNNING, JobStatus.CANCELLED, JobStatus.FAILED},
        JobStatus.RUNNING: {JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.QUEUED},
        JobStatus.DONE: set(),
        JobStatus.FAILED: {JobStatus.QUEUED},
        JobStatus.CANCELLED: set(),
    },
)
declare(
    MemberStatus,
    {
        MemberStatus.PLANNED: {MemberStatus.DONE, MemberStatus.LEFT_OUT},
        MemberStatus.DONE: set(),
        MemberStatus.LEFT_OUT: set(),
    },
)


class Job(Leased):
    """Long work that somebody asked for. Its model adds `kind` and what its kinds keep."""

    status = models.CharField(max_length=16, choices=JobStatus.choices, default=JobStatus.QUEUED)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    position = models.PositiveIntegerField(default=0, help_text="rows read and recorded; work goes on from here")
    total = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        abstract = True

    @property
    def percent(self) -> int:
        return 100 * self.position // self.total if self.total else 0


J = TypeVar("J", bound=Any)  # a model that is a `Job`
Chunk = Callable[[], Values]
Chunks = Generator[Chunk | None, None, None]


class Kind(Generic[J]):
    """One kind of long work. `name`: of its jobs' column `kind`. `lease_seconds`: other than LEASE_SECONDS.

    `stage`: what is told to have moved when a job of it is claimed, see `progress`.
    """

    model: Any
    name: str
    lease_seconds: float | None = None
    stage = "jobs"

    def live(self) -> QuerySet[J]:
        """The jobs of this kind that may run, whoever is at them."""
        found: QuerySet[J] = self.model._default_manager.filter(kind=self.name, status__in=LIVE)
        return found

    def chunks(self, job: J) -> Chunks:
        """The rest of the work, from the job's position on; None where what is left has to wait for another turn.

        A chunk is run inside a transaction, once more after a deadlock. It answers the columns of the job to write
        with it, `position` among them. Idempotent after a kill: what was not recorded did not happen.
        """
        raise NotImplementedError

    def finish(self, job: J) -> None:
        """What belongs to the end of a job that is done; in the transaction that ends it, and undone with it."""

    def ended(self, job: J) -> None:
        """The job has ended by itself, done or failed: to be recorded in the same transaction."""

    def cancelled(self, job: J, by: Any) -> None:
        """A person has stopped it: to be recorded in the same transaction."""

    def why_stopped(self, error: Exception, job: J) -> str:
        """The sentence with which the job fails; "" where the error is raised and the lease runs out instead."""
        log.exception("%s job %s", self.name, job.pk)
        # Else the tick would run into the same wall for ever.
        return f"Stopped by an internal error after row {job.position}. See the log for details."

    def after(self, job: J) -> None:
        """A turn is over, or the job was cancelled; the transaction is closed."""


# ---------------------------------------------------------------- turns


def run_due(kinds: Sequence[Kind[Any]]) -> int:
    """Give every live job of these kinds its turn, in the order in which they were asked for; how many had one."""
    for kind in kinds:
        _hand_back_lapsed(kind)
    free = [(pk, kind) for kind in kinds for pk in _free(kind).values_list("pk", flat=True)]
    return sum(run(kind, pk) for pk, kind in sorted(free, key=lambda each: each[0]))


def run(kind: Kind[Any], pk: int) -> bool:
    """One turn: all that need not wait. False where another worker has the job, or it ended, or is not started."""
    job = _claim(kind, pk)
    if job is None:
        return False
    try:
        if _work_through(kind, job):
            _end(kind, job, JobStatus.DONE)
        else:
            held_by_us(job).update(in_flight_since=None)
    except LeaseLost:
        return True
    except Exception as error:
        if not (words := kind.why_stopped(error, job)):
            raise
        with contextlib.suppress(LeaseLost):
            _end(kind, job, JobStatus.FAILED, words)
    finally:
        kind.after(job)
    return True


def cancel(kind: Kind[Any], job: Any, *, by: Any) -> None:
    """Stop after the last recorded chunk; what was done stays.

    Raises:
        InvalidTransition: it has ended already.
    """
    with transaction.atomic():
        advance_one(job, JobStatus.CANCELLED, finished_at=timezone.now(), in_flight_since=None)
        kind.cancelled(job, by)
    kind.after(job)


def _free(kind: Kind[Any]) -> QuerySet[Any]:
    return kind.live().filter(in_flight_since=None)


def _claim(kind: Kind[Any], pk: int) -> Any:
    """The job, running and ours; None where it cannot be had."""

    def begin(rows: QuerySet[Any], lease: Values) -> None:
        began = Coalesce("started_at", Value(timezone.now()))
        if not advance(rows, JobStatus.RUNNING, started_at=began, **lease):
            rows.update(**lease)

    claimed = work.claim(_free(kind).filter(pk=pk), 1, begin, stage=kind.stage)
    return kind.model._default_manager.get(pk=pk) if claimed else None


def _hand_back_lapsed(kind: Kind[Any]) -> None:
    """Jobs whose worker was lost go on; one that lost three without getting a step further has failed."""

    def set_aside(jobs: QuerySet[Any], lease: Values) -> None:
        for job in list(jobs):
            words = f"{work.LOST_SENTENCE} It stopped at row {job.position:,}."
            with transaction.atomic():
                ended = {"finished_at": timezone.now(), "error": words, **lease}
                if advance(jobs.filter(pk=job.pk), JobStatus.FAILED, **ended):
                    job.refresh_from_db()
                    kind.ended(job)

    held = kind.live().filter(status=JobStatus.RUNNING, in_flight_since__isnull=False)
    work.hand_back_lapsed(
        held, lambda jobs, lease: advance(jobs, JobStatus.QUEUED, **lease), set_aside, seconds=kind.lease_seconds
    )


def _work_through(kind: Kind[Any], job: Any) -> bool:
    """False where the rest has to wait, or the worker is to stop; another turn goes on from the job's position."""
    with contextlib.closing(kind.chunks(job)) as chunks:
        for chunk in chunks:
            if chunk is None or shutdown.is_requested():
                return False
            deadlocks.retried(partial(_record, job, chunk))
    return True


def _record(job: Any, chunk: Chunk) -> None:
    """The chunk and its record, or neither."""
    with transaction.atomic():
        values = {**chunk(), "in_flight_since": timezone.now(), "lapses": 0}
        if not held_by_us(job).filter(status=JobStatus.RUNNING).update(**values):
            raise LeaseLost
    job.position, job.in_flight_since = values["position"], values["in_flight_since"]


def _end(kind: Kind[Any], job: Any, status: JobStatus, error: str = "") -> None:
    with transaction.atomic():
        if status == JobStatus.DONE:
            kind.finish(job)
        if not advance(held_by_us(job), status, finished_at=timezone.now(), in_flight_since=None, error=error):
            raise LeaseLost
        job.refresh_from_db()
        kind.ended(job)


# ---------------------------------------------------------------- row by frozen row


class ByRow(Kind[J]):
    """Work on the rows of a job's `members`, which were frozen when it was confirmed."""

    def again(self, job: J, subjects: Sequence[int]) -> dict[int, str]:
        """Do the work on these rows; returns {row: why it was left out}."""
        raise NotImplementedError

    def waits(self, job: J) -> bool:
        """Whether nothing more may be begun now."""
        return False

    def chunks(self, job: J) -> Chunks:
        while job.position < job.total:
            yield None if self.waits(job) else partial(self._chunk, job)

    def _chunk(self, job: J) -> Values:
        members = list(job.members.filter(status=MemberStatus.PLANNED).order_by("position")[:ROWS_AT_ONCE])
        why = self.again(job, [member.subject for member in members])
        record_members(members, why)
        return {
            "position": members[-1].position + 1,
            "accepted": F("accepted") + len(members) - len(why),
            "rejected": F("rejected") + len(why),
        }


def record_members(members: Sequence[Any], why: dict[int, str]) -> None:
    """Note of each row that it was done, or why it was left out."""
    model = type(members[0])
    for member in members:
        member.reason = why.get(member.subject, "")[:300]
        member.status = MemberStatus.LEFT_OUT if member.subject in why else MemberStatus.DONE
    for status in (MemberStatus.DONE, MemberStatus.LEFT_OUT):
        ids = [member.pk for member in members if member.status == status]
        advance(model._default_manager.filter(pk__in=ids), status)
    model._default_manager.bulk_update([member for member in members if member.reason], ["reason"])
