"""Clay beside the mirror: every hour the rows that changed, once a day all of them, page by page (exports are few).

A run keeps its cursor, so that it goes on in the next tick, the next hour or after a crash. A whole one of a
million rows takes a day of exports; the hourly one runs beside it, and before it. Rows are read first; then
the leads whose row was not among them are looked for one by one, and only a row that Clay says it does not
have counts as absent.
"""

import datetime
import logging
from collections.abc import Sequence

from django.conf import settings
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone

from enrichment.drift import absent, shared
from enrichment.drift.differences import (
    Finding,
    close_drift,
    close_resolved,
    compare,
    known_rows,
    record_findings,
    without_suppressed,
)
from enrichment.drift.known_kinds import is_compared
from enrichment.leases import server_is_away
from enrichment.models import Drift, DriftKind, Lead, ReconcileRun, SeenRow, WaterfallVersion
from enrichment.models.drift import ReconcilePhase
from enrichment.pipeline import clay_scores, fanout, recovery, suppressed_rows
from enrichment.pipeline.mirror import apply_row
from enrichment.vendor_pauses import pauses
from enrichment.vendors import limiter
from enrichment.vendors.clay.table import clay_table
from enrichment.vendors.clay.wire import RowPage
from enrichment.vendors.connections import clay
from enrichment.vendors.errors import NotFound, Recovery, VendorError
from swarm_admin.core import lease_holders, shutdown, work
from swarm_admin.core.timing import CLOCKS_DIFFER_SECONDS, in_seconds, span

log = logging.getLogger(__name__)
LIMIT = "clay.exports"
LOOKED = "drift:looked-at-mirror"
# Exports an hour left for read-backs, which need one where Clay has no search (D14); a whole run leaves one more,
# to the hourly one.
SPARE = 2
LOOKED_FOR_AT_ONCE = 200
ABSENT = (DriftKind.ROW_GONE, DriftKind.NOT_KEPT)


def run_due() -> int:
    """Go on with the open run, or start one when it is time, until a limit is reached; how many exports.

    Where Clay's rows cannot be exported, only what the mirror alone tells is looked at, as often.
    """
    if not is_compared():
        _look_at_mirror()
        return 0
    if pauses.reading_pause("clay") or not clay_table():
        return 0
    run = _claim() or _start()
    if run is None:
        return 0
    before = run.exports
    try:
        while not shutdown.is_requested() and run.phase == ReconcilePhase.EXPORT and _read_page(run):
            pass
        while not shutdown.is_requested() and run.phase == ReconcilePhase.CONFIRM and _look_for_absent(run):
            pass
    except work.LeaseLost:
        pass  # whoever has it now goes on from its cursor
    except Exception as error:
        if server_is_away(error):
            raise  # it goes on from its cursor
        # Left open it would be begun again at every tick, and use up the ten exports of each hour.
        log.error("comparison %s ended: %s", run.pk, type(error).__name__)  # noqa: TRY400
        _save_run(run, is_open=False, error="internal_error")
        raise
    finally:
        work.held_by_us(run).update(in_flight_since=None)
    return run.exports - before


def _look_at_mirror() -> None:
    if cache.add(LOOKED, "1", max(span(settings.RECONCILE_SECONDS).total_seconds(), 1)):
        with transaction.atomic():
            absent.find_rowless()
            shared.find_shared()


def _claim() -> ReconcileRun | None:
    work.hand_back_lapsed(
        ReconcileRun.objects.filter(is_open=True, in_flight_since__isnull=False),
        lambda runs, lease: runs.update(**lease),
        _set_aside,
    )
    due = ReconcileRun.objects.filter(is_open=True, not_before__lte=timezone.now(), in_flight_since=None)
    runs = work.claim(due.order_by("full"), 1, lambda mine, lease: mine.update(**lease), stage="comparison")
    return runs[0] if runs else None


def _set_aside(runs: QuerySet[ReconcileRun], lease: work.Values) -> None:
    """A comparison that took its workers with it is over; the next one begins in its time."""
    SeenRow.objects.filter(run__in=list(runs.values_list("pk", flat=True))).delete()
    runs.update(is_open=False, finished_at=timezone.now(), error=work.LOST_SENTENCE, **lease)


def _start() -> ReconcileRun | None:
    """A new run if it is time for one."""
    if work.in_quarantine():
        return None  # what has no lapse behind it is not its to do
    recent = timezone.now() - span(settings.RECONCILE_SECONDS)
    hourly_is_open = Q(is_open=True, full=False)
    if ReconcileRun.objects.filter(hourly_is_open | Q(started_at__gt=recent)).exists():
        return None
    return start_run(full=False)


def start_run(*, full: bool) -> ReconcileRun | None:
    """A claimed run; None where one like it is open. It is full, whatever is asked, when a full one is due."""
    now = timezone.now()
    # What an open whole run has yet to read, it will; what changes after its start is for the hourly ones.
    covers = Q(is_open=False, error="") | Q(is_open=True, full=True)
    last = ReconcileRun.objects.filter(covers).order_by("-started_at").first()
    full = full or _full_is_due(now)
    try:
        with transaction.atomic():
            return ReconcileRun.objects.create(
                full=full,
                since=None if full or last is None else last.started_at - span(CLOCKS_DIFFER_SECONDS),
                tables=_tables(),
                in_flight_since=now,
                held_by=lease_holders.current_holder(),
                started_at=now,
            )
    except IntegrityError:
        return None  # started by another worker in this moment


def _full_is_due(now: datetime.datetime) -> bool:
    """None is open, and the last good one ended a day ago: it may itself take a day."""
    whole = ReconcileRun.objects.filter(full=True)
    recently = Q(is_open=False, error="", finished_at__gt=now - span(settings.RECONCILE_FULL_SECONDS))
    return not whole.filter(Q(is_open=True) | recently).exists()


def _tables() -> list[str]:
    """The table that takes new rows, and those older leads have theirs in."""
    current = clay_table()
    used = Lead.objects.exclude(clay_table_id__in=["", current]).order_by("clay_table_id")
    return [current, *used.values_list("clay_table_id", flat=True).distinct()]


def _save_run(run: ReconcileRun, **values: object) -> None:
    """Raises LeaseLost: what goes with it in one transaction is undone."""
    if not work.held_by_us(run).update(**values):
        raise work.LeaseLost
    for name, value in values.items():
        setattr(run, name, value)


# ---------------------------------------------------------------- what Clay has


def _read_page(run: ReconcileRun) -> bool:
    """One export; False: not now."""
    if run.at_table >= len(run.tables):
        _save_run(run, phase=ReconcilePhase.CONFIRM)
        return True
    client, table = clay(), run.tables[run.at_table]
    wait = _wait_for_slot(client.workspace_id, SPARE + run.full)
    if wait:
        _save_run(run, not_before=in_seconds(wait))
        return False
    asked_at = timezone.now()
    try:
        page = client.export_rows(
            table, limit=settings.RECONCILE_PAGE, cursor=run.cursor or None, updated_since=run.since
        )
    except VendorError as error:
        return _after_error(run, table, error)
    _record_page(run, table, page, asked_at)
    return True


def _wait_for_slot(workspace: str, spare: int) -> float:
    """0.0 with a slot taken; else the real seconds to wait. The `spare` ones of the hour are left to others."""
    gauge = limiter.peek(LIMIT, workspace)
    if gauge.limit - gauge.used <= min(spare, gauge.limit // 2):
        return max(gauge.resets_in, 0.05)
    return limiter.take(LIMIT, workspace)


def _record_page(run: ReconcileRun, table: str, page: RowPage, asked_at: datetime.datetime) -> None:
    findings = compare(page.rows, table, WaterfallVersion.active().phone_country)
    rows = {**run.rows, table: run.rows.get(table, 0) + len(page.rows)}
    done = page.next_cursor is None
    with transaction.atomic():
        SeenRow.objects.bulk_create(
            (SeenRow(run=run, row_id=row_id[:100]) for row_id in known_rows(page.rows)), ignore_conflicts=True
        )
        record_findings(findings)
        close_resolved(page.rows, findings)
        _take_scores(page, findings, asked_at)
        _remove_returned(page, table, findings)
        _save_run(
            run,
            rows=rows,
            cursor=page.next_cursor or "",
            at_table=run.at_table + done,
            exports=run.exports + 1,
            tries=0,
            lapses=0,
            in_flight_since=timezone.now(),
        )


def _take_scores(page: RowPage, found: Sequence[Finding], asked_at: datetime.datetime) -> None:
    """What Clay's formula made of values that we wrote into these rows, and told nobody."""
    returned_ids = {finding.row_id for finding in found if finding.kind == DriftKind.SUPPRESSED}
    rows = {row.id: row for row in page.rows if row.id not in returned_ids and not apply_row.is_enriching(row)}
    owing = clay_scores.outdated_scores(rows, asked_at)
    clay_scores.store_scores({pk: rows[row_id].values for row_id, pk in owing.items()}, read_at=asked_at)


def _remove_returned(page: RowPage, table: str, found: Sequence[Finding]) -> None:
    """Rows of ours that a suppressed person came back in, and whose removal nobody has asked for yet."""
    named = {finding.row_id for finding in found if finding.kind == DriftKind.SUPPRESSED}
    rows = {row.id: row for row in page.rows if row.id in named}
    leads = Lead.objects.filter(clay_row_id__in=rows).values_list("pk", "clay_row_id")
    for pk, row_id in leads.order_by("pk"):
        suppressed_rows.handle_return(pk, rows[str(row_id)], table)


def _after_error(run: ReconcileRun, table: str, error: VendorError, limit: str = LIMIT) -> bool:
    log.warning("reconciliation %s: %s", run.pk, error)
    if error.recovery == Recovery.CHECK_ADDRESS and table != clay_table():
        # An old table that was removed in Clay: its rows are gone, and that is found lead by lead.
        _save_run(run, at_table=run.at_table + 1, cursor="", tries=0)
        return True
    scope = clay().workspace_id if limit == LIMIT else ""
    step = recovery.next_step(error, tries=run.tries + 1, limit=limit, scope=scope)
    unknown = step.action == "read_back" and run.tries + 1 < settings.MAX_ATTEMPTS  # an export changes nothing
    if step.action == "again" or unknown:
        _save_run(run, tries=run.tries + step.counted, not_before=step.not_before)
    else:
        _finish(run, error=str(error)[:300])
    return False


# ---------------------------------------------------------------- what Clay has not


def _look_for_absent(run: ReconcileRun) -> bool:
    """Some of the leads whose row was not read, asked for one by one; False: not now, or finished."""
    leads = list(absent.unread_leads(run)[:LOOKED_FOR_AT_ONCE])
    if not leads:
        _finish(run)
        return False
    wait = limiter.blocked_for(limiter.READS)
    if wait:
        _save_run(run, not_before=in_seconds(wait))
        return False
    client = clay()
    answers = fanout.call_each(
        leads,
        lambda lead: client.get_row(lead.clay_table_id or run.tables[0], str(lead.clay_row_id)),
        vendor="clay",
    )
    gone: list[Lead] = []
    for lead, answer in zip(leads, answers, strict=True):
        if isinstance(answer, NotFound) and answer.recovery == Recovery.UNENRICHABLE:
            gone.append(lead)
        elif isinstance(answer, VendorError) and answer.recovery == Recovery.SET_ASIDE:
            # The address of this one row is refused, today and tomorrow: the others are looked for all the same.
            log.warning("reconciliation %s: lead %s: %s", run.pk, lead.pk, answer)
        elif isinstance(answer, VendorError):
            return _after_error(run, run.tables[0], answer, limiter.READS)
    with transaction.atomic():
        record_findings(without_suppressed([absent.row_gone_finding(lead) for lead in gone]))
        _save_run(run, confirmed_to=leads[-1].pk, tries=0, lapses=0, in_flight_since=timezone.now())
    return True


# ---------------------------------------------------------------- the end


def _finish(run: ReconcileRun, error: str = "") -> None:
    with transaction.atomic():
        if not error:
            absent.find_rowless()
            shared.find_shared()
            opened = Drift.objects.filter(resolved_at__isnull=True)
            if run.full:  # everything was read, so what was not seen in this run is over
                close_drift(opened.filter(last_seen__lt=run.started_at).exclude(kind=DriftKind.NO_ROW))
            close_drift(opened.filter(kind__in=ABSENT).exclude(lead__clay_row_id=F("row_id")))
        run.seen.all().delete()
        _save_run(
            run,
            phase=ReconcilePhase.DONE,
            is_open=False,
            finished_at=timezone.now(),
            error=error,
            ours=_leads_in_table(),
        )


def _leads_in_table() -> dict[str, int]:
    counted = Lead.objects.filter(clay_row_id__isnull=False).exclude(clay_table_id="")
    return dict(counted.order_by().values_list("clay_table_id").annotate(count=Count("pk")))
