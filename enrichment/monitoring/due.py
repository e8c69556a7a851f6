"""Which ticks have anything to do: looked at once, so that a message is sent, and a worker woken, only for those.

Wrong in the one direction only: a tick too many finds nothing, while every one of them also comes by itself, at
longer intervals, for what is not told here (clearing up, leases that ran out).
"""

import datetime
from collections.abc import Callable, Iterator

from django.db.models import Q
from django.utils import timezone

from enrichment.jobs.kinds import KINDS
from enrichment.models import Batch, BulkJob, ClayRun, Drift, Handover, Lead, WebhookDelivery
from enrichment.models.handover import System
from enrichment.models.work import BatchKind
from enrichment.states import BatchStatus, DeliveryStatus, HandoverStatus, RunStatus
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay import chosen
from swarm_admin.core.jobs import LIVE

Tick = tuple[str, ...]  # the task's name, and its arguments


def due_ticks() -> list[Tick]:
    """The ticks that have work now. At most nine statements, each of which ends at the first row it finds."""
    now, can = timezone.now(), chosen.capabilities()
    ways = _STEP_BY_STEP if Capability.TRIGGER in can else _AT_ONCE
    if Capability.UPDATE in can:
        ways = ways | _WRITE_BACK
    if Capability.POLL in can:
        ways = ways | _POLLED
    ticks = [tick for tick, is_due in (ways | _BUSY).items() if is_due(now)]
    return [*ticks, *_jobs()]


def _jobs() -> Iterator[Tick]:
    kinds = set(BulkJob.objects.filter(status__in=LIVE).values_list("kind", flat=True).distinct())
    for name in sorted({KINDS[kind].tick for kind in kinds}):
        yield (name,)


def _submissions(now: datetime.datetime) -> bool:
    return _batch(BatchKind.SUBMIT, now) or Lead.objects.due_for_dispatch(now).exists()


def _rows(now: datetime.datetime) -> bool:
    due = Lead.objects.due_for_dispatch(now).filter(clay_row_id__isnull=True)
    return _batch(BatchKind.ROWS, now) or due.exists()


def _triggers(now: datetime.datetime) -> bool:
    due = Lead.objects.due_for_dispatch(now).filter(clay_row_id__isnull=False)
    return _batch(BatchKind.TRIGGER, now) or due.exists()


def _write_back(now: datetime.datetime) -> bool:
    return _batch(BatchKind.UPDATE, now) or Lead.objects.due_for_write_back(now).exists()


def _batch(kind: BatchKind, now: datetime.datetime) -> bool:
    can_go = [BatchStatus.PLANNED, BatchStatus.UNKNOWN]
    return Batch.objects.filter(kind=kind, status__in=can_go, not_before__lte=now).exists()


def _webhooks(now: datetime.datetime) -> bool:
    return WebhookDelivery.objects.filter(status=DeliveryStatus.RECEIVED, not_before__lte=now).exists()


def _deliveries(system: System) -> Callable[[datetime.datetime], bool]:
    can_go = Q(system=system, status__in=[HandoverStatus.PLANNED, HandoverStatus.UNKNOWN])
    return lambda now: Handover.objects.filter(can_go, not_before__lte=now).exists()


def _runs(now: datetime.datetime) -> bool:
    return ClayRun.objects.filter(run_id__isnull=False, status=RunStatus.PLANNED, not_before__lte=now).exists()


def _mending(now: datetime.datetime) -> bool:
    return Drift.objects.filter(mend_after__lte=now, resolved_at__isnull=True).exists()


IsDue = Callable[[datetime.datetime], bool]
# By what the connector in use can.
_AT_ONCE: dict[Tick, IsDue] = {("dispatch_submissions",): _submissions}
_STEP_BY_STEP: dict[Tick, IsDue] = {("dispatch_rows",): _rows, ("dispatch_triggers",): _triggers}
_WRITE_BACK: dict[Tick, IsDue] = {("write_back_references",): _write_back}
_POLLED: dict[Tick, IsDue] = {("read_runs",): _runs}
_BUSY: dict[Tick, IsDue] = {
    ("read_webhooks",): _webhooks,
    ("deliver_to", System.GHL): _deliveries(System.GHL),
    ("deliver_to", System.INSTANTLY): _deliveries(System.INSTANTLY),
    ("mend_drift",): _mending,
}
