"""Where the money went, and when it will be used up: the figures of the Spending screen and of the Overview."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Count, Sum
from django.utils import timezone

from enrichment.labels import provider_name, tier_label
from enrichment.models import Attempt, SourceType, SpendCap, TakenOver
from enrichment.models.spend import CapPeriod
from enrichment.waterfall import enriched, spend_limits, spending
from enrichment.waterfall.spending import ZERO, CommittedSpend
from enrichment.waterfall.spending import SpendSum as DaySum
from swarm_admin.core.cache import cached
from swarm_admin.core.timing import today

PERIODS = {"today": "Today", "month": "This month", "30d": "30 days"}
RATE_SECONDS = {
    CapPeriod.DAY: 3600,
    CapPeriod.MONTH: 86_400,
}  # a day's pace is that of an hour, a month's of a day


@dataclass(frozen=True)
class ReportLine:
    """One line of a table: `asked` and `hits` are leads, or a provider's calls; None: leads are being counted."""

    key: str
    label: str
    cost: Decimal
    asked: int | None
    hits: int | None
    percent: int = 0

    @property
    def each(self) -> Decimal | None:
        """US dollars a lead, or a call."""
        return self.cost / self.asked if self.asked else None

    @property
    def hit(self) -> Decimal | None:
        """US dollars a hit."""
        return self.cost / self.hits if self.hits else None


@dataclass
class Report:
    """What a span of days cost, by whatever one may ask.

    Money is exact; leads are as of `counted_at`. None: they are being counted, and `by_tier` is empty until then.
    """

    first: datetime.date
    last: datetime.date
    total: Decimal = ZERO
    leads: int | None = None
    by_provider: list[ReportLine] = field(default_factory=list)
    by_source: list[ReportLine] = field(default_factory=list)
    by_tier: list[ReportLine] = field(default_factory=list)
    by_day: list[ReportLine] = field(default_factory=list)
    by_person: list[ReportLine] = field(default_factory=list)
    tier_one: int | None = None
    counted_at: datetime.datetime | None = None
    saved: Decimal = ZERO
    taken_over: int = 0

    @property
    def per_tier_one(self) -> Decimal | None:
        """All that was spent, for each lead of Tier 1 that came of it."""
        return self.total / self.tier_one if self.tier_one else None


def days_of_period(period: str) -> tuple[datetime.date, datetime.date]:
    last = today().date()
    if period == "30d":
        return last - datetime.timedelta(days=29), last
    return (last.replace(day=1) if period == "month" else last), last


def spend_report(first: datetime.date, last: datetime.date) -> Report:
    """Both days included."""
    since, until = spending.midnight(first), spending.midnight(last, after=1)
    rows = spending.spend_sums(first, last)
    attempts = [(day, each) for day, each in rows if not each.provider]
    result = Report(first, last)
    result.total = sum((each.cost for _, each in attempts), ZERO)
    counted = enriched.enriched_leads(since, until)
    by, result.counted_at = counted.by, counted.at
    if by is not None:
        result.leads = by.get("whole", {}).get("", enriched.NONE).asked
        result.tier_one = by.get("tier", {}).get("1", enriched.NONE).asked
    result.by_provider = _dearest_first(_of_providers(each for _, each in rows if each.provider))
    result.by_source = _dearest_first(
        _of_leads(_costs((each.source_type, each) for _, each in attempts), _lines_of(by, "source"), _source)
    )
    result.by_day = _in_order(
        _of_leads(_costs((f"{day:%Y-%m-%d}", each) for day, each in attempts), _lines_of(by, "day"), str)
    )
    people = _costs((str(each.started_by), each) for _, each in attempts)
    names = _people({int(key) for key in people})
    result.by_person = _dearest_first(_of_leads(people, _lines_of(by, "person"), lambda key: names[int(key)]))
    tiers = _lines_of(by, "tier") or {}
    result.by_tier = _in_order(_of_leads({key: each.cost for key, each in tiers.items()}, tiers, _tier))
    taken = TakenOver.objects.filter(taken_at__gte=since, taken_at__lt=until)
    reused = taken.aggregate(saved=Sum("saved"), times=Count("pk"))
    result.saved, result.taken_over = reused["saved"] or ZERO, reused["times"]
    return result


def keep_counted() -> None:
    """A tick: the leads of the screen's spans, where they are too many to be counted while it waits."""
    spans = (days_of_period(period) for period in PERIODS)
    enriched.refresh_counts((spending.midnight(first), spending.midnight(last, after=1)) for first, last in spans)


def _lines_of(by: enriched.By | None, name: str) -> Mapping[str, enriched.Leads] | None:
    return None if by is None else by.get(name, {})


def _costs(rows: Iterable[tuple[str, DaySum]]) -> dict[str, Decimal]:
    costs: dict[str, Decimal] = {}
    for key, each in rows:
        costs[key] = costs.get(key, ZERO) + each.cost
    return costs


def _of_leads(
    costs: Mapping[str, Decimal],
    counted: Mapping[str, enriched.Leads] | None,
    label_of: Callable[[str], str],
) -> list[ReportLine]:
    """What each value cost, and the leads it was spent on; a value nobody was asked about is left out."""
    if counted is None:
        return _with_bars([ReportLine(key, label_of(key), cost, None, None) for key, cost in costs.items() if cost])
    lines = []
    for key, cost in costs.items():
        leads = counted.get(key, enriched.NONE)
        if cost or leads.asked:
            lines.append(ReportLine(key, label_of(key), cost, leads.asked, leads.hits))
    return _with_bars(lines)


def _of_providers(calls: Iterable[DaySum]) -> list[ReportLine]:
    sums: dict[str, list[Any]] = {}
    for each in calls:
        totals = sums.setdefault(each.provider, [ZERO, 0, 0])
        totals[0] += each.cost
        totals[1] += each.asked
        totals[2] += each.hits
    return _with_bars([ReportLine(key, provider_name(key), *amounts) for key, amounts in sums.items()])


def _with_bars(lines: list[ReportLine]) -> list[ReportLine]:
    most = max((line.cost for line in lines), default=ZERO)
    return [replace(line, percent=round(100 * line.cost / most) if most else 0) for line in lines]


def _dearest_first(lines: list[ReportLine]) -> list[ReportLine]:
    return sorted(lines, key=lambda line: (-line.cost, line.label))


def _in_order(lines: list[ReportLine]) -> list[ReportLine]:
    return sorted(lines, key=lambda line: line.key)


def _source(key: str) -> str:
    return str(SourceType(key).label) if key in SourceType.values else "Not recorded"


def _tier(key: str) -> str:
    return tier_label(int(key)) if key != "0" else "Not scored"


def _people(ids: set[int]) -> dict[int, str]:
    known = dict(get_user_model().objects.filter(pk__in=ids).values_list("pk", "email"))
    return {pk: "The Hunter agent and imports" if pk == 0 else known.get(pk, f"Person {pk}") for pk in ids}


# ---------------------------------------------------------------- against the budget


@dataclass(frozen=True)
class LimitUsage:
    """A cap as it stands. `at`: when it will be used up at the present pace; None where it will not before it ends."""

    cap: SpendCap
    committed: Decimal | None
    at: datetime.datetime | None
    ends: datetime.datetime | None

    @property
    def used_percent(self) -> int:
        return round(100 * (self.committed or ZERO) / self.cap.amount)

    @property
    def percent(self) -> int:
        """As far as a bar reaches."""
        return min(100, self.used_percent)

    @property
    def left(self) -> Decimal:
        return max(self.cap.amount - (self.committed or ZERO), ZERO)

    @property
    def tone(self) -> str:
        return "red" if self.cap.reached_at else "amber" if self.percent >= 80 or self.at else "green"


def limit_usage() -> list[LimitUsage]:
    """Every cap with what is taken of it and the forecast."""
    caps = list(SpendCap.objects.select_related("updated_by"))
    used = spending.committed_spend() if caps else {}
    paces = {period: _dollars_per_second(seconds) for period, seconds in RATE_SECONDS.items()} if caps else {}
    return [_usage_of(cap, used, paces) for cap in caps]


def _usage_of(cap: SpendCap, used: dict[str, CommittedSpend], paces: dict[CapPeriod, dict[str, Decimal]]) -> LimitUsage:
    if cap.period == CapPeriod.LEAD:
        return LimitUsage(cap, None, None, None)
    committed, ends = spend_limits.committed_of(cap, used), spend_limits.period_end(cap)
    pace = paces[CapPeriod(cap.period)]
    rate = sum((amount for source, amount in pace.items() if cap.source_type in ("", source)), ZERO)
    left = cap.amount - committed
    at = None
    if rate > 0 and left > 0:
        soon = timezone.now() + datetime.timedelta(seconds=float(left / rate))
        at = soon if ends and soon < ends else None
    return LimitUsage(cap, committed, at, ends)


def _dollars_per_second(seconds: int) -> dict[str, Decimal]:
    """US dollars a second of each source, over the time just past."""
    since = timezone.now() - datetime.timedelta(seconds=seconds)
    ended = Attempt.objects.filter(finished_at__gte=since).order_by().values("source_type")
    return {row["source_type"]: row["cost"] / seconds for row in ended.annotate(cost=Sum("cost"))}


def against_budget() -> dict[str, Any]:
    """For the Overview: `today` and `month` spent, `reserved` for what is under way, and the caps of all leads."""
    return dict(cached("budget", _against_budget))


def _against_budget() -> dict[str, Any]:
    whole = sum(spending.committed_spend().values(), CommittedSpend())
    limits = dict(SpendCap.objects.filter(source_type="").values_list("period", "amount"))
    return {
        "today": whole.day,
        "month": whole.month,
        "reserved": whole.reserved,
        "today_cap": limits.get(CapPeriod.DAY),
        "month_cap": limits.get(CapPeriod.MONTH),
    }


def leads_held(found: Sequence[LimitUsage]) -> list[LimitUsage]:
    return [each for each in found if each.cap.reached_at]
