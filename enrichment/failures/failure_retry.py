"""Trying failed work again: what it would take, and the step that makes it due once more.

One `RetryHandler` for each source of failures. A step runs inside the caller's transaction, under locks on the leads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from enrichment.deliveries.retry_job import delivered_deliveries, deliveries_under_way, time_left
from enrichment.estimates.estimating import Estimate, Work, estimate
from enrichment.failures.causes import Cause
from enrichment.failures.sources import SOURCES, members_of
from enrichment.jobs.retry_handlers import RetryHandler
from enrichment.leads import retry_job
from enrichment.leads.actions import BULK_PRIORITY
from enrichment.leads.retry_plan import plan_retry
from enrichment.models import BatchItem, Handover, Lead, WebhookDelivery
from enrichment.models.handover import System
from enrichment.models.work import BatchKind
from enrichment.pipeline.deliver import redeliver
from enrichment.states import DeliveryStatus, ItemStatus
from enrichment.vendor_pauses.pauses import why_paused
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.states import advance

MOST = 50_000  # rows of one retry; the plan looks at each of them
BEYOND = f"One retry covers up to {MOST:,}. The others stay on this page."
MENDED = "No longer failed: retried or recovered in the meantime."

# What is needed of a lead to know whether it can be tried again, and not its raw row.
LEAD_FIELDS = (
    "linkedin_url", "email_work", "email_personal", "phone", "dispatch_after", "in_progress_since",
    "enrichment_status", "clay_row_id", "icp_tier",
)  # fmt: skip


@dataclass(frozen=True)
class FailurePlan:
    """`cost`: US dollars; `cost_label`, `cost_caveat`: what that sum is. `note`: what it does.

    `time`: until the last has been sent.
    """

    count: int
    left_out: Counter[str] = field(default_factory=Counter)
    cost: Decimal = Decimal(0)
    time: Estimate = field(default_factory=Estimate)
    cost_label: str = "Maximum cost"
    cost_caveat: str = ""
    note: str = ""


def plan_for_cause(cause: Cause) -> FailurePlan:
    """What trying all of this cause again would take, at today's prices and limits."""
    count = members_of(cause).count()
    if why := cause.why_no_retry or why_paused(SOURCES[cause.what].system):
        return FailurePlan(0, Counter({why: count}))
    cause_plan = PLANS[cause.what](cause)
    if count > MOST:
        cause_plan.left_out[BEYOND] += count - MOST
    return cause_plan


# ---------------------------------------------------------------- enrichment


def _plan_enrichment(cause: Cause) -> FailurePlan:
    leads = list(members_of(cause).only(*LEAD_FIELDS)[:MOST])
    retry_plan = plan_retry(leads, priority=BULK_PRIORITY)
    return FailurePlan(
        retry_plan.count,
        retry_plan.selection.left_out,
        retry_plan.cost,
        retry_plan.time,
        retry_plan.price.label,
        retry_plan.price.caveat,
        retry_plan.note,
    )


def _retry_enrichment(ids: Sequence[int], by: Any) -> dict[int, str]:
    failing = Lead.objects.failing
    return retry_job.retry_again(ids, by=by, priority=BULK_PRIORITY, among=failing, gone=MENDED)


# ---------------------------------------------------------------- deliveries


def _plan_delivery(cause: Cause) -> FailurePlan:
    selection = redeliver.sort_for_retry(list(members_of(cause)[:MOST]))
    count = len(selection.ready)
    return FailurePlan(count, selection.left_out, time=estimate(Work(deliveries={cause.what: count})))


def _retry_delivery(system: str) -> Callable[[Sequence[int], Any], dict[int, str]]:
    return lambda ids, by: redeliver.redeliver(ids, by=by, reason=f"bulk retry to {system}")


# ---------------------------------------------------------------- webhooks and write-backs


def _plan_reading(cause: Cause) -> FailurePlan:
    return FailurePlan(min(members_of(cause).count(), MOST))


def _retry_reading(ids: Sequence[int], by: Any) -> dict[int, str]:
    """The delivery is read once more; what it says is applied only if nothing newer was (D13)."""
    failed = WebhookDelivery.objects.filter(pk__in=ids, status=DeliveryStatus.FAILED, erased_at=None)
    ready = set(failed.order_by("pk").select_for_update().values_list("pk", flat=True))
    advance(
        WebhookDelivery.objects.filter(pk__in=ready),
        DeliveryStatus.RECEIVED,
        not_before=timezone.now(),
        tries=0,
        in_flight_since=None,
        processed_at=None,
        error_kind="",
        error_message="",
    )
    audit.record(Verb.REPLAY_WEBHOOK, by=by, object_type="webhookdelivery", counts={"deliveries": len(ready)})
    return {pk: MENDED for pk in ids if pk not in ready}


def _plan_write_back(cause: Cause) -> FailurePlan:
    count = min(members_of(cause).count(), MOST)
    return FailurePlan(count, time=estimate(Work(updates=count)))


def _retry_write_back(ids: Sequence[int], by: Any) -> dict[int, str]:
    list(Lead.objects.filter(pk__in=ids).order_by("pk").select_for_update().values_list("pk"))
    ready = set(SOURCES["write_back"].members().filter(pk__in=ids).values_list("pk", flat=True))
    now = timezone.now()
    Lead.objects.filter(pk__in=ready).update(write_back_tries=0, write_back_after=now, updated_at=now)
    audit.record(Verb.WRITE_BACK_AGAIN, by=by, object_type="lead", counts={"leads": len(ready)})
    return {pk: MENDED for pk in ids if pk not in ready}


def _write_back_due() -> Q:
    planned = BatchItem.objects.filter(lead=OuterRef("pk"), batch__kind=BatchKind.UPDATE, status=ItemStatus.PLANNED)
    return Q(write_back_after__isnull=False) | Q(Exists(planned))


def _not_read_yet() -> Q:
    return Q(status__in=(DeliveryStatus.RECEIVED, DeliveryStatus.PROCESSING))


def _already_read() -> Q:
    return Q(status=DeliveryStatus.PROCESSED)


PLANS: dict[str, Callable[[Cause], FailurePlan]] = {
    "enrichment": _plan_enrichment,
    **dict.fromkeys(System.values, _plan_delivery),
    "webhook": _plan_reading,
    "write_back": _plan_write_back,
}
RETRY_HANDLERS: dict[str, RetryHandler] = {
    "enrichment": retry_job.retry_handler(BULK_PRIORITY, _retry_enrichment),
    **{
        system: RetryHandler(
            Handover,
            _retry_delivery(system),
            deliveries_under_way,
            deliveries_under_way,
            SOURCES[system].members,
            delivered_deliveries,
            system,
            time_left,
        )
        for system in System.values
    },
    "webhook": RetryHandler(
        WebhookDelivery,
        _retry_reading,
        _not_read_yet,
        _not_read_yet,
        SOURCES["webhook"].members,
        _already_read,
        "clay",
    ),
    "write_back": RetryHandler(
        Lead, _retry_write_back, _write_back_due, _write_back_due, SOURCES["write_back"].members, Q, "clay",
        lambda keys: estimate(Work(updates=keys.count())).left,
    ),
}  # fmt: skip
