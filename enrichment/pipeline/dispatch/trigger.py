"""Enrichment triggers: the active waterfall travels with each, and each lead's attempt records it (D10)."""

import logging
from collections.abc import Sequence

from django.conf import settings
from django.db import transaction

from enrichment.leases import release
from enrichment.models import Attempt, Batch, BatchItem, Lead
from enrichment.models.work import AWAITS_BUDGET, BatchKind
from enrichment.pipeline import fanout
from enrichment.pipeline.dispatch import missing_rows
from enrichment.pipeline.dispatch.batch import (
    create_part_batch,
    finish_batch,
    finish_items,
    handle_error,
    requeue,
    set_aside,
    unanswered_errors,
)
from enrichment.pipeline.dispatch.flush import flush_batches
from enrichment.pipeline.dispatch.intents import (
    OPEN_ATTEMPT,
    abandon,
    mark_running,
    record_attempts,
    release_unrun,
    version_and_document,
)
from enrichment.states import AttemptStatus, ItemStatus
from enrichment.vendors import limiter
from enrichment.vendors.clay.wire import ClayRow
from enrichment.vendors.connections import clay
from enrichment.vendors.errors import NotFound, Permanent, Recovery, UnknownOutcome, VendorError
from enrichment.waterfall.prices import price_of
from enrichment.waterfall.provider_budget import Reservation, reserve_budget
from swarm_admin.core.timing import in_seconds

log = logging.getLogger(__name__)
LIMIT = "clay.triggers"
ENDED = (AttemptStatus.SUCCEEDED, AttemptStatus.FAILED)
# What an attempt that goes on under another batch was asked for with.
AS_BEFORE = (
    "lead_id", "waterfall_id", "skip_providers", "only_providers", "deferred_providers", "without", "answered",
    "source_type", "reserved", "provider_slots",
)  # fmt: skip


def run_due() -> int:
    """Trigger due batches until none is due or a limit is reached; returns how many calls."""
    return flush_batches(BatchKind.TRIGGER, _send, read_back)


def _send(batch: Batch, items: list[BatchItem]) -> bool:
    version, document = version_and_document(batch)
    client = clay()
    call = limiter.slot_request(LIMIT, client.workspace_id, rows=len(items))
    reserved = reserve_budget(document, len(items), batch.skip_providers, call=call)
    if reserved.wait:
        _wait(batch, reserved)
        return not reserved.blocks_all
    if reserved.fits is not None:
        _divide(batch, items, reserved.fits)
        return True
    skip = sorted({*batch.skip_providers, *reserved.deferred, *reserved.never})
    wanted = len(items)
    columns = {
        "skip_providers": batch.skip_providers,
        "only_providers": batch.only_providers,
        "deferred_providers": reserved.deferred,
        "without": batch.without,
        "answered": batch.answered,
        "provider_slots": reserved.reserved,
    }
    items = record_attempts(batch, items, version, price_of(document, skip).amount, lambda item: columns)
    if not items:
        reserved.slots.give_back()
        return True  # the money is used up; another batch may be cheaper
    reserved.release(wanted - len(items))
    rows = [str(item.lead.clay_row_id) for item in items]
    try:
        accepted = clay().trigger_enrichment(batch.table_id, rows, document.sent(), skip)
    except VendorError as error:
        if isinstance(error, NotFound) and _recreate_lost_rows(batch, items):
            return True
        log.warning("batch %s: %s", batch.pk, error)
        if not isinstance(error, UnknownOutcome):
            release_unrun(
                Attempt.objects.filter(batch=batch),
                error_kind=str(error.recovery),
                provider=error.provider or "",
            )
        handle_error(batch, items, error, limit=LIMIT, scope=client.workspace_id)
        return True
    accepted_items = [item for item in items if str(item.lead.clay_row_id) in accepted]
    _record(batch, accepted_items, set(accepted), whole=False)
    if not _recreate_lost_rows(batch, left := [item for item in items if item not in accepted_items]):
        _record(batch, left, set())
    return True


def _recreate_lost_rows(batch: Batch, items: Sequence[BatchItem]) -> bool:
    """Rows of these that Clay did not keep are made again and the others asked for again; False: there are none."""
    there = missing_rows.recover_rows(batch, items)
    if len(there) == len(items):
        return False
    with transaction.atomic():
        Lead.objects.filter(pk__in=[item.lead_id for item in items]).lock()
        abandon(Attempt.objects.filter(batch=batch, lead__in=[item.lead_id for item in items]))
        requeue(there, counted=False)
        finish_batch(batch)
    return True


def _divide(batch: Batch, items: Sequence[BatchItem], first: int) -> None:
    """As many as a provider's hour has room for go by themselves; what the others may ask is seen then."""
    with transaction.atomic():
        Lead.objects.filter(pk__in=[item.lead_id for item in items]).lock()
        for part in (items[:first], items[first:]):
            finish_items(part, ItemStatus.AGAIN)
            create_part_batch(batch, [item.lead for item in part])
        finish_batch(batch)


def _wait(batch: Batch, reserved: Reservation) -> None:
    """Handed back until there is room; one that waits for providers says so, and the leads behind it see it."""
    if not reserved.blocks_all:
        batch.error_kind = AWAITS_BUDGET
        batch.save(update_fields=["error_kind"])
    release(batch, not_before=in_seconds(reserved.wait), counted=False)


def _record(batch: Batch, items: Sequence[BatchItem], accepted: set[str], *, whole: bool = True) -> None:
    """Accepted rows are in progress; a row Clay did not accept goes again. The batch ends with the `whole` of it."""
    accepted_items = [item for item in items if item.lead.clay_row_id in accepted]
    left = [item for item in items if item.lead.clay_row_id not in accepted]
    with transaction.atomic():
        leads = [item.lead_id for item in accepted_items]
        # The leads before their attempts, as the mirror locks them when a webhook is as quick as this.
        Lead.objects.filter(pk__in=leads).lock()
        finish_items(accepted_items, ItemStatus.DONE)
        mark_running(Attempt.objects.filter(batch=batch, lead__in=leads), settings.POLL_AFTER_SECONDS)
        if left:
            release_unrun(Attempt.objects.filter(batch=batch, lead__in=[item.lead_id for item in left]))
            requeue(left)
        if whole:
            finish_batch(batch)


def read_back(batch: Batch, items: Sequence[BatchItem]) -> None:
    """After an unknown outcome: a row that Clay shows at work or newly enriched was triggered (D12)."""
    client = clay()
    rows = fanout.call_each(
        items, lambda item: client.get_row(batch.table_id, str(item.lead.clay_row_id)), vendor="clay"
    )
    with transaction.atomic():
        ended = _already_ended(batch, items)
        read = [(item, row) for item, row in zip(items, rows, strict=True) if item.lead_id not in ended]
        unread = unanswered_errors(row for _, row in read)
        known = [item for item, row in read if _is_known(row)]
        began = _started_row_ids(batch, [item for item, row in read if _was_triggered(item.lead, row)])
        for item, row in read:
            if isinstance(row, Permanent) and not _is_known(row):
                # Asking again would not tell more, and sending it again may be paid twice.
                set_aside([item], row, in_doubt=True)
        _record(batch, known, began, whole=not unread)
    if unread:  # what was learnt is kept; the others are asked for again
        left = [item for item, row in read if row in unread]
        handle_error(batch, left, unread[0], limit=LIMIT, scope=client.workspace_id)


def _already_ended(batch: Batch, items: Sequence[BatchItem]) -> set[int]:
    """The leads whose run is over already, by a webhook quicker than this look: their items are done.

    The mirror has their new row by then, so the row itself would look as if nothing had happened.
    """
    leads = [item.lead_id for item in items]
    # The leads before their attempts, as the mirror locks them.
    Lead.objects.filter(pk__in=leads).lock()
    over = Attempt.objects.filter(batch=batch, lead__in=leads, status__in=ENDED)
    ended = set(over.values_list("lead_id", flat=True))
    finish_items([item for item in items if item.lead_id in ended], ItemStatus.DONE)
    return ended


def _started_row_ids(batch: Batch, began: Sequence[BatchItem]) -> set[str]:
    """The row ids of those that run because they were asked for; each has an attempt of this batch then.

    One that was given up in doubt has none: its run is that of the attempt before, which goes on in a new one.
    One that was never asked for runs for somebody else.
    """
    leads = [item.lead_id for item in began]
    earlier = Attempt.objects.filter(lead__in=leads).order_by("started_at", "pk")
    last = {attempt.lead_id: attempt for attempt in earlier}
    given_up = [
        attempt for attempt in last.values() if attempt.batch_id != batch.pk or attempt.status not in OPEN_ATTEMPT
    ]
    abandon(Attempt.objects.filter(pk__in=[attempt.pk for attempt in given_up]))
    Attempt.objects.bulk_create(
        Attempt(
            batch=batch,
            started_by_id=attempt.started_by_id,
            **{name: getattr(attempt, name) for name in AS_BEFORE},
        )
        for attempt in given_up
    )
    return {str(item.lead.clay_row_id) for item in began if item.lead_id in last}


def _is_known(row: ClayRow | VendorError) -> bool:
    """Clay itself says what it has of the row; a proxy's 404 does not."""
    if isinstance(row, NotFound):
        return row.recovery == Recovery.UNENRICHABLE
    return isinstance(row, ClayRow)


def _was_triggered(lead: Lead, row: ClayRow | VendorError) -> bool:
    """By what the row showed when it was last read, not by the time: Clay's clock is not ours."""
    if isinstance(row, VendorError):
        return False
    if row.values.get("enrichment_status") == "in_progress":
        return True
    enriched_at = row.values.get("enriched_at")
    return bool(enriched_at) and enriched_at != lead.raw.get("enriched_at")
