"""Our references and verdict, written back to Clay's rows in batches (D8). Repeating it is harmless."""

import logging
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from enrichment.leases import release
from enrichment.models import Batch, BatchItem, Lead
from enrichment.models.work import BatchKind
from enrichment.pipeline import clay_scores, recovery
from enrichment.pipeline.clay_scores import UNSCORED
from enrichment.pipeline.dispatch import company_cache
from enrichment.pipeline.dispatch.batch import create_batch, finish_batch, finish_items
from enrichment.pipeline.dispatch.flush import flush_batches
from enrichment.pipeline.mirror.refresh_status import columns_of
from enrichment.states import BatchStatus, ItemStatus
from enrichment.vendors import limiter
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay import chosen
from enrichment.vendors.clay.wire import BulkUpdate
from enrichment.vendors.connections import clay
from enrichment.vendors.errors import Permanent, VendorError
from swarm_admin.core.bulk_sql import update_each
from swarm_admin.core.timing import backoff, in_seconds

log = logging.getLogger(__name__)
LIMIT = "clay.updates"


def run_due() -> int:
    """Write back due batches until none is due or the limit is reached; returns how many calls.

    Where rows cannot be changed, none: our references stay in the mirror alone.
    """
    if not chosen.can(Capability.UPDATE):
        return 0
    return flush_batches(BatchKind.UPDATE, _send)


def _send(batch: Batch, items: list[BatchItem]) -> bool:
    company_fields = company_cache.fields_for_clay(item.lead_id for item in items)
    updates = {
        str(item.lead.clay_row_id): columns_of(item.lead, company_fields.get(item.lead_id, ()))
        for item in items
        if item.lead.clay_row_id
    }
    updates = {row_id: values for row_id, values in updates.items() if values}
    if not updates:
        finish_items(items, ItemStatus.DONE)
        finish_batch(batch)
        return True
    wait = limiter.take(LIMIT, batch.table_id, rows=len(updates))
    if wait:
        release(batch, not_before=in_seconds(wait), counted=False)
        return False
    try:
        outcome = clay().update_rows(batch.table_id, updates)
    except VendorError as error:
        log.warning("batch %s: %s", batch.pk, error)
        sent_items = [item for item in items if str(item.lead.clay_row_id) in updates]
        _after_error(batch, items, sent_items, error)
        return True
    with transaction.atomic():
        refused = set(outcome.refused)
        _record_written(items, updates, outcome)
        _requeue([item for item in items if item.lead.clay_row_id in {*outcome.left, *refused}])
        finish_items(items, ItemStatus.DONE)
        finish_batch(batch)
    return True


def _record_written(items: Sequence[BatchItem], updates: dict[str, dict[str, Any]], outcome: BulkUpdate) -> None:
    """Clay holds these values now, so its next webhook about them will change nothing."""
    done = set(outcome.done)
    written = {
        item.lead_id: row_id for item in items if (row_id := str(item.lead.clay_row_id)) in done and updates[row_id]
    }
    held = {
        pk: {"raw": updates[row_id], "written_back": updates[row_id], "write_back_tries": 0}
        for pk, row_id in written.items()
    }
    Lead.objects.filter(pk__in=held).lock()
    # Merged: a webhook may have brought a newer row while the call was under way.
    update_each(Lead, held, merged=["raw", "written_back"])
    _mark_scores_outdated(
        items, {pk: row_id for pk, row_id in written.items() if updates[row_id].keys() - UNSCORED}, outcome
    )


def _mark_scores_outdated(items: Sequence[BatchItem], written: dict[int, str], outcome: BulkUpdate) -> None:
    """Clay computes these rows anew; `written`: {lead: row}, the leads under their lock."""
    read_at = {item.lead_id: item.lead.clay_seen_at for item in items}
    same = Lead.objects.filter(pk__in=written).values_list("pk", "clay_seen_at")
    # What a webhook brought meanwhile may be newer than the answer.
    current = {pk for pk, seen_at in same if seen_at == read_at[pk]}
    answered = {
        pk: outcome.rows[row_id].values if pk in current and row_id in outcome.rows else None
        for pk, row_id in written.items()
    }
    clay_scores.note_rewritten(answered)


def _after_error(batch: Batch, items: Sequence[BatchItem], sent_items: Sequence[BatchItem], error: VendorError) -> None:
    """`sent_items`: those the call was about, in its order. One bad row does not sink the others (D15)."""
    step = recovery.next_step(error, tries=batch.tries, limit=LIMIT, scope=batch.table_id)
    if step.action != "give_up":  # an update is the same however often it is made: unknown is "again"
        release(batch, not_before=step.not_before, counted=step.counted, error=error)
        return
    with transaction.atomic():
        finish_items([item for item in items if item not in sent_items], ItemStatus.DONE)
        if isinstance(error, Permanent):
            _split(batch, sent_items, error)
        else:
            finish_items(sent_items, ItemStatus.AGAIN, error)
            _requeue(sent_items)
        finish_batch(batch, BatchStatus.FAILED)


def _split(batch: Batch, sent_items: Sequence[BatchItem], error: Permanent) -> None:
    """Without the row the vendor named; where it named none, each half alone, down to the row it refuses."""
    at = error.row_index
    if at is None or not 0 <= at < len(sent_items):
        at = 0 if len(sent_items) == 1 else None
    if at is None:
        middle = len(sent_items) // 2
        parts = [sent_items[:middle], sent_items[middle:]]
    else:
        set_aside(sent_items[at], error)
        parts = [[*sent_items[:at], *sent_items[at + 1 :]]]
    for part in parts:
        if part:
            finish_items(part, ItemStatus.AGAIN, error)
            create_batch(BatchKind.UPDATE, [item.lead for item in part], table=batch.table_id)


def set_aside(item: BatchItem, error: VendorError) -> None:
    """Given up for what it says: not repeated by itself, but on Failures, where a person may send it again."""
    finish_items([item], ItemStatus.SET_ASIDE, error)
    Lead.objects.filter(pk=item.lead_id).update(write_back_tries=settings.MAX_ATTEMPTS + 1, write_back_after=None)


def _requeue(items: Sequence[BatchItem]) -> None:
    """Due once more, later each time; after MAX_ATTEMPTS the references stay in the mirror alone."""
    for item in items:
        tries = item.lead.write_back_tries + 1
        Lead.objects.filter(pk=item.lead_id).update(
            write_back_tries=F("write_back_tries") + 1,
            write_back_after=backoff(tries) if tries <= settings.MAX_ATTEMPTS else None,
        )
        if tries > settings.MAX_ATTEMPTS:
            log.error("lead %s: write-back to Clay given up at %s", item.lead_id, timezone.now().isoformat())
