"""Rows that Clay gave an id to and did not keep: how a table that is full shows, if it says nothing (see `drift`)."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from enrichment.models import Batch, BatchItem, Lead
from enrichment.models.work import BatchKind
from enrichment.pipeline import fanout
from enrichment.pipeline.dispatch.batch import requeue
from enrichment.states import ItemStatus
from enrichment.vendor_pauses import pauses
from enrichment.vendors.clay.table import clay_table
from enrichment.vendors.connections import clay
from enrichment.vendors.errors import NotFound, Recovery


def recover_rows(batch: Batch, items: Sequence[BatchItem]) -> list[BatchItem]:
    """Of `items`, whose rows Clay did not take for enrichment, those whose row is there; the others need a new row.

    Only rows of which nothing was ever read are asked for: one that was there before is gone for another reason. Where
    no row made later is there, the table takes no more; of one that new rows no longer go to, that says nothing new.
    """
    fresh = [item for item in items if item.lead.clay_seen_at is None]
    lost = _lost_rows(batch.table_id, fresh) if fresh else []
    if not lost:
        return list(items)
    with transaction.atomic():
        leads = Lead.objects.filter(pk__in=[item.lead_id for item in lost])
        leads.lock()
        leads.update(clay_row_id=None, clay_table_id="", updated_at=timezone.now())
        in_use = batch.table_id == clay_table()
        is_full = in_use and not _later_row_exists(batch.table_id, lost)
        requeue(lost, counted=in_use and not is_full)
    if is_full:
        count = f"{len(lost)} row{'' if len(lost) == 1 else 's'}"
        pauses.pause_for_full_table(batch.table_id, f"it assigned IDs to {count} but didn't store them")
    lost_ids = {item.pk for item in lost}
    return [item for item in items if item.pk not in lost_ids]


def _lost_rows(table: str, items: Sequence[BatchItem]) -> list[BatchItem]:
    client = clay()
    answers = fanout.call_each(items, lambda item: client.get_row(table, str(item.lead.clay_row_id)), vendor="clay")
    return [
        item
        for item, answer in zip(items, answers, strict=True)
        if isinstance(answer, NotFound) and answer.recovery == Recovery.UNENRICHABLE
    ]


def _later_row_exists(table: str, lost: Sequence[BatchItem]) -> bool:
    """Whether a row made after all of these is known to be there: it was read, or is being enriched."""
    made = BatchItem.objects.filter(batch__kind=BatchKind.ROWS, batch__table_id=table, status=ItemStatus.DONE)
    last = made.filter(lead__in=[item.lead_id for item in lost]).order_by("-pk").first()
    if last is None:
        return True  # not made by us, so it tells nothing of the table
    later = made.filter(pk__gt=last.pk, lead__clay_table_id=table, lead__clay_row_id__isnull=False)
    return later.exclude(lead__clay_seen_at=None, lead__in_progress_since=None).exists()
