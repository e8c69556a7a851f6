"""A waterfall played out: every possible run with its probability, or many runs drawn at random."""

import itertools
import random
from collections.abc import Iterator, Sequence

from hypothesis import strategies as st

from enrichment.waterfall.economics import PER_ATTEMPT, PER_HIT, ProviderFigures
from enrichment.waterfall.rates import catalogue_rate

MISS, PART, END = "miss", "part", "end"  # finds nothing; finds something and the waterfall goes on; ends it


def figures(
    slug: str,
    cost: float,
    hit: float,
    *,
    charge: str = PER_HIT,
    ends: float | None = None,
    limit: int | None = None,
) -> ProviderFigures:
    return ProviderFigures(
        slug, slug.title(), cost, charge, catalogue_rate(hit), None if ends is None else catalogue_rate(ends), limit
    )


def outcomes_of(each: ProviderFigures) -> list[tuple[str, float]]:
    hit, ends = each.shares()
    return [(MISS, 1 - hit), (PART, hit - ends), (END, ends)]


def play(
    providers: Sequence[ProviderFigures], draws: Sequence[str], *, asks_all: bool
) -> tuple[float, bool, list[bool]]:
    """(cost, whether anything was found, who was asked) of one run, as Clay runs a waterfall."""
    cost, found, asked = 0.0, False, [False] * len(providers)
    for at, (each, drawn) in enumerate(zip(providers, draws, strict=True)):
        asked[at] = True
        if each.charge == PER_ATTEMPT or drawn != MISS:
            cost += each.cost or 0.0
        found = found or drawn != MISS
        if drawn == END and not asks_all:
            break
    return cost, found, asked


def every_run(providers: Sequence[ProviderFigures], *, asks_all: bool) -> tuple[float, float, list[float]]:
    """(cost per lead, coverage, share asked of each), exact: the sum over all runs."""
    cost, coverage, asked = 0.0, 0.0, [0.0] * len(providers)
    for run in itertools.product(*(outcomes_of(each) for each in providers)):
        chance = 1.0
        for _, share in run:
            chance *= share
        paid, found, who = play(providers, [drawn for drawn, _ in run], asks_all=asks_all)
        cost += chance * paid
        coverage += chance * found
        asked = [before + chance * was for before, was in zip(asked, who, strict=True)]
    return cost, coverage, asked


def random_runs(
    providers: Sequence[ProviderFigures], *, asks_all: bool, seed: int, many: int
) -> Iterator[tuple[float, bool]]:
    """(cost, whether anything was found) of `many` runs."""
    draw = random.Random(seed)
    for _ in range(many):
        draws = [
            draw.choices([name for name, _ in kinds], [share for _, share in kinds])[0]
            for kinds in (outcomes_of(each) for each in providers)
        ]
        paid, found, _ = play(providers, draws, asks_all=asks_all)
        yield paid, found


@st.composite
def providers(draw: st.DrawFn, most: int = 5) -> list[ProviderFigures]:
    """Any providers: certain ones and useless ones, free ones, both ways of charging, personal hits that do not end."""
    shares = st.one_of(st.sampled_from([0.0, 0.5, 0.85, 0.95, 1.0]), st.floats(0, 1))
    prices = st.one_of(st.sampled_from([0.0, 0.02, 0.03, 0.05]), st.floats(0, 2))
    found = []
    for at in range(draw(st.integers(1, most))):
        hit = draw(shares)
        ends = draw(st.one_of(st.none(), st.sampled_from([0.0, hit, hit / 2])))
        charge = draw(st.sampled_from([PER_HIT, PER_ATTEMPT]))
        found.append(figures(f"p{at}", draw(prices), hit, charge=charge, ends=ends))
    return found
