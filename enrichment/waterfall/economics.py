"""What a waterfall costs and finds: per lead, per hit, and at the margin of each provider. Pure arithmetic.

A provider is asked where all before it did not end the waterfall, or always where everybody is asked. Whether
one answers is taken as independent of the others, except where a rate was observed after just these others.
Money is in US dollars per lead, shares are 0 to 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from enrichment.waterfall.rates import Rate

PER_HIT, PER_ATTEMPT = "hit", "attempt"


@dataclass(frozen=True)
class ProviderFigures:
    """What is known of one provider in one waterfall.

    `cost` is charged per `charge`, PER_HIT or PER_ATTEMPT; None: no price is known. `hit`: how often it finds
    something; None: not known. `ends`: how often what it finds ends the waterfall, where that is less often (a
    personal address alone is no success where a work address is preferred). `after`: (hit, ends) as observed
    when just these providers of the waterfall were asked before it. `price_seen`: the price is what was paid
    lately, not the catalogue's.
    """

    slug: str
    name: str
    cost: float | None
    charge: str = PER_HIT
    hit: Rate | None = None
    ends: Rate | None = None
    hourly_limit: int | None = None
    after: Mapping[frozenset[str], tuple[Rate, Rate]] = field(default_factory=dict)
    price_seen: bool = False

    def shares(self, before: frozenset[str] | None = None) -> tuple[float, float]:
        """(finds something, ends the waterfall) when asked after these; what is not known counts as 0."""
        if before is not None and before in self.after:
            hit, ends = self.after[before]
            return hit.value, ends.value
        hit_rate = self.hit.value if self.hit else 0.0
        return hit_rate, self.ends.value if self.ends else hit_rate

    def rate(self, before: frozenset[str]) -> Rate | None:
        """The rate that `shares` uses."""
        return self.after[before][0] if before in self.after else self.hit

    def charged(self, found: float) -> float:
        """What asking once costs on average, when it finds something this often."""
        return (self.cost or 0.0) * (found if self.charge == PER_HIT else 1.0)


@dataclass(frozen=True)
class Step:
    """One provider in its place. `asked`: share of all leads it is asked for; `found`: for which it finds something.

    `adds`: share of all leads for which it is the first to find something; `cost`: its part of the cost per lead;
    `rate`: the rate counted with, None where none is known.
    """

    slug: str
    name: str
    asked: float
    found: float
    adds: float
    cost: float
    rate: Rate | None


@dataclass(frozen=True)
class ExpectedOutcome:
    """`cost`: expected per lead; `coverage`: share of leads for which somebody finds something.

    `unpriced`, `unrated`: names of providers without a known price (counted as free) or rate (as never finding
    anything): then `cost` and `coverage` are not the whole.
    """

    steps: tuple[Step, ...]
    cost: float
    coverage: float
    unpriced: tuple[str, ...] = ()
    unrated: tuple[str, ...] = ()

    @property
    def cost_per_hit(self) -> float | None:
        """Per lead for which something is found; None where nothing ever is."""
        return self.cost / self.coverage if self.coverage else None

    @property
    def calls(self) -> dict[str, float]:
        """{slug: calls per lead}."""
        return {step.slug: step.asked for step in self.steps}

    @property
    def is_whole(self) -> bool:
        return not self.unpriced and not self.unrated

    @property
    def assumes(self) -> bool:
        """Whether any rate in it is the tabled accuracy (D9)."""
        return any(step.rate is not None and step.rate.is_assumption for step in self.steps)


def expected_outcome(
    providers: Sequence[ProviderFigures], *, asks_all: bool, conditional: bool = True
) -> ExpectedOutcome:
    """What this order costs and finds. `conditional`: rates observed after just these others are used."""
    reached, bare, cost = 1.0, 1.0, 0.0
    steps = []
    before: frozenset[str] = frozenset()
    for each in providers:
        hit, ends = each.shares(before if conditional else None)
        asked = 1.0 if asks_all else reached
        part = asked * each.charged(hit)
        rate = each.rate(before) if conditional else each.hit
        steps.append(Step(each.slug, each.name, asked, asked * hit, bare * hit, part, rate))
        cost += part
        reached *= 1 - ends
        bare *= 1 - hit
        before |= {each.slug}
    return ExpectedOutcome(
        steps=tuple(steps),
        cost=cost,
        coverage=1 - bare,
        unpriced=tuple(each.name for each in providers if each.cost is None),
        unrated=tuple(step.name for step in steps if step.rate is None),
    )


@dataclass(frozen=True)
class MarginalValue:
    """The waterfall with this provider less the waterfall without it, the others in the same order.

    `cost` may be below 0: who answers cheaply saves asking dearer ones.
    """

    slug: str
    name: str
    coverage: float
    cost: float

    @property
    def cost_per_hit(self) -> float | None:
        """Per additional lead for which something is found; None where it adds none."""
        return self.cost / self.coverage if self.coverage > 1e-12 else None


def marginal_values(providers: Sequence[ProviderFigures], *, asks_all: bool) -> list[MarginalValue]:
    """What each provider adds, in the waterfall's order."""
    whole = expected_outcome(providers, asks_all=asks_all)
    values = []
    for at, each in enumerate(providers):
        rest = expected_outcome([*providers[:at], *providers[at + 1 :]], asks_all=asks_all)
        margin = MarginalValue(each.slug, each.name, whole.coverage - rest.coverage, whole.cost - rest.cost)
        values.append(margin)
    return values


def calls_per_lead(outcomes: Mapping[str, ExpectedOutcome]) -> dict[str, float]:
    """{slug: calls per lead} over several waterfalls: whoever stands in two of them is asked for each."""
    calls: dict[str, float] = {}
    for each in outcomes.values():
        for slug, asked in each.calls.items():
            calls[slug] = calls.get(slug, 0.0) + asked
    return calls
