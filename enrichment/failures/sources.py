"""What counts as failed, of each kind of work: the rows, each with the cause it failed for.

They are found through partial indexes that hold failures alone, so a million healthy leads cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from django.conf import settings
from django.db.models import CharField, DecimalField, Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from enrichment.failures.causes import Cause, label_of
from enrichment.models import BatchItem, Handover, Lead, Verdict, WebhookDelivery
from enrichment.models.handover import System
from enrichment.models.shape import Shape
from enrichment.models.work import BatchKind
from enrichment.states import DeliveryStatus, HandoverStatus, ItemStatus
from enrichment.vendors import registry
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay import chosen


@dataclass(frozen=True)
class Source:
    """A kind of work that fails: its rows with `cause_…` annotations, and the vendor it goes to.

    `own_icon`: where it is not the vendor's.
    """

    what: str
    own_icon: str
    system: str
    noun: str
    members: Callable[[], QuerySet[Any]]

    @property
    def icon(self) -> str:
        return self.own_icon or registry.get(self.system).icon

    @property
    def label(self) -> str:
        return label_of(self.what)


def _enrichment() -> QuerySet[Any]:
    return Lead.objects.failing().annotate(
        cause_kind=F("error_kind"),
        cause_provider=F("error_provider"),
        cause_message=F("error_message"),
        cause_shape=Shape("error_message"),
        cause_at=F("error_at"),
        cause_cost=F("enrichment_cost"),
        cause_lead=F("pk"),
    )


def _handovers(system: str) -> QuerySet[Any]:
    """Failed, and not overtaken by a later delivery of the same lead."""
    later = Handover.objects.filter(lead=OuterRef("lead"), system=system, pk__gt=OuterRef("pk"))
    failed = Handover.objects.filter(system=system, status=HandoverStatus.FAILED)
    return failed.filter(~Exists(later)).annotate(
        cause_kind=F("error_kind"),
        cause_provider=Value("", CharField()),
        cause_message=F("error_message"),
        cause_shape=Shape("error_message"),
        cause_at=F("finished_at"),
        cause_cost=F("lead__enrichment_cost"),
        cause_lead=F("lead_id"),
    )


def _webhooks() -> QuerySet[Any]:
    """Of an erased person's nothing is left to read again: nobody can mend those."""
    return WebhookDelivery.objects.filter(status=DeliveryStatus.FAILED, erased_at=None).annotate(
        cause_kind=F("error_kind"),
        cause_provider=Value("", CharField()),
        cause_message=F("error_message"),
        cause_shape=Shape("error_message"),
        cause_at=F("processed_at"),
        cause_cost=F("lead__enrichment_cost"),
        cause_lead=F("lead_id"),
    )


def _unreadable() -> QuerySet[Any]:
    """Whoever sent them has the right secret, and no body that is an event."""
    none = Value("", CharField())
    return WebhookDelivery.objects.filter(verdict=Verdict.MALFORMED, erased_at=None).annotate(
        cause_kind=F("verdict"),
        cause_provider=none,
        cause_message=none,
        cause_shape=none,
        cause_at=F("processed_at"),
        cause_cost=Value(Decimal(0), DecimalField()),
        cause_lead=F("lead_id"),
    )


def _write_backs() -> QuerySet[Any]:
    """Given up after the last try, and not on its way again; the reason is the last batch item's.

    Nobody's where Clay's rows cannot be changed: there is nothing to try again.
    """
    leads = Lead.objects.all() if chosen.can(Capability.UPDATE) else Lead.objects.none()
    items = BatchItem.objects.filter(lead=OuterRef("pk"), batch__kind=BatchKind.UPDATE)
    failed = items.exclude(error_kind="").order_by("-pk")
    stuck = leads.filter(
        ~Exists(items.filter(status=ItemStatus.PLANNED)),
        write_back_tries__gt=settings.MAX_ATTEMPTS,
        write_back_after__isnull=True,
        clay_row_id__isnull=False,
    )
    none = Value("", CharField())
    return stuck.annotate(
        cause_kind=Coalesce(Subquery(failed.values("error_kind")[:1]), none),
        cause_provider=Value("", CharField()),
        cause_message=Coalesce(Subquery(failed.values("error_message")[:1]), none),
        cause_shape=Shape("cause_message"),
        cause_at=Subquery(items.order_by("-pk").values("batch__finished_at")[:1]),
        cause_cost=F("enrichment_cost"),
        cause_lead=F("pk"),
    )


SOURCES: dict[str, Source] = {
    source.what: source
    for source in (
        Source("enrichment", "sparkles", "clay", "lead", _enrichment),
        *(Source(system, "", system, "delivery", partial(_handovers, system)) for system in System.values),
        Source("webhook", "webhook", "clay", "webhook", _webhooks),
        Source("unreadable", "webhook", "clay", "webhook", _unreadable),
        Source("write_back", "arrow-back-up", "clay", "write-back", _write_backs),
    )
}
# What a list of failures does not show.
HEAVY = {
    "enrichment": ("raw", "search"),
    "write_back": ("raw", "search"),
    "webhook": ("body",),
    "unreadable": ("body",),
}
CAUSE = ("cause_kind", "cause_provider", "cause_shape")


def members_of(cause: Cause) -> QuerySet[Any]:
    """The rows that failed for this cause, newest first."""
    members = SOURCES[cause.what].members().defer(*HEAVY.get(cause.what, ()))
    return members.filter(failed_for(cause)).order_by(F("cause_at").desc(nulls_last=True), "-pk")


def failed_for(cause: Cause) -> Q:
    """The condition on the `cause_…` annotations of a source's members."""
    return Q(cause_kind=cause.kind, cause_provider=cause.provider, cause_shape=cause.shape)
