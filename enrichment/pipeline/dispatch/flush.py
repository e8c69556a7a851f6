"""The loop all three calls to Clay share: claim a due batch, make its call, until nothing is due."""

from collections.abc import Callable
from typing import Any

from enrichment.leases import claim, release
from enrichment.models import Batch, ServiceHold
from enrichment.models.work import BatchKind
from enrichment.pipeline.dispatch.outcome import finish, items_of
from enrichment.pipeline.dispatch.screening import passing
from enrichment.states import BatchStatus
from enrichment.vendor_pauses import pauses
from enrichment.vendors import limiter
from swarm_admin.core import shutdown
from swarm_admin.core.timing import in_seconds

STAGES = {BatchKind.ROWS: "rows", BatchKind.TRIGGER: "triggers", BatchKind.UPDATE: "write_backs"}


def drain(
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
    while not (shutdown.asked() or pauses.reading_held("clay")):
        order = Batch.objects.filter(kind=kind).order_by("-priority", "not_before", "id")
        if held(kind):
            order = order.filter(status=BatchStatus.UNKNOWN) if read_back else order.none()
        claimed = claim(order, BatchStatus, 1, stage=STAGES[kind])
        if not claimed:
            break
        batch = claimed[0]
        items = items_of(batch)
        if not items:
            finish(batch)
        elif read_back and batch.claimed_from == BatchStatus.UNKNOWN:  # type: ignore[attr-defined]
            if wait := limiter.blocked_for(limiter.READS):
                release(batch, not_before=in_seconds(wait), counted=False)
            else:
                read_back(batch, items)
        elif not _sent(batch, items, send):
            break
        made += 1
    return made


def held(kind: BatchKind) -> ServiceHold | None:
    """What keeps new calls of this kind from being made."""
    if kind == BatchKind.ROWS:
        return pauses.rows_held()
    return pauses.triggers_held() if kind == BatchKind.TRIGGER else pauses.held("clay")


def _sent(batch: Batch, items: list[Any], send: Callable[[Batch, list[Any]], bool]) -> bool:
    ready = passing(batch, items)
    if ready:
        return send(batch, ready)
    finish(batch)
    return True
