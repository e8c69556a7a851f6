"""Enrichment triggers: the active waterfall travels with each, and each lead's attempt records it (D10).

The money a lead is expected to cost is kept back with its attempt; a lead for whom there is none is due again later.
"""

import logging
from collections.abc import Iterable, Sequence
from decimal import Decimal

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from enrichment.documents.waterfall import WaterfallDocument
from enrichment.leases import release
from enrichment.models import Attempt, Batch, BatchItem, Lead, SpendCap, WaterfallVersion
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
from enrichment.states import AttemptStatus, EnrichmentStatus, ItemStatus
from enrichment.vendors import limiter
from enrichment.vendors.clay.wire import ClayRow
from enrichment.vendors.connections import clay
from enrichment.vendors.errors import NotFound, Permanent, Recovery, UnknownOutcome, VendorError
from enrichment.waterfall import provider_budget, spend_limits
from enrichment.waterfall.prices import price_of
from enrichment.waterfall.provider_budget import Reservation, reserve_budget
from swarm_admin.core.states import advance
from swarm_admin.core.timing import due_in, in_seconds

log = logging.getLogger(__name__)
LIMIT = "clay.triggers"
HELD_SECONDS = 60  # a lead without money is looked at again
OPEN_ATTEMPT = (AttemptStatus.INTENDED, AttemptStatus.RUNNING)
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
    version, document = _version_and_document(batch)
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
    items = _record_attempts(batch, items, version, reserved, price_of(document, skip).amount)
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
            _release_unrun(
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
        _abandon(Attempt.objects.filter(batch=batch, lead__in=[item.lead_id for item in items]))
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


def _version_and_document(batch: Batch) -> tuple[WaterfallVersion, WaterfallDocument]:
    """The version the batch runs under, a pilot's or the active one, and what of it is asked."""
    version = batch.waterfall or WaterfallVersion.active()
    document = WaterfallDocument.model_validate(version.document)
    narrowed = document.asking(only=batch.only_providers, without=batch.without, answered=batch.answered)
    return version, narrowed


def _record_attempts(
    batch: Batch,
    items: Sequence[BatchItem],
    version: WaterfallVersion,
    reserved: Reservation,
    each: Decimal,
) -> list[BatchItem]:
    """The intent, committed before the call: a killed worker leaves a trace of what it was about to ask.

    `each`: US dollars that are kept back for every lead. Returns the items that may go; the others are due
    again later, and where none may go the batch is over.
    """
    with transaction.atomic():
        Lead.objects.filter(pk__in=[item.lead_id for item in items]).lock()  # before their attempts, as everywhere
        admission = spend_limits.admit_leads([item.lead for item in items], each)
        held = [item for item in items if item.lead_id in admission.held]
        items = [item for item in items if item.lead_id not in admission.held]
        leads = [item.lead_id for item in items]
        _release_unrun(Attempt.objects.filter(lead__in=leads))
        Attempt.objects.bulk_create(
            Attempt(
                lead_id=item.lead_id,
                batch=batch,
                waterfall=version,
                skip_providers=batch.skip_providers,
                only_providers=batch.only_providers,
                deferred_providers=reserved.deferred,
                without=batch.without,
                answered=batch.answered,
                provider_slots=reserved.reserved,
                source_type=item.lead.source_type,
                started_by_id=item.lead.dispatch_by_id,
                reserved=each,
            )
            for item in items
        )
        if held:
            _defer_for_budget(held, {cap.pk: cap for cap in admission.held.values()}.values())
        if not items:
            finish_batch(batch)
    return items


def _defer_for_budget(items: Sequence[BatchItem], reached: Iterable[SpendCap]) -> None:
    """There is no money for these now: due again later, at no cost to their tries."""
    finish_items(items, ItemStatus.AGAIN)
    Lead.objects.filter(pk__in=[item.lead_id for item in items]).update(dispatch_after=due_in(HELD_SECONDS))
    for cap in reached:
        spend_limits.mark_reached(cap)


def _release_unrun(attempts: models.QuerySet[Attempt], **why: str) -> None:
    """Of these the open ones never ran: nobody was asked, so what was kept back of the providers' hours is free."""
    open_ones = list(attempts.filter(status__in=OPEN_ATTEMPT))
    provider_budget.settle_reservations((attempt, {}) for attempt in open_ones)
    _abandon(Attempt.objects.filter(pk__in=[attempt.pk for attempt in open_ones]), **why)


def _abandon(attempts: models.QuerySet[Attempt], **why: str) -> None:
    """These are not the attempts that will run; what has ended stays as it ended."""
    advance(attempts, AttemptStatus.ABANDONED, finished_at=timezone.now(), **why)


def _record(batch: Batch, items: Sequence[BatchItem], accepted: set[str], *, whole: bool = True) -> None:
    """Accepted rows are in progress; a row Clay did not accept goes again. The batch ends with the `whole` of it."""
    accepted_items = [item for item in items if item.lead.clay_row_id in accepted]
    left = [item for item in items if item.lead.clay_row_id not in accepted]
    now = timezone.now()
    with transaction.atomic():
        leads = [item.lead_id for item in accepted_items]
        # The leads before their attempts, as the mirror locks them when a webhook is as quick as this.
        Lead.objects.filter(pk__in=leads).lock()
        finish_items(accepted_items, ItemStatus.DONE)
        attempts = Attempt.objects.filter(batch=batch, lead__in=leads)
        # A webhook may have been quicker than this record: then the attempt is over, and stays so.
        advance(
            attempts,
            AttemptStatus.RUNNING,
            triggered_at=now,
            poll_after=due_in(settings.POLL_AFTER_SECONDS),
        )
        running = attempts.filter(status=AttemptStatus.RUNNING).values("lead")
        advance(
            # A fill-in works behind a result that stands: its lead keeps its status meanwhile.
            Lead.objects.filter(pk__in=running, only_providers=[]),
            EnrichmentStatus.IN_PROGRESS,
            field="enrichment_status",
            in_progress_since=now,
        )
        if left:
            _release_unrun(Attempt.objects.filter(batch=batch, lead__in=[item.lead_id for item in left]))
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
    _abandon(Attempt.objects.filter(pk__in=[attempt.pk for attempt in given_up]))
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
