"""Row creation in Clay: one call for a batch, read back by `linkedin_url` where its outcome is unknown."""

import datetime
import logging
from collections.abc import Sequence

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Min
from django.utils import timezone

from enrichment.leases import release
from enrichment.models import Batch, BatchItem, Lead
from enrichment.models.connection import CLAY_ROWS
from enrichment.models.work import BatchKind
from enrichment.pipeline import fanout
from enrichment.pipeline.dispatch.batch import (
    finish_batch,
    finish_items,
    handle_error,
    requeue,
    set_aside,
    unanswered_errors,
)
from enrichment.pipeline.dispatch.flush import flush_batches
from enrichment.states import BatchStatus, ItemStatus
from enrichment.vendor_pauses import pauses
from enrichment.vendors import limiter
from enrichment.vendors.clay import table as clay_table
from enrichment.vendors.clay.fields import row_of
from enrichment.vendors.connections import clay
from enrichment.vendors.errors import NotOffered, Permanent, Recovery, TooFewRows, VendorError
from swarm_admin.core.bulk_sql import update_each
from swarm_admin.core.identifiers.linkedin import canonical
from swarm_admin.core.states import advance_one
from swarm_admin.core.timing import CLOCKS_DIFFER_SECONDS, due_in, in_seconds, span

log = logging.getLogger(__name__)
LIMIT = "clay.rows"


def run_due() -> int:
    """Create the rows of due batches until none is due or the limit is reached; returns how many calls."""
    return flush_batches(BatchKind.ROWS, _send, read_back)


def _send(batch: Batch, items: list[BatchItem]) -> bool:
    """False: there was no slot, and the batch is handed back until there is one; or the table is full."""
    items = _within_capacity(batch, items)
    if not items:
        return False
    wait = limiter.take(LIMIT, batch.table_id, rows=len(items))
    if wait:
        release(batch, not_before=in_seconds(wait), counted=False)
        return False
    try:
        created = clay().create_rows(batch.table_id, [row_of(item.lead) for item in items])
    except TooFewRows as error:
        _handle_missing_rows(batch, items, error)
        return False
    except VendorError as error:
        log.warning("batch %s: %s", batch.pk, error)
        handle_error(batch, items, error, limit=LIMIT, scope=batch.table_id)
        return True
    with transaction.atomic():
        record_all([(items[row.index], row.id) for row in created])
        finish_batch(batch)
    return True


def _within_capacity(batch: Batch, items: list[BatchItem]) -> list[BatchItem]:
    """Those that the table has room for; the leads of the others stay pending. Where it has none, rows are paused."""
    room = clay_table.rows_left(batch.table_id)
    if room >= len(items):
        return items
    with transaction.atomic():
        requeue(items[room:], counted=False)
        if not room:
            finish_batch(batch)
    if not room:
        pauses.pause_for_full_table(batch.table_id, f"it holds {settings.CLAY_TABLE_ROWS:,} rows, its limit")
    return items[:room]


def _handle_missing_rows(batch: Batch, items: Sequence[BatchItem], error: TooFewRows) -> None:
    """Kept is what was answered; the others are looked for, for they may be there. Until then no more are sent."""
    log.warning("batch %s: %s", batch.pk, error)
    with transaction.atomic():
        record_all([(items[place], row_id) for place, row_id in error.made])
        advance_one(
            batch,
            BatchStatus.UNKNOWN,
            not_before=due_in(settings.READ_BACK_SECONDS),
            in_flight_since=None,
            error_kind=Recovery.TABLE_FULL,
            error_message=str(error)[:300],
        )
    pauses.pause_for_full_table(batch.table_id, error.message)


def record_all(made: Sequence[tuple[BatchItem, str]]) -> None:
    """`link_row` of each; in two statements, unless one of the row ids belongs to another lead."""
    now = timezone.now()
    rows = {
        item.lead_id: {
            "clay_row_id": row_id,
            "clay_table_id": item.batch.table_id,
            "dispatch_after": now,
            "dispatch_tries": 0,
        }
        for item, row_id in made
    }
    try:
        with transaction.atomic():
            update_each(Lead, rows, where="present.clay_row_id IS NULL")
            finish_items([item for item, _ in made], ItemStatus.DONE)
    except IntegrityError:
        for item, row_id in made:
            link_row(item, row_id)


def link_row(item: BatchItem, row_id: str) -> None:
    """The lead has its row and is due for its trigger. A row id that another lead has sets this one aside."""
    try:
        with transaction.atomic():
            Lead.objects.filter(pk=item.lead_id, clay_row_id__isnull=True).update(
                clay_row_id=row_id,
                clay_table_id=item.batch.table_id,
                dispatch_after=timezone.now(),
                dispatch_tries=0,
            )
    except IntegrityError:
        message = "Clay returned the row ID of another lead"
        error = Permanent("clay", "create_rows", message=message, recovery=Recovery.NEEDS_PERSON)
        set_aside([item], error)
        return
    finish_items([item], ItemStatus.DONE)


def read_back(batch: Batch, items: Sequence[BatchItem]) -> None:
    """Look for each row before anything is sent again (D12): found ones are kept, the others go again."""
    client = clay()

    def find(item: BatchItem) -> str:
        page = client.search_rows(batch.table_id, {"linkedin_url": item.lead.linkedin_url}, limit=2)
        return page.rows[0].id if page.rows else ""

    answers = fanout.call_each(items, find, vendor="clay")
    if any(isinstance(answer, NotOffered) for answer in answers):
        answers = _from_export(batch, items)
        if not answers:
            return
    found_rows = [(item, row_id) for item, row_id in zip(items, answers, strict=True) if isinstance(row_id, str)]
    with transaction.atomic():
        for item, row_id in found_rows:
            if row_id:
                link_row(item, row_id)
        missing = [item for item, row_id in found_rows if not row_id]
        requeue(missing, counted=batch.error_kind != Recovery.TABLE_FULL)
        for item, error in zip(items, answers, strict=True):
            if isinstance(error, Permanent):  # made again it may be there twice
                set_aside([item], error, in_doubt=True)
        if not (unread := unanswered_errors(answers)):
            finish_batch(batch)
    if unread:  # what was learnt is kept; the others are asked for again
        left = [item for item, answer in zip(items, answers, strict=True) if answer in unread]
        handle_error(batch, left, unread[0], limit=LIMIT, scope=batch.table_id)
    elif batch.error_kind == Recovery.TABLE_FULL:
        _resume_if_all_created(batch)


def _resume_if_all_created(batch: Batch) -> None:
    """The table takes rows after all where none of the batch's has to be made again, whichever look-up found it."""
    hold = pauses.open_pause(CLAY_ROWS)
    if hold and hold.table in ("", batch.table_id) and not batch.items.filter(status=ItemStatus.AGAIN).exists():
        pauses.end_pause(hold, reason="rows without a response were found in Clay")


def _from_export(batch: Batch, items: Sequence[BatchItem]) -> list[str | VendorError]:
    """The row ids out of an export, where Clay has no search (D14); empty: not now, the batch waits."""
    client, cursor, since = clay(), None, _earliest_creation(batch, items)
    row_ids: dict[str, str] = {}
    while True:
        wait = limiter.take("clay.exports", client.workspace_id)
        if wait:
            release(batch, not_before=in_seconds(wait), counted=False)
            return []
        try:
            page = client.export_rows(batch.table_id, limit=5000, cursor=cursor, updated_since=since)
        except VendorError as error:
            handle_error(batch, items, error, limit="clay.exports", scope=client.workspace_id)
            return []
        row_ids |= {_normalised_profile(str(row.values.get("linkedin_url"))): row.id for row in page.rows}
        cursor = page.next_cursor
        if cursor is None:
            return [row_ids.get(_normalised_profile(item.lead.linkedin_url), "") for item in items]


def _earliest_creation(batch: Batch, items: Sequence[BatchItem]) -> datetime.datetime:
    """The earliest, by Clay's clock, that the rows can have been made: by this batch, or one given up in doubt."""
    leads = [item.lead_id for item in items]
    given_up = BatchItem.objects.filter(lead__in=leads, batch__kind=BatchKind.ROWS, in_doubt=True)
    first = given_up.aggregate(first=Min("batch__created_at"))["first"]
    return min(batch.created_at, first or batch.created_at) - span(CLOCKS_DIFFER_SECONDS)


def _normalised_profile(url: str) -> str:
    """The address as we spell it; what is no person's profile as Clay gives it."""
    try:
        return canonical(url)
    except ValueError:
        return url
