"""The law's stages, as they are watched: what is due, and what is held."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet

from gdpr.audit import check
from gdpr.models import AfterCheck, Notice, Purge, RequestMessage, RequestStep
from gdpr.states import DutyStatus, MessageStatus, PurgeStatus, StepStatus
from swarm_admin.core.progress import Stage


def _stage(name: str, label: str, model: Any, waits: str, held: str) -> Stage:
    return Stage(
        name,
        label,
        lambda before: model.objects.filter(status=waits, not_before__lte=before).order_by("not_before"),
        "not_before",
        _in_flight(model, held),
    )


def _in_flight(model: Any, status: str) -> Callable[[], QuerySet[Any]]:
    return lambda: model.objects.filter(status=status)


STAGES: tuple[Stage, ...] = (
    Stage(
        "requests",
        "Data subject requests",
        lambda before: RequestStep.objects.due(before).order_by("not_before"),
        "not_before",
        _in_flight(RequestStep, StepStatus.IN_FLIGHT),
    ),
    _stage("messages", "Messages to data subjects", RequestMessage, MessageStatus.QUEUED, MessageStatus.SENDING),
    _stage("notices", "Notices", Notice, MessageStatus.QUEUED, MessageStatus.SENDING),
    _stage("purges", "Removal of expired records", Purge, PurgeStatus.PLANNED, PurgeStatus.IN_FLIGHT),
    _stage("last_looks", "Final checks after erasures", AfterCheck, DutyStatus.OPEN, DutyStatus.IN_FLIGHT),
    Stage(
        "audit_checks",
        "Audit log checks",
        lambda before: check.unfinished().filter(in_flight_since=None, requested_at__lte=before).order_by("id"),
        "requested_at",
        lambda: check.unfinished().filter(in_flight_since__isnull=False),
    ),
)
