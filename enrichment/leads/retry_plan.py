"""What a retry would take: its price, and its time at today's limits."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings

from enrichment.actions import MOST, Sorted, sort_for_retry
from enrichment.clock import span
from enrichment.leads.prices import Price, price
from enrichment.models import Lead, Provider, WaterfallVersion
from enrichment.waterfall.document import WaterfallDocument


@dataclass(frozen=True)
class RetryPlan:
    """`each`: the price of one lead. `seconds`: on this machine's clock, until the last trigger has left."""

    sorted: Sorted
    each: Price
    seconds: float
    limited_by: str

    @property
    def count(self) -> int:
        return len(self.sorted.ready)

    @property
    def cost(self) -> Decimal:
        """US dollars for all of it, as far as `each` knows."""
        return self.count * self.each.amount


def plan_retry(leads: Sequence[Lead], skip_providers: Collection[str] = (), *, beyond: int = 0) -> RetryPlan:
    """The plan for `leads`; `beyond` further ones match and are left out, being too many for one retry."""
    found = sort_for_retry(leads)
    if beyond:
        found.left_out[f"One retry takes at most {MOST:,} leads; retry the others afterwards."] += beyond
    document = WaterfallDocument.model_validate(WaterfallVersion.active().document)
    seconds, limited_by = _duration(found.ready, document, skip_providers)
    return RetryPlan(found, price(document, skip_providers), seconds, limited_by)


def _duration(
    leads: Sequence[Lead], document: WaterfallDocument, skip_providers: Collection[str]
) -> tuple[float, str]:
    by_rows = settings.CLAY_LIMIT_UNIT == "rows"
    rowless = sum(lead.clay_row_id is None for lead in leads)
    triggers = len(leads) if by_rows else math.ceil(len(leads) / settings.CLAY_TRIGGER_BATCH)
    rows = rowless if by_rows else math.ceil(rowless / settings.CLAY_ROWS_BATCH)
    times = {
        "Clay's limit of triggers": 60 * triggers / settings.CLAY_TRIGGERS_PER_MINUTE,
        "Clay's limit of new rows": 60 * rows / settings.CLAY_ROWS_PER_MINUTE,
    }
    waiting = [waterfall for waterfall in document.waterfalls().values() if waterfall.waits()]
    if waiting:
        asked = {slug for waterfall in waiting for slug in waterfall.providers} - set(skip_providers)
        for provider in Provider.objects.filter(slug__in=asked, hourly_limit__gt=0):
            times[f"{provider.name}'s hourly limit"] = 3600 * len(leads) / (provider.hourly_limit or 1)
    limited_by = max(times, key=lambda name: times[name])
    return span(times[limited_by]).total_seconds(), limited_by


def in_words(seconds: float) -> str:
    """ "under a minute", "12 min", "3.5 h"."""
    if seconds < 60:
        return "under a minute"
    return f"{math.ceil(seconds / 60)} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
