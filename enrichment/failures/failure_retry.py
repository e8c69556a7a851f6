"""Trying failed work again: what it would take, and the step that makes it due once more.

One `Way` for each source of failures. A step runs inside the caller's transaction, under locks on the leads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from enrichment.estimates.estimating import Estimate, Work, estimate
from enrichment.failures.causes import Cause
from enrichment.failures.sources import SOURCES, members_of
from enrichment.leads import actions
from enrichment.leads.retry_plan import plan_retry
from enrichment.models import BatchItem, Handover, Lead, WebhookDelivery
from enrichment.models.handover import System
from enrichment.models.work import BatchKind
from enrichment.pipeline.deliver.planning import plan_again
from enrichment.pipeline.payload import wanted
from enrichment.states import DELIVERED, DeliveryStatus, EnrichmentStatus, HandoverStatus, ItemStatus
from enrichment.vendor_pauses import pauses
from enrichment.vendor_pauses import words as hold_words
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.states import advance

MOST = 50_000  # rows of one retry; the plan looks at each of them
BULK_PRIORITY = 0  # behind fresh leads and what a person waits for
BEYOND = f"One retry covers up to {MOST:,}. The others stay on this page."
MENDED = "No longer failed: retried or recovered in the meantime."
SUPPRESSED = "This person is suppressed, so nothing can be delivered."
NOT_WANTED = "No longer eligible: the contact data or the tier has changed."

# What is needed of a lead to know whether it can be tried again, and not its raw row.
LEAD_FIELDS = (
    "linkedin_url", "email_work", "email_personal", "phone", "dispatch_after", "in_progress_since",
    "enrichment_status", "clay_row_id", "icp_tier",
)  # fmt: skip


@dataclass(frozen=True)
class FailurePlan:
    """`cost`: US dollars; `cost_label`, `cost_caveat`: what that sum is. `time`: until the last has been sent."""

    count: int
    left_out: Counter[str] = field(default_factory=Counter)
    cost: Decimal = Decimal(0)
    time: Estimate = field(default_factory=Estimate)
    cost_label: str = "Maximum cost"
    cost_caveat: str = ""


@dataclass(frozen=True)
class Way:
    """`again(ids, by)` makes rows due and returns {id: why not} of the others.

    `open`: rows that are under way again; `queued`: those of them that have not been sent yet; `failed`: all
    that have failed; `done`: those that ended with a result; `system`: the vendor they go to, "" for several;
    `work`: what trying rows of these keys takes, None where no limit holds it.
    """

    model: type[Any]
    again: Callable[[Sequence[int], Any], dict[int, str]]
    open: Callable[[], Q]
    queued: Callable[[], Q]
    failed: Callable[[], QuerySet[Any]]
    done: Callable[[], Q]
    system: str
    work: Callable[[QuerySet[Any]], Work] | None = None


def held(system: str) -> str:
    """Why nothing can be sent to this vendor now: it is paused; "" where it is not."""
    hold = pauses.held(system)
    return hold_words.sentence(hold) if hold else ""


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
    found = plan_retry(leads, priority=BULK_PRIORITY)
    return FailurePlan(
        found.count,
        found.sorted.left_out,
        found.cost,
        found.time,
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
    return FailurePlan(count, Counter(why.values()), time=estimate(Work(deliveries={cause.what: count})))


def _against(failed: Sequence[Handover], leads: dict[int, Lead]) -> dict[int, str]:
    """{handover: why it cannot be sent}."""
    blocked = actions.suppressed(leads.values())
    why = {}
    for handover in failed:
        if handover.lead_id in blocked:
            why[handover.pk] = SUPPRESSED
        elif leads[handover.lead_id].awaits_word:
            why[handover.pk] = actions.NOT_DECIDED
        elif not wanted(leads[handover.lead_id], handover.system):
            why[handover.pk] = NOT_WANTED
    return why


def _deliver_again(system: str) -> Callable[[Sequence[int], Any], dict[int, str]]:
    def again(ids: Sequence[int], by: Any) -> dict[int, str]:
        leads = {
            lead.pk: lead for lead in _locked(Handover.objects.filter(pk__in=ids).values_list("lead_id", flat=True))
        }
        failed = list(SOURCES[system].members().filter(pk__in=ids))
        why = dict.fromkeys(set(ids) - {each.pk for each in failed}, MENDED) | _against(failed, leads)
        ready = [each for each in failed if each.pk not in why]
        plan_again(each.pk for each in ready)
        for handover in ready:
            audit.record(Verb.DELIVER_AGAIN, by=by, on=leads[handover.lead_id], reason=f"bulk retry to {system}")
        return why

    return again


# ---------------------------------------------------------------- webhooks and write-backs


def _plan_reading(cause: Cause) -> FailurePlan:
    return FailurePlan(min(members_of(cause).count(), MOST))


def _read_again(ids: Sequence[int], by: Any) -> dict[int, str]:
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


def _write_back_again(ids: Sequence[int], by: Any) -> dict[int, str]:
    _locked(ids)
    ready = set(SOURCES["write_back"].members().filter(pk__in=ids).values_list("pk", flat=True))
    now = timezone.now()
    Lead.objects.filter(pk__in=ready).update(write_back_tries=0, write_back_after=now, updated_at=now)
    audit.record(Verb.WRITE_BACK_AGAIN, by=by, object_type="lead", counts={"leads": len(ready)})
    return {pk: MENDED for pk in ids if pk not in ready}


def _written() -> Q:
    planned = BatchItem.objects.filter(lead=OuterRef("pk"), batch__kind=BatchKind.UPDATE, status=ItemStatus.PLANNED)
    return Q(write_back_after__isnull=False) | Q(Exists(planned))


def _unread() -> Q:
    return Q(status__in=(DeliveryStatus.RECEIVED, DeliveryStatus.PROCESSING))


def _read() -> Q:
    return Q(status=DeliveryStatus.PROCESSED)


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


def enriched() -> Q:
    """Leads that ended with something found."""
    return Q(enrichment_status__in=DELIVERED)


def delivered() -> Q:
    """Deliveries that the other side took."""
    return Q(status=HandoverStatus.DONE)


def leads_to_enrich(priority: int) -> Callable[[QuerySet[Any]], Work]:
    """The work of enriching the leads of these keys."""

    def work(keys: QuerySet[Any]) -> Work:
        leads = Lead.objects.filter(pk__in=keys)
        counts = leads.aggregate(all=Count("pk"), rowless=Count("pk", filter=Q(clay_row_id__isnull=True)))
        return Work(counts["all"], counts["rowless"], priority)

    return work


def deliveries_to_send(keys: QuerySet[Any]) -> Work:
    """The work of sending the deliveries of these keys."""
    rows = Handover.objects.filter(pk__in=keys).order_by().values_list("system").annotate(n=Count("pk"))
    return Work(deliveries=dict(rows) or {System.GHL: 0})


def _way(what: str, model: type[Any], again: Any, open: Any, queued: Any, done: Any, work: Any = None) -> Way:
    return Way(model, again, open, queued, SOURCES[what].members, done, SOURCES[what].system, work)


PLANS: dict[str, Callable[[Cause], FailurePlan]] = {
    "enrichment": _plan_enrichment,
    **dict.fromkeys(System.values, _plan_delivery),
    "webhook": _plan_reading,
    "write_back": _plan_write_back,
}
WAYS: dict[str, Way] = {
    "enrichment": _way(
        "enrichment",
        Lead,
        _enrich_again,
        in_enrichment,
        at_dispatch,
        enriched,
        leads_to_enrich(BULK_PRIORITY),
    ),
    **{
        system: _way(system, Handover, _deliver_again(system), under_way, under_way, delivered, deliveries_to_send)
        for system in System.values
    },
    "webhook": _way("webhook", WebhookDelivery, _read_again, _unread, _unread, _read),
    "write_back": _way(
        "write_back", Lead, _write_back_again, _written, _written, Q, lambda keys: Work(updates=keys.count())
    ),
}
