"""Scoring every lead under a version that was published: in the order of their keys, chunk by chunk.

Only leads whose score or tier changes are written, and none that changed since it was read. A rescore is
not cancelled, which would leave tiers of two versions for good: publishing another version, or rolling back,
overtakes it. It starts no delivery; what the publisher chose happens when it has ended.
"""

from __future__ import annotations

import datetime
import logging
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from enrichment.jobs.kinds import VIEW, Figure, JobPage, Kind, Verbs
from enrichment.jobs.outcomes import Counts, Outcome, Parts, nothing_to_do
from enrichment.jobs.outcomes import outcome_of_done as ended_well
from enrichment.models import AfterRescore, BulkJob, Lead, Rescore, ScorecardVersion
from enrichment.models.job import JobKind
from enrichment.models.rescore import EVERY_LEAD
from enrichment.models.version import ACTIVE_SECONDS, forget_active
from enrichment.scoring import moves
from enrichment.scoring.bulk_scoring import Tally, score_leads
from gdpr import audit
from swarm_admin.core import jobs
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.jobs import LIVE, Chunks, JobStatus
from swarm_admin.core.number_format import number
from swarm_admin.core.states import InvalidTransition, advance_one
from swarm_admin.core.work import Values

log = logging.getLogger(__name__)
CHUNK = 10_000  # leads; a second of locks at most
LEASE_SECONDS = 30.0  # a chunk takes less, and its record is refused to whoever lost the lease
CLOCKS_DIFFER = datetime.timedelta(seconds=60)  # between this host and the one that scored a lead, at most


# ---------------------------------------------------------------- what staff do


def begin_rescore(version: ScorecardVersion, *, over: int, after: str, by: Any) -> Rescore:
    """Start it, inside the transaction that publishes `version` in place of version number `over`."""
    earlier = BulkJob.objects.filter(kind=JobKind.RESCORE, status__in=[*LIVE, JobStatus.FAILED])
    for job in earlier.order_by("pk").select_for_update():
        if job.status != JobStatus.FAILED:
            _cancel_replaced(job, version)
    total = Lead.objects.usable().filter(icp_score__isnull=False).count()
    plan = {"version": version.number, "over": over, "after": after}
    job = BulkJob.objects.create(kind=JobKind.RESCORE, created_by=by, total=total, plan=plan)
    began = _database_time()
    rescore = Rescore.objects.create(job=job, version=version, after=after, began_at=began)
    audit.record(Verb.START_RESCORE, by=by, on=job, counts={"version": version.number, "leads": total}, reason=after)
    return rescore


def _cancel_replaced(job: BulkJob, version: ScorecardVersion) -> None:
    words = f"Replaced by scorecard version {version.number}."
    advance_one(job, JobStatus.CANCELLED, finished_at=timezone.now(), in_flight_since=None, error=words)


def check_can_resume(rescore: Rescore) -> None:
    """Raises ActionNotAllowed with the sentence for the disabled button."""
    if rescore.job.status != JobStatus.FAILED:
        raise ActionNotAllowed("This rescore is still running.")
    newest = Rescore.objects.order_by("-version__number").values_list("pk", flat=True).first()
    if rescore.pk != newest:
        raise ActionNotAllowed("Another scorecard version has been published since.")


def resume(rescore: Rescore, *, by: Any) -> None:
    """Go on where a rescore that failed stood.

    Raises:
        ActionNotAllowed: it has not failed, or another version was published since.
    """
    with transaction.atomic():
        check_can_resume(rescore)
        try:
            advance_one(rescore.job, JobStatus.QUEUED, error="", finished_at=None, in_flight_since=None)
        except InvalidTransition:
            raise ActionNotAllowed("This rescore is still running.") from None
        audit.record(Verb.RESUME_RESCORE, by=by, on=rescore.job)


# ---------------------------------------------------------------- in the worker


class RescoreJob(Kind):
    """Of all leads, in the order of their keys; the rows are not frozen one by one, being all there are."""

    name = JobKind.RESCORE
    lease_seconds = LEASE_SECONDS
    icon = "target"
    work = "Leads scored"
    verbs = Verbs(Verb.START_RESCORE, Verb.END_RESCORE)
    stop_right = VIEW
    no_stop = (
        "A rescore can't be cancelled: it would leave tiers from two versions. Publish another version or roll back "
        "instead."
    )
    stops = False
    tick = "run_rescores"

    def chunks(self, job: BulkJob) -> Chunks:
        rescore = Rescore.objects.select_related("version").get(job=job)
        forget_active()
        cursor = rescore.cursor
        while (last := _last_of_next(cursor)) is not None:
            yield partial(_score_chunk, job, rescore, cursor, last)
            cursor = last
        if not _no_late_writer(rescore):
            yield None

    def finish(self, job: BulkJob) -> None:
        """Leads that were scored under an older version since; then what the publisher chose."""
        rescore = Rescore.objects.select_related("version").get(job=job)
        late = "scored_at >= %s AND scorecard_id IS DISTINCT FROM %s"
        done = score_leads(rescore, late, [rescore.began_at - CLOCKS_DIFFER, rescore.version_id])
        _note(rescore, done, cursor=EVERY_LEAD, finished_at=timezone.now())
        # Not `read`: they were counted when their chunk was.
        BulkJob.objects.filter(pk=job.pk).update(total=F("position"), accepted=F("accepted") + done.changed)

    def ended(self, job: BulkJob) -> None:
        super().ended(job)
        if job.status == JobStatus.DONE and job.rescore.after == AfterRescore.DELIVER:
            moves.deliver_all(job.rescore, by=job.created_by)

    def why_stopped(self, error: Exception, job: BulkJob) -> str:
        log.exception("rescore, job %s", job.pk)
        # Else the tick would run into the same wall for ever; a person resumes it.
        return "Stopped by an internal error. See the log for details. Resume it, or publish another version."

    def counts(self, job: BulkJob) -> dict[str, int]:
        tally = Rescore.objects.filter(job=job).values("changed", "up", "down", "lifted").first()
        return {name: int(value) for name, value in (tally or {}).items()}  # type: ignore[call-overload]

    def about(self, job: BulkJob) -> str:
        return f"All leads rescored with scorecard version {job.plan['version']}"

    def parts(self, job: BulkJob, counts: Counts) -> Parts:
        return ((job.position, "scored"),)

    def final_outcome(self, job: BulkJob, counts: Counts, parts: Parts) -> Outcome:
        if not job.total:
            return nothing_to_do(parts, "No scored leads.")
        return ended_well(job, parts, f"All tiers are from version {job.plan['version']}.")

    def show(self, job: BulkJob) -> JobPage:
        rescore = job.rescore
        late = job.status in LIVE and job.position >= job.total > 0
        return JobPage(
            figures=[
                Figure("Scores changed", rescore.changed),
                Figure("Moved up", rescore.up, "green"),
                Figure("Moved down", rescore.down, "amber"),
                Figure("New in Tier 1 or 2", rescore.lifted),
                Figure("Left", max(job.total - job.position, 0)),
            ],
            outcome=self.outcome(job, Counts()),
            facts={
                "Replaces": f"version {job.plan['over']}",
                "Leads": number(job.total),
                "New in Tier 1 or 2": rescore.get_after_display(),
            },
            waits="for webhooks processed before the version changed." if late else "",
            link=("icp_review", "Review") if rescore.moves.exists() else None,
        )


def run_due() -> int:
    """Give the live rescore its turn; returns how many had one."""
    return jobs.run_due([RescoreJob()])


def _last_of_next(cursor: int) -> int | None:
    """The last of the next leads after this key; None where there are none left."""
    ids = Lead.objects.filter(pk__gt=cursor).order_by("pk").values("pk")[:CHUNK]
    with connection.cursor() as statement:
        sql, params = ids.query.sql_with_params()
        statement.execute(f"SELECT max(id) FROM ({sql}) AS next (id)", params)  # noqa: S608 - Django's own query
        last: int | None = statement.fetchone()[0]
        return last


def _score_chunk(job: BulkJob, rescore: Rescore, after: int, last: int) -> Values:
    done = score_leads(rescore, "id > %s AND id <= %s", [after, last])
    _note(rescore, done, cursor=last)
    return {"position": job.position + done.read, "accepted": F("accepted") + done.changed}


def _note(rescore: Rescore, done: Tally, **values: Any) -> None:
    Rescore.objects.filter(pk=rescore.pk).update(
        changed=F("changed") + done.changed,
        up=F("up") + done.up,
        down=F("down") + done.down,
        lifted=F("lifted") + done.lifted,
        **values,
    )


def _no_late_writer(rescore: Rescore) -> bool:
    """Whether no process can still write a score of the version before.

    One may have asked for the active version just before it changed, and still be in its transaction.
    """
    settled = rescore.began_at + datetime.timedelta(seconds=ACTIVE_SECONDS)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT clock_timestamp() > %s AND NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE xact_start < %s "
            "AND backend_xid IS NOT NULL AND datname = current_database() AND pid <> pg_backend_pid())",
            [settled, settled],
        )
        return bool(cursor.fetchone()[0])


def _database_time() -> datetime.datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime.datetime = cursor.fetchone()[0]
        return now
