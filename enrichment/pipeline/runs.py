"""Runs of a routine: asked for until they are over, seconds after they began and then less and less often.

Their webhook makes them due at once; it may never come. Clay keeps results for about a day.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from enrichment.leases import claim, release, server_is_away
from enrichment.models import Attempt, ClayRun
from enrichment.pipeline import overdue, recovery, run_results
from enrichment.pipeline.dispatch.to_routine import FIRST_POLL_SECONDS
from enrichment.pipeline.overdue_policy import RUN_LOST, SENTENCES, UNKNOWN_RUN
from enrichment.states import AttemptStatus, RunStatus
from enrichment.vendor_pauses import pauses
from enrichment.vendors import limiter
from enrichment.vendors.clay.routine import FILE_MAX, LIMIT, Routine
from enrichment.vendors.clay.wire import FilePage, RunResult
from enrichment.vendors.connections import routine
from enrichment.vendors.errors import NotFound, Permanent, VendorError
from swarm_admin.core import shutdown, work
from swarm_admin.core.states import InvalidTransition, advance, advance_one
from swarm_admin.core.timing import due_in, in_seconds, span

log = logging.getLogger(__name__)
LONGEST_WAIT_SECONDS = 300.0
GONE_SECONDS = 3600.0  # a run that Clay does not know is young until then, and asked for again
KEPT_SECONDS = 90_000.0  # Clay: results are kept about a day; a run that is not over by then will not be
PAGES_MOST = 200
VALIDATION_FAILED = "validation_failed"


class NoSlot(Exception):
    """The next call has to wait for so many real seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__()
        self.wait = wait


@dataclass(frozen=True)
class Answer:
    """`status` as Clay told it, "complete" alone is success; `page`: of a run over a file."""

    status: str
    is_running: bool
    results: Sequence[RunResult] = ()
    page: FilePage | None = None


def run_due() -> int:
    """Ask for the runs that are due until none is, or Clay may not be asked; returns how many."""
    _hand_back_lapsed()
    asked = 0
    while not (shutdown.is_requested() or pauses.reading_pause("clay")):
        due = ClayRun.objects.filter(run_id__isnull=False).order_by("not_before", "id")
        claimed = claim(due, RunStatus, 1, stage="runs")
        if not claimed:
            break
        asked += 1
        try:
            _poll(claimed[0])
        except NoSlot as no_slot:
            _give_back(claimed[0], no_slot.wait)
            break
    return asked


def _hand_back_lapsed() -> None:
    """Reading again does no harm, so a killed worker's run is simply asked for again."""
    work.hand_back_lapsed(
        ClayRun.objects.filter(status=RunStatus.IN_FLIGHT),
        lambda rows, lease: advance(rows, RunStatus.PLANNED, not_before=timezone.now(), **lease),
        _set_aside,
    )


def _set_aside(rows: QuerySet[ClayRun], lease: work.Values) -> None:
    """Its results take their worker with them again and again: a person decides about its leads."""
    for run in list(rows):
        with transaction.atomic():
            if advance(rows.filter(pk=run.pk), RunStatus.FAILED, error_kind=work.LOST, **lease):
                run_results.fail_all(run, work.LOST_SENTENCE, work.LOST)


def _give_back(run: ClayRun, wait: float) -> None:
    try:
        release(run, not_before=in_seconds(wait), counted=False)
    except InvalidTransition:
        log.warning("run %s is another's by now", run.pk)


def _poll(run: ClayRun) -> None:
    """One run, however poisonous, must not keep the others waiting."""
    try:
        _take_slot()
        _handle(run, _ask(routine(), run))
    except VendorError as error:
        log.warning("run %s: %s", run.pk, error)
        _after_error(run, error)
    except (NoSlot, InvalidTransition, work.LeaseLost) as gone:
        if isinstance(gone, NoSlot):
            raise
        log.warning("run %s is another's by now", run.pk)
    except Exception as error:
        if server_is_away(error):
            raise
        log.error("run %s: %s", run.pk, type(error).__name__)  # noqa: TRY400 - its words may hold a person's data
        _ask_later(run)


# ---------------------------------------------------------------- what Clay says


def _take_slot() -> None:
    if wait := limiter.take(LIMIT, settings.CLAY_WORKSPACE_ID):
        raise NoSlot(wait)


def _ask(client: Routine, run: ClayRun) -> Answer:
    """Raises VendorError, NoSlot."""
    run_id = str(run.run_id)
    if run.is_file:
        page = client.file_run_results(run_id)
        results = list(islice(client.download(page.address), 2 * FILE_MAX)) if page.address else []
        return Answer(page.status, page.is_running, results, page)
    results, cursor = [], None
    for number in range(PAGES_MOST):
        if number:
            _take_slot()
        got = client.run_results(run_id, cursor)
        results += got.results
        cursor = got.cursor
        if got.is_running or not cursor:
            return Answer(got.status, got.is_running, results)
    raise Permanent("clay", "run_results", code="too_many_pages", message="the results have no end")


def _handle(run: ClayRun, answer: Answer) -> None:
    if answer.is_running:
        _ask_later(run)
        return
    # Kept before anything is applied: read again, the results are of the same time.
    run.finished_at = run.finished_at or timezone.now()
    work.renew_lease(run, finished_at=run.finished_at)
    if answer.status == "complete":
        whole = run_results.apply(run, answer.results)
        if not whole and not _is_older(run, KEPT_SECONDS):
            _ask_later(run)  # a lead whose data may only be kept has its result once that is over
        elif run.items or Attempt.objects.filter(reference__in=[each.id for each in answer.results]).exists():
            advance_one(run, RunStatus.DONE, in_flight_since=None, error_kind="", error_message="")
        else:
            run.delete()  # its webhook told of it, and none of its people are ours
        return
    sentence = f"Clay ended the run as {answer.status or 'nothing'}"
    if answer.page and answer.status == VALIDATION_FAILED:
        with transaction.atomic():
            run_results.refuse_lines(run, answer.page)
    else:
        run_results.fail_all(run, sentence)
    advance_one(run, RunStatus.FAILED, in_flight_since=None, error_kind="ended", error_message=sentence)


def _ask_later(run: ClayRun) -> None:
    if _is_older(run, KEPT_SECONDS):
        _lose(run)
        return
    wait = min(FIRST_POLL_SECONDS * 2 ** min(run.tries - 1, 10), LONGEST_WAIT_SECONDS)
    release(run, not_before=due_in(wait))


def _after_error(run: ClayRun, error: VendorError) -> None:
    """A call that was refused or not answered says nothing of the run; one that Clay no longer knows is lost."""
    if isinstance(error, NotFound):
        if not run.items:
            _forget_or_turn(run)
        elif _is_older(run, GONE_SECONDS):
            _lose(run)
        else:
            _ask_later(run)
        return
    step = recovery.next_step(error, tries=run.tries, limit=LIMIT, scope=settings.CLAY_WORKSPACE_ID)
    if step.action == "give_up":
        _ask_later(run)
    else:
        release(run, not_before=step.not_before, counted=step.counted, error=error)


def _forget_or_turn(run: ClayRun) -> None:
    """A run that only its webhook told of: of the other sort, if one of that sort is missing; else nobody's."""
    if not run.is_file and ClayRun.objects.filter(run_id=None, status=RunStatus.UNKNOWN, is_file=True).exists():
        ClayRun.objects.filter(pk=run.pk).update(is_file=True)
        release(run, not_before=timezone.now())
    else:
        run.delete()


def _lose(run: ClayRun) -> None:
    """Its leads are overdue, see `mark_overdue`."""
    if not run.items:
        run.delete()
        return
    kind = RUN_LOST
    advance_one(run, RunStatus.FAILED, in_flight_since=None, error_kind=kind, error_message=SENTENCES[kind])


def _is_older(run: ClayRun, seconds: float) -> bool:
    return run.started_at < timezone.now() - span(seconds)


# ---------------------------------------------------------------- without a result


def mark_overdue() -> int:
    """Leads in runs whose answer was lost, or whose results are: a person decides; returns how many.

    A run whose answer was lost is never made again by a policy: that may be charged twice.
    """
    lost = Q(run__status=RunStatus.UNKNOWN, run__run_id=None) | Q(run__status=RunStatus.FAILED)
    late = Q(poll_after=None) | Q(poll_after__lte=timezone.now())
    running = Attempt.objects.filter(lost, late, status=AttemptStatus.RUNNING, overdue_at=None, lead__restriction="")
    attempts = list(running.annotate(run_state=F("run__status")).order_by("pk")[:1_000])
    for attempt in attempts:
        _mark_safely(attempt, unknown=attempt.run_state == RunStatus.UNKNOWN)
    return len(attempts)


def _mark_safely(attempt: Attempt, *, unknown: bool) -> None:
    try:
        with transaction.atomic():
            overdue.handle_overdue(attempt, UNKNOWN_RUN if unknown else RUN_LOST, ask=unknown)
    except Exception as error:
        if server_is_away(error):
            raise
        log.error("overdue attempt %s: %s", attempt.pk, type(error).__name__)  # noqa: TRY400
