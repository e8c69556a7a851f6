"""The loop all three calls to Clay share: claim a due batch, make its call, until nothing is due."""

from collections.abc import Callable, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from enrichment.leases import claim, release
from enrichment.models import Batch, BatchItem, Lead, ServiceHold
from enrichment.models.work import BatchKind
from enrichment.pipeline.dispatch.batch import finish_batch, items_of
from enrichment.states import BatchStatus, ItemStatus
from enrichment.vendor_pauses import pauses
from enrichment.vendors import limiter
from gdpr.suppression import gate
from swarm_admin.core import shutdown
from swarm_admin.core.states import advance
from swarm_admin.core.timing import in_seconds

STAGES = {
    BatchKind.ROWS: "rows",
    BatchKind.TRIGGER: "triggers",
    BatchKind.UPDATE: "write_backs",
    BatchKind.SUBMIT: "submissions",
}


def flush_batches(
    kind: BatchKind,
    send: Callable[[Batch, list[Any]], bool],
    read_back: Callable[[Batch, list[Any]], None] | None = None,
) -> int:
    """Run the due batches of one kind, those with a higher priority first; returns how many.

    `send` answers False where there was no slot: the batch is handed back, and the others wait as well.
    `read_back` comes instead where a batch's outcome is unknown; without it the call is simply repeated.
    While Clay is held, or its table is full, only what became of earlier calls is read, if that.
    """
    made = 0
    while not (shutdown.is_requested() or pauses.reading_pause("clay")):
        order = Batch.objects.filter(kind=kind).order_by("-priority", "not_before", "id")
        if active_hold(kind):
            order = order.filter(status=BatchStatus.UNKNOWN) if read_back else order.none()
        claimed = claim(order, BatchStatus, 1, stage=STAGES[kind])
        if not claimed:
            break
        batch = claimed[0]
        items = items_of(batch)
        if not items:
            finish_batch(batch)
        elif read_back and batch.claimed_from == BatchStatus.UNKNOWN:  # type: ignore[attr-defined]
            if wait := limiter.blocked_for(limiter.READS):
                release(batch, not_before=in_seconds(wait), counted=False)
            else:
                read_back(batch, items)
        elif not _send_batch(batch, items, send):
            break
        made += 1
    return made


def active_hold(kind: BatchKind) -> ServiceHold | None:
    """What keeps new calls of this kind from being made."""
    if kind in (BatchKind.ROWS, BatchKind.SUBMIT):
        return pauses.rows_pause()
    return pauses.triggers_pause() if kind == BatchKind.TRIGGER else pauses.open_pause("clay")


def _send_batch(batch: Batch, items: list[Any], send: Callable[[Batch, list[Any]], bool]) -> bool:
    ready = sendable_items(batch, items)
    if ready:
        return send(batch, ready)
    finish_batch(batch)
    return True


def sendable_items(batch: Batch, items: Sequence[BatchItem]) -> list[BatchItem]:
    """The items that may go.

    The others leave the batch: a restricted lead is due again and waits for its release; one that is suppressed
    or past its retention is not sent any more.
    """
    now = timezone.now()
    restricted = [item for item in items if item.lead.restriction]
    blocked = gate.screen([item.lead.identity for item in items], "enrichment") if items else set()
    over = [
        item
        for position, item in enumerate(items)
        if not item.lead.restriction and (position in blocked or item.lead.retention_until <= now)
    ]
    if not restricted and not over:
        return list(items)
    due = "write_back_after" if batch.kind == BatchKind.UPDATE else "dispatch_after"
    leads = Lead.objects.filter(pk__in=[item.lead_id for item in restricted])
    with transaction.atomic():
        leads.lock()
        _close_items(restricted, ItemStatus.AGAIN, "restricted")
        _close_items(over, ItemStatus.SET_ASIDE, "suppressed")
        leads.update(**{due: now})
    not_sendable = {item.pk for item in (*restricted, *over)}
    return [item for item in items if item.pk not in not_sendable]


def _close_items(items: Sequence[BatchItem], status: ItemStatus, reason: str) -> None:
    chosen = BatchItem.objects.filter(pk__in=[item.pk for item in items])
    advance(chosen, status, error_kind=reason)
