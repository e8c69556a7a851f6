"""What is broken: everything that waits for a person, grouped by cause.

A cause is what failed, the kind of its error, the provider, and the shape of the message.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import (
    Count,
    Max,
    Min,
    Q,
    Sum,
)
from django.db.models.functions import TruncHour
from django.utils import timezone

from enrichment.failures.causes import Cause
from enrichment.failures.sources import CAUSE, SOURCES, Source, failed_for
from enrichment.jobs.rows import FIGURES
from enrichment.models import FailureIgnore, Lead
from enrichment.vendors import registry
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.cache import cached
from swarm_admin.core.cache import invalidate as forget_figures

MOST_GROUPS = 200  # of one kind of work
TREND_HOURS = 24
KEPT, BEYOND, SPENT, _ = FIGURES


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
        return registry.name_of(self.source.system)

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


def all_groups() -> list[Group]:
    """Every group, ignored ones too, largest first; a few seconds old at most (see `core.cache`)."""
    return list(cached(KEPT, _groups))


def groups_needing_attention() -> list[Group]:
    """The groups that wait for a person: all that nobody has decided to leave."""
    return [group for group in all_groups() if not group.ignored]


@dataclass(frozen=True)
class Totals:
    """What waits for a person, as every screen says it: `rows` of `causes`; `leads`: of them, enrichments."""

    rows: int
    causes: int
    leads: int


def totals() -> Totals:
    """Counted from the same look as the groups, those of causes beyond MOST_GROUPS with them."""
    opened = groups_needing_attention()
    beyond = cached(BEYOND, _beyond)
    rows = sum(group.count for group in opened) + sum(beyond.values())
    leads = sum(group.count for group in opened if group.cause.what == "enrichment")
    return Totals(rows, len(opened), leads + beyond.get("enrichment", 0))


def _beyond() -> dict[str, int]:
    """{kind of work: rows of its causes that are not among the MOST_GROUPS largest}."""
    counts: dict[str, list[int]] = defaultdict(list)
    for group in all_groups():
        counts[group.cause.what].append(group.count)
    cut = {what: sum(each) for what, each in counts.items() if len(each) >= MOST_GROUPS}
    return {what: max(SOURCES[what].members().count() - shown, 0) for what, shown in cut.items()}


def spent_on() -> Decimal:
    """US dollars spent on the leads of all groups that wait, in whatever number of them a lead is; as `all_groups`."""
    return Decimal(cached(SPENT, lambda: _spent(groups_needing_attention())))


def _spent(found: Iterable[Group]) -> Decimal:
    causes: dict[str, Q] = defaultdict(Q)
    for group in found:
        causes[group.cause.what] |= failed_for(group.cause)
    theirs = Q(pk__in=[])
    for what, any_of_them in causes.items():
        theirs |= Q(pk__in=SOURCES[what].members().filter(any_of_them).order_by().values("cause_lead"))
    return Lead.objects.filter(theirs).aggregate(spent=Sum("enrichment_cost"))["spent"] or Decimal(0)


def forget_groups() -> None:
    """The groups have changed: the next look counts anew."""
    forget_figures(*FIGURES)


def ignore_group(cause: Cause, *, reason: str, by: Any) -> FailureIgnore:
    """Take the group off the screen until its cause strikes again.

    Raises:
        ValueError: no reason.
    """
    reason = " ".join(reason.split())[:300]
    if len(reason) < 5:
        raise ValueError("Enter a reason for ignoring it.")
    with transaction.atomic():
        ignored, _ = FailureIgnore.objects.update_or_create(
            what=cause.what,
            error_kind=cause.kind,
            provider=cause.provider,
            shape=cause.shape[:400],
            defaults={"reason": reason, "ignored_by": by, "ignored_at": timezone.now()},
        )
        audit.record(Verb.IGNORE_FAILURES, by=by, on=ignored, reason=reason)
    forget_groups()
    return ignored


def stop_ignoring(kept: FailureIgnore, *, by: Any) -> None:
    """Bring an ignored group back to the screen."""
    with transaction.atomic():
        audit.record(Verb.SHOW_FAILURES, by=by, on=kept)
        kept.delete()
    forget_groups()


def find_group(key: str, *, kept: bool = False) -> Group | None:
    """The group of this name, counted now (or lately, with `kept`); None where it is empty."""
    return next((group for group in (all_groups() if kept else _groups()) if group.cause.key == key), None)


def _groups() -> list[Group]:
    ignores = {
        (each.what, each.error_kind, each.provider, each.shape): each
        for each in FailureIgnore.objects.select_related("ignored_by")
    }
    groups = [group for source in SOURCES.values() for group in _groups_of(source)]
    for group in groups:
        cause = group.cause
        group.ignore = ignores.get((cause.what, cause.kind, cause.provider, cause.shape))
    return sorted(groups, key=lambda group: -group.count)


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
