"""What a retry would take: its price, and its time at today's limits."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from enrichment.documents.waterfall import active_waterfall
from enrichment.estimates.estimating import Estimate, Work, estimate
from enrichment.leads.actions import MOST, STAFF_PRIORITY, RetrySelection, sort_for_retry
from enrichment.leads.resubmission import resubmission_sentence
from enrichment.models import Lead
from enrichment.waterfall.prices import Price, price_of


@dataclass(frozen=True)
class RetryPlan:
    """`price`: the price of one lead. `time`: until the last of them has been sent.

    `note`: what is to be known of it, a sentence; "" for an enrichment of the rows that are there.
    """

    selection: RetrySelection
    price: Price
    time: Estimate
    note: str = ""

    @property
    def count(self) -> int:
        return len(self.selection.ready)

    @property
    def cost(self) -> Decimal:
        """US dollars for all of it, as far as `price` knows."""
        return self.count * self.price.amount


def plan_retry(
    leads: Sequence[Lead],
    skip_providers: Collection[str] = (),
    *,
    priority: int = STAFF_PRIORITY,
    beyond: int = 0,
) -> RetryPlan:
    """The plan for `leads`; `beyond` further ones match and are left out, being too many for one retry."""
    selection = sort_for_retry(leads)
    if beyond:
        selection.left_out[f"One retry covers up to {MOST:,} leads. Retry the others afterwards."] += beyond
    document = active_waterfall()
    rowless = sum(lead.clay_row_id is None for lead in selection.ready)
    work = Work(len(selection.ready), rowless, priority, skip_providers)
    price, time = price_of(document, skip_providers), estimate(work) if selection.ready else Estimate()
    return RetryPlan(selection, price, time, resubmission_sentence(price))
