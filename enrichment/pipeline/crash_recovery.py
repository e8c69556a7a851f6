"""Work of the pipeline that lost its worker: taken back, or given up where that happened again and again.

A batch is narrowed down to the row that is to blame, which is set aside.
"""

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from enrichment.leases import hand_back_lapsed
from enrichment.models import Batch, Handover, Lead
from enrichment.models.work import BatchKind
from enrichment.pipeline.deliver import recording
from enrichment.pipeline.dispatch.batch import create_part_batch, finish_items, items_of, set_aside
from enrichment.pipeline.dispatch.write_back import set_aside as set_write_back_aside
from enrichment.states import BatchStatus, HandoverStatus, ItemStatus
from enrichment.vendors.errors import WorkerLost
from swarm_admin.core import work
from swarm_admin.core.states import advance


def recover_lost_calls() -> None:
    """Calls whose worker was killed are read back, or given up."""
    hand_back_lapsed(Batch, BatchStatus, give_up_lost)
    hand_back_lapsed(Handover, HandoverStatus, recording.give_up_lost)


def give_up_lost(batches: QuerySet[Batch], lease: work.Values) -> None:
    """Nobody knows whether their calls took effect, so nothing of them is sent again unseen (D12)."""
    for batch in list(batches):
        with transaction.atomic():
            _give_up(batch, batches.filter(pk=batch.pk), lease)


def _give_up(batch: Batch, mine: QuerySet[Batch], lease: work.Values) -> None:
    items = items_of(batch)
    # The leads before their batch, as whoever records what a call brought does.
    Lead.objects.filter(pk__in=[item.lead_id for item in items]).lock()
    error = WorkerLost("clay", batch.kind)
    ended = {"finished_at": timezone.now(), "error_kind": error.recovery, "error_message": str(error)}
    if not advance(mine, BatchStatus.FAILED, **{**lease, **ended}):
        return
    if len(items) > 1:
        middle = len(items) // 2
        for part in (items[:middle], items[middle:]):
            finish_items(part, ItemStatus.AGAIN)
            _half(batch, [item.lead for item in part])
    elif batch.kind == BatchKind.UPDATE:
        for item in items:
            set_write_back_aside(item, error)
    else:
        set_aside(items, error, in_doubt=True)


def _half(batch: Batch, leads: list[Lead]) -> None:
    """Looked for before anything is sent, and one lapse from being given up in its turn."""
    half = create_part_batch(batch, leads)
    status = half.status if batch.kind == BatchKind.UPDATE else BatchStatus.UNKNOWN
    Batch.objects.filter(pk=half.pk).update(status=status, lapses=work.LAPSES_MOST - 1)
