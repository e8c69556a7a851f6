"""Trying failed work again: what it would take, and the step that makes it due once more.

One `Way` for each source of failures. A step runs inside the caller's transaction, under locks on the leads.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from enrichment import actions, holds
from enrichment.clock import span
from enrichment.failures.causes import Cause
from enrichment.failures.groups import SOURCES, members_of
from enrichment.health import NAMES
from enrichment.leads.retry_plan import plan_retry
from enrichment.models import BatchItem, Handover, Lead, WebhookDelivery
from enrichment.models.work import BatchKind
from enrichment.pipeline.deliver import CHANNELS
from enrichment.pipeline.payload import wanted
from enrichment.states import DeliveryStatus, EnrichmentStatus, HandoverStatus, ItemStatus, advance
from gdpr import audit

MOST = 50_000  # rows of one retry; the plan looks at each of them
BULK_PRIORITY = 0  # behind fresh leads and what a person waits for
BEYOND = f"One retry takes at most {MOST:,}; the others stay on this screen."
MENDED = "No longer failed: it was tried again, or has succeeded, in the meantime."
SUPPRESSED = "The person is suppressed; nothing may be handed over."
NOT_WANTED = "Not wanted there any more: the contact data or the tier has changed."

# What is needed of a lead to know whether it can be tried again, and not its raw row.
LEAD_FIELDS = (
    "linkedin_url", "email_work", "email_personal", "phone", "dispatch_after", "in_progress_since",
    "enrichment_status", "clay_row_id", "icp_tier",
)  # fmt: skip


@dataclass(frozen=True)
class FailurePlan:
    """`cost`: US dollars; `cost_label`, `cost_caveat`: what that sum is.

    `seconds`: until the last has left; 0 where no limit holds it back.
    """

    count: int
    left_out: Counter[str] = field(default_factory=Counter)
    cost: Decimal = Decimal(0)
    seconds: float = 0.0
    limited_by: str = ""
    cost_label: str = "Cost, at most"
    cost_caveat: str = ""


@dataclass(frozen=True)
class Way:
    """`again(ids, by)` makes rows due and returns {id: why not} of the others.

    `open`: rows that are under way again; `queued`: those of them that have not been sent yet; `failed`: all
    that have failed; `system`: the vendor they go to, "" for several.
    """

    model: type[Any]
    again: Callable[[Sequence[int], Any], dict[int, str]]
    open: Callable[[], Q]
    queued: Callable[[], Q]
    failed: Callable[[], QuerySet[Any]]
    system: str


def held(system: str) -> str:
    """Why nothing can be sent to this vendor now: it is paused; "" where it is not."""
    hold = holds.held(system)
    return f"{NAMES[system]} is paused: {hold.message or hold.reason}." if hold else ""


def plan(cause: Cause) -> FailurePlan:
    """What trying all of this cause again would take, at today's prices and limits."""
    count = members_of(cause).count()
    if why := cause.why_no_retry or held(SOURCES[cause.what].system):
        return FailurePlan(0, Counter({why: count}))
    found = PLANS[cause.what](cause)
    if count > MOST:
        found.left_out[BEYOND] += count - MOST
    return found


# ---------------------------------------------------------------- enrichment


def _plan_enrichment(cause: Cause) -> FailurePlan:
    leads = list(members_of(cause).only(*LEAD_FIELDS)[:MOST])
    found = plan_retry(leads)
    return FailurePlan(
        found.count,
        found.sorted.left_out,
        found.cost,
        found.seconds,
        found.limited_by,
        found.each.label,
        found.each.caveat,
    )


def _enrich_again(ids: Sequence[int], by: Any) -> dict[int, str]:
    leads = _locked(ids)
    failing = set(Lead.objects.failing().filter(pk__in=ids).values_list("pk", flat=True))
    why = {pk: MENDED for pk in ids if pk not in failing}
    found = actions.sort_for_retry([lead for lead in leads if lead.pk in failing])
    ready = {lead.pk for lead in found.ready}
    for lead in leads:
        if lead.pk in failing and lead.pk not in ready:
            why[lead.pk] = actions.reason_against(actions.check_can_retry, lead)
    if ready:
        actions.retry_leads(found.ready, by=by, priority=BULK_PRIORITY)
    return why


def _locked(ids: Collection[int]) -> list[Lead]:
    return list(Lead.objects.filter(pk__in=ids).only(*LEAD_FIELDS).order_by("pk").select_for_update())


# ---------------------------------------------------------------- deliveries


def _plan_delivery(cause: Cause) -> FailurePlan:
    failed = list(members_of(cause).select_related("lead")[:MOST])
    why = _against(failed, {each.lead_id: each.lead for each in failed})
    count = len(failed) - len(why)
    channel = CHANNELS[cause.what]
    times = {
        "ghl": {
            "GoHighLevel, calls in ten seconds": 10 / settings.GHL_PER_TEN_SECONDS,
            "GoHighLevel, calls in a day": 86_400 / settings.GHL_PER_DAY
            if count * 2 > settings.GHL_PER_DAY
            else 0,
        },
        "instantly": {"Instantly, calls in a minute": 60 / settings.INSTANTLY_PER_MINUTE},
    }[cause.what]
    limited_by = max(times, key=lambda name: times[name])
    seconds = span(count * channel.calls * times[limited_by]).total_seconds()
    return FailurePlan(count, Counter(why.values()), seconds=seconds, limited_by=limited_by)


def _against(failed: Sequence[Handover], leads: dict[int, Lead]) -> dict[int, str]:
    """{handover: why it cannot be sent}."""
    blocked = actions.suppressed(leads.values())
    why = {}
    for handover in failed:
        if handover.lead_id in blocked:
            why[handover.pk] = SUPPRESSED
        elif not wanted(leads[handover.lead_id], handover.system):
            why[handover.pk] = NOT_WANTED
    return why


def _deliver_again(system: str) -> Callable[[Sequence[int], Any], dict[int, str]]:
    def again(ids: Sequence[int], by: Any) -> dict[int, str]:
        leads = {
            lead.pk: lead
            for lead in _locked(Handover.objects.filter(pk__in=ids).values_list("lead_id", flat=True))
        }
        failed = list(SOURCES[system].members().filter(pk__in=ids))
        why = dict.fromkeys(set(ids) - {each.pk for each in failed}, MENDED) | _against(failed, leads)
        ready = [each for each in failed if each.pk not in why]
        advance(
            Handover.objects.filter(pk__in=[each.pk for each in ready]),
            HandoverStatus.PLANNED,
            not_before=timezone.now(),
            tries=0,
            in_flight_since=None,
            finished_at=None,
            error_kind="",
            error_message="",
        )
        for handover in ready:
            audit.record("deliver_again", by=by, on=leads[handover.lead_id], reason=f"bulk retry to {system}")
        return why

    return again


# ---------------------------------------------------------------- webhooks and write-backs


def _plan_reading(cause: Cause) -> FailurePlan:
    return FailurePlan(min(members_of(cause).count(), MOST))


def _read_again(ids: Sequence[int], by: Any) -> dict[int, str]:
    """The delivery is read once more; what it says is applied only if nothing newer was (D13)."""
    failed = WebhookDelivery.objects.filter(pk__in=ids, status=DeliveryStatus.FAILED)
    ready = set(failed.select_for_update().values_list("pk", flat=True))
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
    audit.record(
        "read_webhooks_again", by=by, object_type="webhookdelivery", counts={"deliveries": len(ready)}
    )
    return {pk: MENDED for pk in ids if pk not in ready}


def _plan_write_back(cause: Cause) -> FailurePlan:
    count = min(members_of(cause).count(), MOST)
    calls = count if settings.CLAY_LIMIT_UNIT == "rows" else math.ceil(count / settings.CLAY_UPDATE_BATCH)
    seconds = span(60 * calls / settings.CLAY_UPDATES_PER_MINUTE).total_seconds()
    return FailurePlan(count, seconds=seconds, limited_by="Clay, updates in a minute")


def _write_back_again(ids: Sequence[int], by: Any) -> dict[int, str]:
    _locked(ids)
    ready = set(SOURCES["write_back"].members().filter(pk__in=ids).values_list("pk", flat=True))
    now = timezone.now()
    Lead.objects.filter(pk__in=ready).update(write_back_tries=0, write_back_after=now, updated_at=now)
    audit.record("write_back_again", by=by, object_type="lead", counts={"leads": len(ready)})
    return {pk: MENDED for pk in ids if pk not in ready}


def _written() -> Q:
    planned = BatchItem.objects.filter(
        lead=OuterRef("pk"), batch__kind=BatchKind.UPDATE, status=ItemStatus.PLANNED
    )
    return Q(write_back_after__isnull=False) | Q(Exists(planned))


def _unread() -> Q:
    return Q(status__in=(DeliveryStatus.RECEIVED, DeliveryStatus.PROCESSING))


def under_way() -> Q:
    """Deliveries that have not ended."""
    return Q(status__in=actions.OPEN_HANDOVER)


def in_enrichment() -> Q:
    """Leads that are at Clay, or wait for it."""
    running = (EnrichmentStatus.PENDING, EnrichmentStatus.IN_PROGRESS)
    return Q(enrichment_status__in=running, needs_person=False)


def at_dispatch() -> Q:
    """Leads that have not been sent to Clay yet."""
    return Q(enrichment_status=EnrichmentStatus.PENDING, needs_person=False)


def _way(what: str, model: type[Any], again: Any, open: Any, queued: Any) -> Way:
    return Way(model, again, open, queued, SOURCES[what].members, SOURCES[what].system)


PLANS: dict[str, Callable[[Cause], FailurePlan]] = {
    "enrichment": _plan_enrichment,
    "ghl": _plan_delivery,
    "instantly": _plan_delivery,
    "webhook": _plan_reading,
    "write_back": _plan_write_back,
}
WAYS: dict[str, Way] = {
    "enrichment": _way("enrichment", Lead, _enrich_again, in_enrichment, at_dispatch),
    "ghl": _way("ghl", Handover, _deliver_again("ghl"), under_way, under_way),
    "instantly": _way("instantly", Handover, _deliver_again("instantly"), under_way, under_way),
    "webhook": _way("webhook", WebhookDelivery, _read_again, _unread, _unread),
    "write_back": _way("write_back", Lead, _write_back_again, _written, _written),
}
