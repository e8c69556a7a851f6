"""Leads into a routine of Clay's public API: a run carries up to a hundred, a file more.

Clay knows no repeat from a second order: a run whose answer was lost may be under way, and charged, so it is never
made again by itself. Such a run is kept without an id until its webhook tells one, or a person decides.
"""

import logging
from collections.abc import Callable, Sequence

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from enrichment.clay_routines import setup as routine_setup
from enrichment.clay_routines.items import missing_inputs, run_item
from enrichment.clay_routines.setup import RoutineSetup
from enrichment.leases import release
from enrichment.models import Attempt, Batch, BatchItem, ClayRun, Lead
from enrichment.pipeline.dispatch.batch import finish_batch, finish_items, handle_error, requeue, set_aside
from enrichment.pipeline.dispatch.intents import (
    mark_running,
    new_reference,
    record_attempts,
    release_unrun,
    sort_lost_work,
    version_and_document,
)
from enrichment.states import AttemptStatus, ItemStatus, RunStatus
from enrichment.vendors import limiter
from enrichment.vendors.clay.routine import FILE_CALLS, LIMIT, RUN_MAX
from enrichment.vendors.clay.wire import RunItem
from enrichment.vendors.connections import routine
from enrichment.vendors.errors import Misconfigured, Permanent, Recovery, UnknownOutcome, VendorError
from enrichment.waterfall.prices import price_of
from swarm_admin.core.timing import due_in, in_seconds

log = logging.getLogger(__name__)
FIRST_POLL_SECONDS = 5.0
Start = Callable[[Sequence[RunItem]], str]


class MissingInputs(Permanent):
    """Not sent: the routine needs what the lead lacks."""

    def __str__(self) -> str:
        return self.message


def send(batch: Batch, items: list[BatchItem]) -> bool:
    """One run of the batch's leads; False: there was no slot, and the batch is handed back until there is one."""
    setup = routine_setup.current()
    scope = settings.CLAY_WORKSPACE_ID
    if not setup.routine_id:
        handle_error(batch, items, _no_routine(), limit=LIMIT, scope=scope)
        return True
    wait = limiter.take(LIMIT, scope, FILE_CALLS if len(items) > RUN_MAX else 1)
    if wait:
        release(batch, not_before=in_seconds(wait), counted=False)
        return False
    items = _with_inputs(batch, items, setup)
    if not items:
        return True
    items, error = start(batch, items, setup)
    if error is not None:
        handle_error(batch, items, error, limit=LIMIT, scope=scope)
    return True


def _no_routine() -> Misconfigured:
    return Misconfigured("clay", "run_routine", code="no_routine", recovery=Recovery.CHECK_ADDRESS, sent=False)


def start(batch: Batch, items: list[BatchItem], setup: RoutineSetup) -> tuple[list[BatchItem], VendorError | None]:
    """Starts the run of a claimed batch: the items that were to go, and the error where Clay certainly has nothing.

    What Clay has, or may have, is recorded. Items there is no money for have left the batch, see `record_attempts`.
    """
    version, document = version_and_document(batch)
    references = {item.lead_id: new_reference() for item in items}
    price = price_of(document, ()).amount
    items = record_attempts(batch, items, version, price, lambda item: {"reference": references[item.lead_id]})
    if not items:
        return [], None
    mine = Attempt.objects.filter(batch=batch, lead__in=[item.lead_id for item in items])
    try:
        begin = _started(setup.routine_id, is_file=len(items) > RUN_MAX)
        run_id = begin([run_item(setup, item.lead, references[item.lead_id]) for item in items])
    except UnknownOutcome as error:
        log.warning("batch %s: %s", batch.pk, error)
        _record(batch, items, mine, setup.routine_id, error=error)
    except VendorError as error:
        log.warning("batch %s: %s", batch.pk, error)
        release_unrun(mine, error_kind=str(error.recovery))
        return items, error
    else:
        _record(batch, items, mine, setup.routine_id, run_id=run_id)
    return items, None


def _started(routine_id: str, *, is_file: bool) -> Start:
    client, webhook = routine(), settings.CLAY_ROUTINE_WEBHOOK_ID
    if not is_file:
        return lambda items: client.run_routine(routine_id, items, webhook)
    return lambda items: client.start_file_run(routine_id, client.upload_items(routine_id, items), webhook)


def _with_inputs(batch: Batch, items: Sequence[BatchItem], setup: RoutineSetup) -> list[BatchItem]:
    """Those that have what the routine needs; the others wait for a person, who has to add it."""
    missing = {item.pk: names for item in items if (names := missing_inputs(setup, item.lead))}
    if not missing:
        return list(items)
    ready = [item for item in items if item.pk not in missing]
    with transaction.atomic():
        for item in items:
            if item.pk in missing:
                message = f"The routine needs what this lead lacks: {', '.join(missing[item.pk])}."
                error = MissingInputs("clay", "run_routine", message=message, recovery=Recovery.SET_ASIDE, sent=False)
                set_aside([item], error)
        if not ready:
            finish_batch(batch)
    return ready


def _record(
    batch: Batch,
    items: Sequence[BatchItem],
    attempts: QuerySet[Attempt],
    routine_id: str,
    *,
    run_id: str | None = None,
    error: VendorError | None = None,
) -> None:
    """The run that Clay has, or without `run_id` may have; its attempts are its result's from now on."""
    with transaction.atomic():
        Lead.objects.filter(pk__in=[item.lead_id for item in items]).lock()
        finish_items(items, ItemStatus.DONE)
        if run_id:
            # Its webhook may have been quicker than this record, see `receive.pointers`.
            ClayRun.objects.filter(run_id=run_id, batch=None).delete()
        run = ClayRun.objects.create(
            run_id=run_id,
            batch=batch,
            routine_id=routine_id,
            is_file=len(items) > RUN_MAX,
            items=len(items),
            status=RunStatus.PLANNED if run_id else RunStatus.UNKNOWN,
            not_before=due_in(FIRST_POLL_SECONDS),
            error_kind=error.kind if error else "",
            error_message=str(error)[:300] if error else "",
        )
        mine = list(attempts.values_list("pk", flat=True))
        mark_running(Attempt.objects.filter(pk__in=mine), FIRST_POLL_SECONDS, run=run)
        # The run is asked for, for all of them.
        Attempt.objects.filter(pk__in=mine, status=AttemptStatus.RUNNING).update(poll_after=None)
        finish_batch(batch)


def settle(batch: Batch, items: Sequence[BatchItem]) -> None:
    """After a worker was lost: leads with an intent may be in a run nobody knows; those without were never sent."""
    with transaction.atomic():
        lost = sort_lost_work(batch, items)
        requeue(lost.unsent, counted=False)
        finish_items(lost.ended, ItemStatus.DONE)
        if not lost.begun:
            finish_batch(batch)
            return
        error = UnknownOutcome("clay", "run_routine", code="worker_lost", recovery=Recovery.READ_BACK)
        _record(batch, lost.begun, lost.intents, routine_setup.routine_id(), error=error)
