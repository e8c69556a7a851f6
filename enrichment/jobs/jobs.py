"""Work on many rows: planned, frozen when a person confirms, run in the worker chunk by chunk.

A chunk and its record are one transaction, so a killed worker's job goes on where it stood. Only AHEAD rows
wait to be sent at a time: a cancelled job has bought no more than those, and fresh leads pass it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, F
from django.utils import timezone

from enrichment.failures import groups as failures
from enrichment.failures.causes import Cause
from enrichment.failures.failure_retry import MOST, FailurePlan, held
from enrichment.failures.failure_retry import plan as plan_of
from enrichment.failures.sources import members_of
from enrichment.jobs import job_leases, job_results
from enrichment.jobs.job_outcome import BY_MEMBERS
from enrichment.jobs.job_verbs import VERBS
from enrichment.jobs.retry_handlers import WAYS
from enrichment.models import BulkJob, FailureIgnore, JobMember
from enrichment.models.job import JobKind
from enrichment.states import JobStatus, MemberStatus
from gdpr import audit
from swarm_admin.core import shutdown
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.states import advance, advance_one

log = logging.getLogger(__name__)
CHUNK = 100
AHEAD = 250  # ten triggers' worth
LOOKED_BACK = 1_000  # rows behind the position among which the waiting ones are
LIVE = (JobStatus.QUEUED, JobStatus.RUNNING)


class LeaseLost(Exception):
    """The job was cancelled or taken over; what this chunk did is undone."""


# ---------------------------------------------------------------- what staff do


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
    """Freeze all that failed for this cause as a job; the worker goes on from there.

    Raises:
        ActionNotAllowed: nothing of it can be tried again now, or a job is at it.
    """
    found = check_can_start(cause)
    if not found.count:
        raise ActionNotAllowed(" ".join(found.left_out) or "This group is empty.")
    with transaction.atomic():
        job = BulkJob.objects.create(kind=JobKind.RETRY, created_by=by, plan=_document(cause, found))
        total = _freeze(job, cause)
        BulkJob.objects.filter(pk=job.pk).update(total=total)
        job.total = total
        audit.record(Verb.START_RETRY, by=by, on=job, counts={"rows": total}, reason=cause.kind)
    return job


def start(
    kind: JobKind, rows: Sequence[tuple[int, int | None]], *, what: str, plan: dict[str, Any], by: Any
) -> BulkJob:
    """Freeze `rows` (the key of each and its lead's) as a job that goes the way `what` of `retry_handlers.WAYS`.

    `plan` is what the person was shown: `count`, and where there is one `cost` with its `cost_label`.

    Raises:
        ActionNotAllowed: there is nothing to do.
    """
    if not rows:
        raise ActionNotAllowed("Nothing left to retry.")
    with transaction.atomic():
        job = BulkJob.objects.create(kind=kind, created_by=by, plan={**plan, "what": what}, total=len(rows))
        JobMember.objects.bulk_create(
            (
                JobMember(job=job, position=place, subject=subject, lead_id=lead)
                for place, (subject, lead) in enumerate(rows)
            ),
            batch_size=1_000,
        )
        audit.record(VERBS[kind].start, by=by, on=job, counts={"rows": len(rows)}, reason=str(kind.label))
    return job


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


def _freeze(job: BulkJob, cause: Cause) -> int:
    """Copy the group's keys in one statement, oldest first; returns how many."""
    chosen = members_of(cause).order_by(F("cause_at").asc(nulls_first=True), "pk")
    sql, params = chosen.values_list("pk", "cause_lead", "cause_at")[:MOST].query.sql_with_params()
    table = connection.ops.quote_name(JobMember._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            # The inner query is Django's own, with its parameters apart; nothing typed by anybody is in it.
            f"INSERT INTO {table} (job_id, position, subject, lead_id, status, reason) "  # noqa: S608
            f"SELECT %s, row_number() OVER (ORDER BY m.at NULLS FIRST, m.subject) - 1, m.subject, m.lead, %s, '' "
            f"FROM ({sql}) AS m (subject, lead, at)",
            [job.pk, str(MemberStatus.PLANNED), *params],
        )
        return int(cursor.rowcount)


def cancel(job: BulkJob, *, by: Any) -> None:
    """Stop after what was started; the rest stays on the Failures screen.

    Raises:
        InvalidTransition: it has ended already.
    """
    with transaction.atomic():
        advance_one(job, JobStatus.CANCELLED, finished_at=timezone.now(), in_flight_since=None)
        audit.record(VERBS[JobKind(job.kind)].cancel, by=by, on=job)


def ignore(cause: Cause, *, reason: str, by: Any) -> FailureIgnore:
    """Take the group off the screen until its cause strikes again.

    Raises:
        ValueError: no reason.
    """
    reason = " ".join(reason.split())[:300]
    if len(reason) < 5:
        raise ValueError("Enter a reason for ignoring it.")
    with transaction.atomic():
        kept, _ = FailureIgnore.objects.update_or_create(
            what=cause.what,
            error_kind=cause.kind,
            provider=cause.provider,
            shape=cause.shape[:400],
            defaults={"reason": reason, "ignored_by": by, "ignored_at": timezone.now()},
        )
        audit.record(Verb.IGNORE_FAILURES, by=by, on=kept, reason=reason)
    failures.forget()
    return kept


def show_again(kept: FailureIgnore, *, by: Any) -> None:
    """Bring an ignored group back to the screen."""
    with transaction.atomic():
        audit.record(Verb.SHOW_FAILURES, by=by, on=kept)
        kept.delete()
    failures.forget()


# ---------------------------------------------------------------- in the worker


def run_due() -> int:
    """Give every live job of this kind of work its turn; returns how many had one.

    What finished jobs came to is kept before that: another job may take the same rows.
    """
    job_results.keep_due()
    job_leases.hand_back_lapsed(BY_MEMBERS)
    return sum(run(job_id) for job_id in job_leases.free(BY_MEMBERS))


def run(job_id: int) -> bool:
    """One turn: as many chunks as may wait to be sent. False where another worker has the job, or it ended."""
    job = job_leases.claim(job_id, BY_MEMBERS)
    if job is None:
        return False
    try:
        while job.position < job.total and not _waits(job):
            _chunk(job)
        if job.position >= job.total:
            _end(job, JobStatus.DONE)
        else:
            _mine(job).update(in_flight_since=None)
    except LeaseLost:
        return True
    except Exception:
        # Else the tick would run into the same wall for ever; what is left stays on the Failures screen.
        log.exception("job %s", job.pk)
        _end(
            job,
            JobStatus.FAILED,
            f"Stopped by an internal error after row {job.position}. See the log for details.",
        )
    finally:
        failures.forget()
    return True


def _mine(job: BulkJob) -> Any:
    return BulkJob.objects.filter(pk=job.pk, status=JobStatus.RUNNING, in_flight_since=job.in_flight_since)


def _waits(job: BulkJob) -> bool:
    return shutdown.asked() or bool(held(WAYS[job.plan["what"]].system)) or _waiting(job) >= AHEAD


def _waiting(job: BulkJob) -> int:
    """Rows of this job that are due again and have not been sent yet."""
    way = WAYS[job.plan["what"]]
    recent = job.members.filter(status=MemberStatus.DONE, position__gte=job.position - LOOKED_BACK)
    return int(way.model._default_manager.filter(way.queued(), pk__in=recent.values("subject")).count())


def _chunk(job: BulkJob) -> None:
    """The next members, made due, and the job's new position."""
    with transaction.atomic():
        members = list(job.members.filter(status=MemberStatus.PLANNED).order_by("position")[:CHUNK])
        ids = [member.subject for member in members]
        why = WAYS[job.plan["what"]].again(ids, job.created_by)
        _record(members, why)
        now, position = timezone.now(), members[-1].position + 1
        if not _mine(job).update(
            position=position,
            accepted=F("accepted") + len(members) - len(why),
            rejected=F("rejected") + len(why),
            in_flight_since=now,
            lapses=0,
        ):
            raise LeaseLost
    job.position, job.in_flight_since = position, now


def _record(members: Sequence[JobMember], why: dict[int, str]) -> None:
    for member in members:
        member.reason = why.get(member.subject, "")[:300]
        member.status = MemberStatus.LEFT_OUT if member.subject in why else MemberStatus.DONE
    for status in (MemberStatus.DONE, MemberStatus.LEFT_OUT):
        ids = [member.pk for member in members if member.status == status]
        advance(JobMember.objects.filter(pk__in=ids), status)
    left_out = [member for member in members if member.reason]
    JobMember.objects.bulk_update(left_out, ["reason"])


def _end(job: BulkJob, status: JobStatus, error: str = "") -> None:
    with transaction.atomic():
        if not advance(_mine(job), status, finished_at=timezone.now(), in_flight_since=None, error=error):
            return
        job.refresh_from_db()
        counts = {"started": job.accepted, "left_out": job.rejected, "rows": job.total}
        audit.record(VERBS[JobKind(job.kind)].end, on=job, counts=counts, reason=status)


# ---------------------------------------------------------------- what became of it


def left_out(job: BulkJob) -> dict[str, int]:
    """{why: how many} of the rows that were not tried again, the most frequent first."""
    rows = job.members.filter(status=MemberStatus.LEFT_OUT).values("reason").annotate(count=Count("pk"))
    return {row["reason"]: row["count"] for row in rows.order_by("-count")}


def paused(job: BulkJob) -> str:
    """Why a live job does not move now: the vendor it goes to is paused; "" where it does."""
    return held(WAYS[job.plan["what"]].system) if job.status in LIVE else ""
