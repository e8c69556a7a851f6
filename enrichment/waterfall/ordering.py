"""The cheapest order of a waterfall with the same coverage, and the proof that none is cheaper.

Coverage is one less the chance that everybody misses, whatever the order; only the cost depends on it. Of two
neighbours, the one with the lower ratio of cost per call to chance of ending the waterfall goes first: swapping them
changes nothing for the others, and costs
    a1 + (1 - e1) a2  against  a2 + (1 - e2) a1,   so 1 first where  a1 e2 <= a2 e1.
Sorting by that ratio is therefore cheapest (the exchange argument; W. E. Smith's rule of scheduling). Charged per
hit the ratio is the price of a hit, charged per attempt the price over the hit rate. Up to EVERY providers all
orders are compared besides. Rates are each provider's own, not those observed after certain others.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from enrichment.waterfall.economics import PER_HIT, ProviderFigures, expected_outcome

EVERY = 8  # 8! = 40,320 orders
SAME = 1e-12  # dollars a lead: below it two costs are one, written by different sums


@dataclass(frozen=True)
class AdjacentPair:
    """Two that stand one after the other in the cheapest order, and what swapping them would add per lead."""

    first: str
    second: str
    ratio_first: float
    ratio_second: float
    swapping_adds: float


@dataclass(frozen=True)
class Proof:
    """`orders`: how many were compared, 0 where the exchange argument stands alone. `dearest`: the worst of them."""

    neighbours: tuple[AdjacentPair, ...]
    orders: int
    dearest: float | None

    @property
    def words(self) -> str:
        if not self.neighbours:
            return "Only one order is possible."
        pairs = "Swapping any two neighbours makes it no cheaper"
        if self.orders:
            return f"All {self.orders:,} orders were compared. {pairs}."
        return f"{pairs}, and so by the exchange argument no order is."


@dataclass(frozen=True)
class Suggestion:
    """`order`: slugs, the cheapest first asked; `cost`, `now`: dollars per lead by it and by the present order.

    `why_not`: why no order can be suggested ("" where one is); then `order` is the present one.
    """

    order: tuple[str, ...]
    cost: float
    now: float
    coverage: float
    proof: Proof | None
    why_not: str = ""

    @property
    def saving(self) -> float:
        """Dollars per lead."""
        return 0.0 if self.now - self.cost < SAME else self.now - self.cost


def suggest_order(providers: Sequence[ProviderFigures], *, asks_all: bool) -> Suggestion:
    """The cheapest order of just these providers. Among equally cheap ones, the nearest to the present."""
    present = expected_outcome(providers, asks_all=asks_all, conditional=False)
    slugs = tuple(each.slug for each in providers)
    why_not = _why_not(providers, asks_all)
    if why_not:
        return Suggestion(slugs, present.cost, present.cost, present.coverage, None, why_not)
    best = sorted(providers, key=ratio)
    best_outcome = expected_outcome(best, asks_all=False, conditional=False)
    if best_outcome.cost > present.cost - SAME:
        best, best_outcome = list(providers), present
    proof = _prove(best, best_outcome.cost)
    return Suggestion(tuple(each.slug for each in best), best_outcome.cost, present.cost, present.coverage, proof)


def _why_not(providers: Sequence[ProviderFigures], asks_all: bool) -> str:
    if asks_all:
        return "All providers are called in any order, so no order is cheaper."
    lacking = [each.name for each in providers if each.cost is None or each.hit is None]
    if lacking:
        return f"A suggestion needs a price and a match rate for every provider. Missing for {', '.join(lacking)}."
    return ""


def ratio(each: ProviderFigures) -> float:
    """Dollars per call over the chance that the call ends the waterfall; what never ends it comes last."""
    hit, ends = each.shares()
    if each.charge == PER_HIT and hit == ends and hit:
        return each.cost or 0.0  # the same, without the noise of multiplying and dividing
    return each.charged(hit) / ends if ends else math.inf


def _prove(best: Sequence[ProviderFigures], cost: float) -> Proof:
    neighbours = []
    for at in range(len(best) - 1):
        swapped = [*best[:at], best[at + 1], best[at], *best[at + 2 :]]
        adds = expected_outcome(swapped, asks_all=False, conditional=False).cost - cost
        first, second = best[at], best[at + 1]
        neighbours.append(AdjacentPair(first.slug, second.slug, ratio(first), ratio(second), max(adds, 0.0)))
    if len(best) > EVERY:
        return Proof(tuple(neighbours), 0, None)
    costs = [_cost(order) for order in itertools.permutations([_shape(each) for each in best])]
    if min(costs) < cost - 1e-9:
        raise ArithmeticError(f"an order at {min(costs)} is cheaper than the cheapest, {cost}")
    return Proof(tuple(neighbours), len(costs), max(costs))


def _shape(each: ProviderFigures) -> tuple[float, float]:
    """(dollars per call, chance that the waterfall goes on)."""
    hit, ends = each.shares()
    return each.charged(hit), 1 - ends


def _cost(order: Sequence[tuple[float, float]]) -> float:
    cost, reached = 0.0, 1.0
    for charged, goes_on in order:
        cost += reached * charged
        reached *= goes_on
    return cost
