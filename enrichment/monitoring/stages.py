"""The stages of a lead's way, as they are watched: what is due, what is held, and what pauses it."""

import datetime
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet

from enrichment.models import (
    AlertNotice,
    Attempt,
    Batch,
    BulkJob,
    ClayRun,
    Drift,
    Handover,
    Lead,
    ReconcileRun,
    WebhookDelivery,
)
from enrichment.models.connection import CLAY_CREATES, CLAY_ROWS, CLAY_TRIGGERS
from enrichment.models.handover import System
from enrichment.models.job import JobKind
from enrichment.models.work import BatchKind
from enrichment.monitoring.watch import grace_period
from enrichment.pipeline.dispatch.flush import STAGES as BATCH_STAGES
from enrichment.states import AttemptStatus, BatchStatus, DeliveryStatus, HandoverStatus, RunStatus
from enrichment.vendor_pauses import pauses
from enrichment.vendors import limiter, registry
from swarm_admin.core.jobs import JobStatus
from swarm_admin.core.progress import Stage

Rows = QuerySet[Any]
WAITING = ("planned", "unknown")  # of a batch, a delivery and a notice alike
OF_A_KIND = {
    BatchKind.ROWS: (CLAY_ROWS, CLAY_CREATES),
    BatchKind.TRIGGER: (CLAY_TRIGGERS,),
    BatchKind.SUBMIT: (CLAY_ROWS,),
}
LABELS = {
    BatchKind.ROWS: "Row creation in Clay",
    BatchKind.TRIGGER: "Enrichment triggers",
    BatchKind.UPDATE: "Write-back to Clay",
    BatchKind.SUBMIT: "Submissions to Clay",
}


def _pauses(system: str, *, reading: bool = False) -> bool:
    return pauses.explains_standstill(system, grace_period(settings.WATCHDOG_STALL_SECONDS), reading=reading)


def clay_pauses() -> bool:
    """What asks Clay for what is there."""
    return _pauses("clay", reading=True) or bool(limiter.blocked_for(limiter.READS))


def _sending_pauses(kind: BatchKind) -> bool:
    """What is sent to Clay. What became of an earlier call is read on during some pauses, and judged with it."""
    return clay_pauses() or _pauses("clay") or any(_pauses(alone) for alone in OF_A_KIND.get(kind, ()))


def is_blocked(system: str) -> Callable[[], bool]:
    """Whether the system is paused, or its limit used up."""

    def ask() -> bool:
        channel = registry.delivery_to(system)
        return _pauses(system) or limiter.free_slots(channel.limit, channel.scope()) < channel.calls

    return ask


def _leased(name: str, label: str, of: Callable[[], Rows], waits: Q, held: Any, **more: Any) -> Stage:
    """A stage whose rows are due by `not_before` while they wait, and held while they have the status `held`."""

    def due(before: datetime.datetime) -> Rows:
        return of().filter(waits, not_before__lte=before).order_by("not_before")

    return Stage(name, label, due, "not_before", lambda: of().filter(status=held), **more)


def _batches(kind: BatchKind) -> Stage:
    return _leased(
        BATCH_STAGES[kind],
        LABELS[kind],
        lambda: Batch.objects.filter(kind=kind),
        Q(status__in=WAITING),
        BatchStatus.IN_FLIGHT,
        paused=lambda: _sending_pauses(kind),
    )


def _deliveries(system: System) -> Stage:
    return _leased(
        system,
        f"Delivery to {system.label}",
        lambda: Handover.objects.filter(system=system),
        Q(status__in=WAITING),
        HandoverStatus.IN_FLIGHT,
        paused=is_blocked(system),
    )


def _jobs(before: datetime.datetime) -> Rows:
    nobody_started = Q(kind=JobKind.IMPORT, columns={})
    live = BulkJob.objects.filter(status__in=[JobStatus.QUEUED, JobStatus.RUNNING], in_flight_since=None)
    return live.exclude(nobody_started | Q(kind=JobKind.PILOT)).filter(created_at__lte=before).order_by("id")


STAGES: tuple[Stage, ...] = (
    _leased(
        "webhooks",
        "Reading webhooks",
        WebhookDelivery.objects.all,
        Q(status=DeliveryStatus.RECEIVED),
        DeliveryStatus.PROCESSING,
    ),
    # No order: any of a million that wait will do. What a limit keeps back was looked at all the same.
    Stage("planning", "Planning calls to Clay", Lead.objects.due_for_dispatch, "dispatch_after"),
    *(_batches(kind) for kind in BatchKind),
    *(_deliveries(system) for system in System),
    Stage(
        "polls",
        "Polling rows without a webhook",
        lambda before: Attempt.objects.filter(
            status=AttemptStatus.RUNNING, poll_after__lte=before, lead__restriction=""
        ).order_by("poll_after"),
        "poll_after",
        lambda: Attempt.objects.filter(status=AttemptStatus.RUNNING, in_flight_since__isnull=False),
        clay_pauses,
    ),
    _leased(
        "runs",
        "Reading runs of a routine",
        lambda: ClayRun.objects.filter(run_id__isnull=False),
        Q(status=RunStatus.PLANNED),
        RunStatus.IN_FLIGHT,
        paused=lambda: _pauses("clay", reading=True),
    ),
    Stage(
        "jobs",
        "Jobs",
        _jobs,
        "created_at",
        lambda: BulkJob.objects.filter(status=JobStatus.RUNNING, in_flight_since__isnull=False),
    ),
    Stage(
        "comparison",
        "Comparison with Clay",
        lambda before: ReconcileRun.objects.filter(is_open=True, not_before__lte=before, in_flight_since=None),
        "not_before",
        lambda: ReconcileRun.objects.filter(is_open=True, in_flight_since__isnull=False),
        clay_pauses,
    ),
    Stage(
        "mending",
        "Fixing of mismatches",
        lambda before: Drift.objects.filter(mend_after__lte=before, resolved_at=None, in_flight_since=None).order_by(
            "mend_after"
        ),
        "mend_after",
        lambda: Drift.objects.filter(mend_after__isnull=False, in_flight_since__isnull=False),
        lambda: clay_pauses() or _pauses("clay"),
    ),
    _leased("alerts", "Sending alerts", AlertNotice.objects.all, Q(status__in=WAITING), BatchStatus.IN_FLIGHT),
)
