"""Starting, cancelling and running long work; `swarm_admin.core.jobs` is the runner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet, Window
from django.db.models.functions import RowNumber

from enrichment.jobs.kinds import KINDS, RETRIES, kind_of, of_tick
from enrichment.jobs.rows import store_final_counts
from enrichment.models import BulkJob, JobMember
from enrichment.models.job import JobKind
from gdpr import audit
from swarm_admin.core import jobs
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.jobs import MemberStatus

Rows = Sequence[tuple[int, int | None]] | QuerySet[Any]


def start(
    name: JobKind,
    rows: Rows,
    *,
    plan: Mapping[str, Any],
    by: Any,
    counts: Mapping[str, int] | None = None,
    reason: str | None = None,
) -> BulkJob:
    """Freeze `rows` as a job; the worker goes on from there.

    `rows`: (the key of each, its lead's); or a query of both, in the order in which they are to be taken, which may be
    of many. `plan` is what the person was shown: `count` (all of them), where there is one `cost` with its
    `cost_label`, and for a retry `what`, the name of its handler. `counts` and `reason` go to the ledger.

    Raises:
        ActionNotAllowed: there is nothing to do.
    """
    kind = KINDS[name]
    with transaction.atomic():
        job = BulkJob.objects.create(kind=name, created_by=by, plan=dict(plan))
        job.total = _copy(job, rows) if isinstance(rows, QuerySet) else _write(job, rows)
        if not job.total:
            raise ActionNotAllowed("Nothing left to retry.")
        job.plan.setdefault("count", job.total)
        job.save(update_fields=["total", "plan"])
        frozen = {kind.counted: job.total, **(counts or {})}
        audit_reason = str(name.label) if reason is None else reason
        audit.record(kind.verbs.start, by=by, on=job, counts=frozen, reason=audit_reason)
    return job


def _write(job: BulkJob, rows: Sequence[tuple[int, int | None]]) -> int:
    members = (
        JobMember(job=job, position=place, subject=subject, lead_id=lead) for place, (subject, lead) in enumerate(rows)
    )
    return len(JobMember.objects.bulk_create(members, batch_size=1_000))


def _copy(job: BulkJob, rows: QuerySet[Any]) -> int:
    """Copy the keys in one statement; returns how many."""
    place = Window(RowNumber(), order_by=[*rows.query.order_by])  # type: ignore[list-item]  # names and expressions are both taken
    sql, params = rows.annotate(place=place).query.sql_with_params()
    table = connection.ops.quote_name(JobMember._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            # The inner query is Django's own, with its parameters apart; nothing typed by anybody is in it.
            f"INSERT INTO {table} (job_id, position, subject, lead_id, status, reason) "  # noqa: S608
            f"SELECT %s, m.place - 1, m.subject, m.lead, %s, '' FROM ({sql}) AS m (subject, lead, place)",
            [job.pk, str(MemberStatus.PLANNED), *params],
        )
        return int(cursor.rowcount)


def cancel(job: BulkJob, *, by: Any = None) -> None:
    """Stop after what was done already, which stays.

    Raises:
        InvalidTransition: it has ended already.
    """
    jobs.cancel(kind_of(job), job, by=by)


def run_due() -> int:
    """Give every live job that has no tick of its own its turn; returns how many had one.

    What finished jobs came to is kept before that: another job may take the same rows.
    """
    store_final_counts()
    return jobs.run_due(of_tick(RETRIES))


def run(pk: int) -> bool:
    """One turn of one job. False where another worker has it, or it ended, or is not started."""
    return jobs.run(kind_of(BulkJob.objects.only("kind").get(pk=pk)), pk)
