"""Submissions: where Clay enriches what it is sent by itself, a run is one call, and the call is the trigger.

Each lead's attempt has a reference of its own, which comes back with its result. Nothing that was sent can be looked
for: what became of a call whose answer was lost, its result tells, or the time in which none came (see `overdue`).
"""

from collections.abc import Sequence

from enrichment.models import Batch, BatchItem
from enrichment.models.work import BatchKind
from enrichment.pipeline.dispatch import to_routine, to_table
from enrichment.pipeline.dispatch.flush import flush_batches
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay import chosen


def run_due() -> int:
    """Submit due batches until none is due, or a limit is reached; returns how many."""
    return flush_batches(BatchKind.SUBMIT, _send, _after_lost_worker)


def _send(batch: Batch, items: list[BatchItem]) -> bool:
    """False: there was no slot, or nobody to submit to; the batch is handed back, and the others wait as well."""
    if not chosen.can(Capability.RECEIVE_ROW):
        return to_routine.send(batch, items)
    return to_table.send(batch, items)


def _after_lost_worker(batch: Batch, items: Sequence[BatchItem]) -> None:
    """The worker was killed: what it had begun may be at Clay, what it had not goes on its way."""
    if chosen.can(Capability.RECEIVE_ROW):
        to_table.settle(batch, items)
    else:
        to_routine.settle(batch, items)
