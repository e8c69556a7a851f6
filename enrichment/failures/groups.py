"""What is broken: everything that waits for a person, grouped by cause.

A cause is what failed, the kind of its error, the provider, and the shape of the message. Members are found
through partial indexes that hold failures alone, so a million healthy leads cost nothing.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.models import (
    CharField,
    Count,
    DecimalField,
    Exists,
    F,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import Coalesce, TruncHour
from django.utils import timezone

from enrichment.alerts import NAMES
from enrichment.failures.causes import LABELS, Cause
from enrichment.models import BatchItem, FailureIgnore, Handover, Lead, Verdict, WebhookDelivery
from enrichment.models.handover import System
from enrichment.models.shape import Shape
from enrichment.models.work import BatchKind
from enrichment.overview import remembered
from enrichment.states import DeliveryStatus, HandoverStatus, ItemStatus

MOST_GROUPS = 200  # of one kind of work
TREND_HOURS = 24
KEPT = "failures"
SPENT = "failures-spent"


@dataclass(frozen=True)
class Source:
    """A kind of work that fails: its rows with `cause_…` annotations, and the vendor it goes to."""

    what: str
    icon: str
    system: str
    noun: str
    members: Callable[[], QuerySet[Any]]

    @property
    def label(self) -> str:
        return LABELS[self.what]


@dataclass
class Group:
    """All that failed for one cause. `cost`: US dollars that enrichment of these leads has cost so far."""

    cause: Cause
    count: int
    since: datetime.datetime | None
    last: datetime.datetime | None
    cost: Decimal
    example: str
    trend: list[int] = field(default_factory=lambda: [0] * TREND_HOURS)
    ignore: FailureIgnore | None = None

    @property
    def source(self) -> Source:
        return SOURCES[self.cause.what]

    @property
    def system_name(self) -> str:
        return NAMES[self.source.system]

    @property
    def ignored(self) -> bool:
        """Ignored, and nothing new has failed for this cause since."""
        return self.ignore is not None and (self.last is None or self.last <= self.ignore.ignored_at)

    @property
    def bars(self) -> list[tuple[int, int, int]]:
        """The trend as (x, y, height) of bars in a drawing 24 high."""
        top = max(self.trend) or 1
        heights = [round(22 * count / top) + 2 if count else 1 for count in self.trend]
        return [(5 * place, 24 - height, height) for place, height in enumerate(heights)]

    @property
    def today(self) -> int:
        return sum(self.trend)


# ---------------------------------------------------------------- what counts as failed


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
    return WebhookDelivery.objects.filter(status=DeliveryStatus.FAILED).annotate(
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
    return WebhookDelivery.objects.filter(verdict=Verdict.MALFORMED).annotate(
        cause_kind=F("verdict"),
        cause_provider=none,
        cause_message=none,
        cause_shape=none,
        cause_at=F("processed_at"),
        cause_cost=Value(Decimal(0), DecimalField()),
        cause_lead=F("lead_id"),
    )


def _write_backs() -> QuerySet[Any]:
    """Given up after the last try, and not on its way again; the reason is the last batch item's."""
    items = BatchItem.objects.filter(lead=OuterRef("pk"), batch__kind=BatchKind.UPDATE)
    told = items.exclude(error_kind="").order_by("-pk")
    stuck = Lead.objects.filter(
        ~Exists(items.filter(status=ItemStatus.PLANNED)),
        write_back_tries__gt=settings.MAX_ATTEMPTS,
        write_back_after__isnull=True,
        clay_row_id__isnull=False,
    )
    none = Value("", CharField())
    return stuck.annotate(
        cause_kind=Coalesce(Subquery(told.values("error_kind")[:1]), none),
        cause_provider=Value("", CharField()),
        cause_message=Coalesce(Subquery(told.values("error_message")[:1]), none),
        cause_shape=Shape("cause_message"),
        cause_at=Subquery(items.order_by("-pk").values("batch__finished_at")[:1]),
        cause_cost=F("enrichment_cost"),
        cause_lead=F("pk"),
    )


SOURCES: dict[str, Source] = {
    source.what: source
    for source in (
        Source("enrichment", "sparkles", "clay", "lead", _enrichment),
        Source("ghl", "address-book", "ghl", "delivery", lambda: _handovers(System.GHL)),
        Source("instantly", "send", "instantly", "delivery", lambda: _handovers(System.INSTANTLY)),
        Source("webhook", "webhook", "clay", "webhook", _webhooks),
        Source("unreadable", "webhook", "clay", "webhook", _unreadable),
        Source("write_back", "arrow-back-up", "clay", "write-back", _write_backs),
    )
}
HEAVY = {
    "enrichment": ("raw", "search"),
    "write_back": ("raw", "search"),
    "webhook": ("body",),
    "unreadable": ("body",),
}
CAUSE = ("cause_kind", "cause_provider", "cause_shape")


# ---------------------------------------------------------------- groups


def members_of(cause: Cause) -> QuerySet[Any]:
    """The rows that failed for this cause, newest first."""
    found = SOURCES[cause.what].members()
    heavy = {
        "enrichment": ("raw", "search"),
        "write_back": ("raw", "search"),
        "webhook": ("body",),
        "unreadable": ("body",),
    }
    found = found.defer(*heavy.get(cause.what, ()))
    return found.filter(_is(cause)).order_by(F("cause_at").desc(nulls_last=True), "-pk")


def groups() -> list[Group]:
    """Every group, ignored ones too, largest first; a few seconds old at most (see `overview.remembered`)."""
    return list(remembered(KEPT, _groups))


def waiting() -> list[Group]:
    """The groups that wait for a person: all that nobody has decided to leave."""
    return [group for group in groups() if not group.ignored]


@dataclass(frozen=True)
class Totals:
    """What waits for a person, as every screen says it: `rows` of `causes`; `leads`: of them, enrichments."""

    rows: int
    causes: int
    leads: int


def totals() -> Totals:
    """Counted from the same look as the groups, those of causes beyond MOST_GROUPS with them."""
    opened = waiting()
    beyond = remembered(f"{KEPT}:beyond", _beyond)
    rows = sum(group.count for group in opened) + sum(beyond.values())
    leads = sum(group.count for group in opened if group.cause.what == "enrichment")
    return Totals(rows, len(opened), leads + beyond.get("enrichment", 0))


def _beyond() -> dict[str, int]:
    """{kind of work: rows of its causes that are not among the MOST_GROUPS largest}."""
    counts: dict[str, list[int]] = defaultdict(list)
    for group in groups():
        counts[group.cause.what].append(group.count)
    cut = {what: sum(each) for what, each in counts.items() if len(each) >= MOST_GROUPS}
    return {what: max(SOURCES[what].members().count() - shown, 0) for what, shown in cut.items()}


def spent() -> Decimal:
    """US dollars spent on the leads of all groups that wait, in whatever number of them a lead is; as `groups`."""
    return Decimal(remembered(SPENT, lambda: _spent(waiting())))


def _spent(found: Iterable[Group]) -> Decimal:
    causes: dict[str, Q] = defaultdict(Q)
    for group in found:
        causes[group.cause.what] |= _is(group.cause)
    theirs = Q(pk__in=[])
    for what, any_of_them in causes.items():
        theirs |= Q(pk__in=SOURCES[what].members().filter(any_of_them).order_by().values("cause_lead"))
    return Lead.objects.filter(theirs).aggregate(spent=Sum("enrichment_cost"))["spent"] or Decimal(0)


def _is(cause: Cause) -> Q:
    return Q(cause_kind=cause.kind, cause_provider=cause.provider, cause_shape=cause.shape)


def forget() -> None:
    """The groups have changed: the next look counts anew."""
    cache.delete_many([f"overview:{key}" for key in (KEPT, f"{KEPT}:beyond", SPENT, "set-aside")])


def find(key: str, *, kept: bool = False) -> Group | None:
    """The group of this name, counted now (or lately, with `kept`); None where it is empty."""
    return next((group for group in (groups() if kept else _groups()) if group.cause.key == key), None)


def _groups() -> list[Group]:
    ignores = {
        (each.what, each.error_kind, each.provider, each.shape): each
        for each in FailureIgnore.objects.select_related("ignored_by")
    }
    found = [group for source in SOURCES.values() for group in _groups_of(source)]
    for group in found:
        cause = group.cause
        group.ignore = ignores.get((cause.what, cause.kind, cause.provider, cause.shape))
    return sorted(found, key=lambda group: -group.count)


def _groups_of(source: Source) -> list[Group]:
    rows = (
        source.members()
        .values(*CAUSE)
        .annotate(
            count=Count("pk"),
            since=Min("cause_at"),
            last=Max("cause_at"),
            example=Max("cause_message"),
        )
        .order_by("-count", *CAUSE)[:MOST_GROUPS]
    )
    trends = _trends(source) if rows else {}
    costs = _costs(source) if rows else {}
    return [
        Group(
            cause=Cause(source.what, *(row[name] for name in CAUSE)),
            count=row["count"],
            since=row["since"],
            last=row["last"],
            cost=costs.get(tuple(row[name] for name in CAUSE), Decimal(0)),
            example=row["example"],
            trend=trends.get(tuple(row[name] for name in CAUSE), [0] * TREND_HOURS),
        )
        for row in rows
    ]


def _costs(source: Source) -> dict[tuple[str, ...], Decimal]:
    """{cause: US dollars spent on its leads}; a lead that failed twice for it was not paid for twice."""
    leads = source.members().order_by().values(*CAUSE, "cause_lead").annotate(cost=Max("cause_cost"))
    sql, params = leads.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            # The inner query is Django's own, with its parameters apart; nothing typed by anybody is in it.
            f"SELECT cause_kind, cause_provider, cause_shape, coalesce(sum(cost), 0) FROM ({sql}) AS leads "  # noqa: S608
            "GROUP BY 1, 2, 3",
            params,
        )
        return {tuple(cause): cost for *cause, cost in cursor.fetchall()}


def _trends(source: Source) -> dict[tuple[str, ...], list[int]]:
    """{cause: how many failed in each of the last 24 hours, the present one last}."""
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    start = hour - datetime.timedelta(hours=TREND_HOURS - 1)
    rows = (
        source.members()
        .filter(cause_at__gte=start)
        .annotate(hour=TruncHour("cause_at", tzinfo=datetime.UTC))
        .values(*CAUSE, "hour")
        .annotate(count=Count("pk"))
    )
    trends: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0] * TREND_HOURS)
    for row in rows:
        place = round((row["hour"] - start).total_seconds() / 3600)
        if place < TREND_HOURS:  # not what a clock ahead of ours has written
            trends[tuple(row[name] for name in CAUSE)][place] = row["count"]
    return trends
