"""What a pilot measured, beside what was forecast: cost and coverage with their intervals, provider by provider."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from enrichment.labels import provider_name
from enrichment.models import Attempt, BulkJob, WaterfallKind
from enrichment.states import AttemptStatus
from enrichment.waterfall.catalogue_edits import FIELDS
from enrichment.waterfall.rates import Z95, wilson


@dataclass(frozen=True)
class MeasuredFigure:
    """One figure: as forecast of the draft and of what is published, and as measured with its 95 % interval.

    `low`, `high` are None where there is too little to say. `is_money`: US dollars a lead; else a share of leads.
    """

    label: str
    draft: float | None
    live: float | None
    measured: float | None
    low: float | None
    high: float | None
    is_money: bool = False

    @property
    def verdict(self) -> str:
        """ "as forecast", "more", "less", or "" where there is too little to say."""
        if self.draft is None or self.low is None or self.high is None:
            return ""
        if self.low <= self.draft <= self.high:
            return "as forecast"
        return "more" if self.low > self.draft else "less"


@dataclass(frozen=True)
class ProviderResult:
    """A provider as the pilot found it; `cost` in US dollars."""

    name: str
    asked: int
    hits: int
    cost: float


@dataclass(frozen=True)
class PilotResult:
    """`leads`: answered so far."""

    leads: int
    cost: float
    measures: list[MeasuredFigure]
    providers: list[ProviderResult]


def pilot_result(job: BulkJob) -> PilotResult:
    """What the ended attempts under the pilot's version say; a lead that was tried twice counts once."""
    ended = Attempt.objects.filter(waterfall=job.plan["version"], finished_at__isnull=False)
    costs: dict[Any, float] = {}
    fields_found: dict[Any, set[str]] = {}
    entries: list[dict[str, Any]] = []
    for *whose, status, cost, providers in ended.values_list("lead_id", "deleted_lead", "status", "cost", "providers"):
        if not providers and (not cost or status == AttemptStatus.ABANDONED):
            continue  # over before anybody was asked, or before anybody told what was found
        lead = tuple(whose)
        costs[lead] = costs.get(lead, 0.0) + float(cost)
        fields_found.setdefault(lead, set()).update(name for each in providers for name in each["fields"])
        entries += providers
    forecast = job.plan["forecast"]
    measures = [_cost(list(costs.values()), forecast)]
    measures += [_coverage(kind, fields_found.values(), forecast) for kind in WaterfallKind.values]
    return PilotResult(len(costs), sum(costs.values()), measures, _providers(entries))


def _cost(costs: list[float], forecast: dict[str, Any]) -> MeasuredFigure:
    mean = sum(costs) / len(costs) if costs else None
    reach = None
    if mean is not None and len(costs) > 1:
        spread = math.sqrt(sum((each - mean) ** 2 for each in costs) / (len(costs) - 1))
        reach = Z95 * spread / math.sqrt(len(costs))
    return MeasuredFigure(
        "Cost per lead",
        forecast["draft"]["cost"],
        forecast["live"]["cost"],
        mean,
        None if reach is None or mean is None else max(mean - reach, 0.0),
        None if reach is None or mean is None else mean + reach,
        is_money=True,
    )


def _coverage(kind: str, found: Iterable[set[str]], forecast: dict[str, Any]) -> MeasuredFigure:
    leads = list(found)
    hits = sum(bool(fields & set(FIELDS[kind])) for fields in leads)
    low, high = wilson(hits, len(leads)) if leads else (None, None)
    return MeasuredFigure(
        f"{WaterfallKind(kind).label} found",
        forecast["draft"]["coverage"].get(kind),
        forecast["live"]["coverage"].get(kind),
        hits / len(leads) if leads else None,
        low,
        high,
    )


def _providers(entries: Iterable[dict[str, Any]]) -> list[ProviderResult]:
    sums: dict[str, list[float]] = {}
    for each in entries:
        totals = sums.setdefault(each["name"], [0, 0, 0.0])
        totals[0] += 1
        totals[1] += bool(each["fields"])
        totals[2] += float(each["cost"])
    results = [ProviderResult(provider_name(slug), int(n), int(hits), cost) for slug, (n, hits, cost) in sums.items()]
    return sorted(results, key=lambda asked: (-asked.cost, asked.name))
