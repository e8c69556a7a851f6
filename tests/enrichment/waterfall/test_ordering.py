"""The cheapest order against every order there is."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enrichment.waterfall.economics import PER_ATTEMPT, ProviderFigures, expected_outcome
from enrichment.waterfall.ordering import ratio, suggest_order
from enrichment.waterfall.rates import catalogue_rate
from tests.enrichment.waterfall.brute import every_run, figures, providers
from tests.enrichment.waterfall.test_economics import EMAIL


@settings(max_examples=150, deadline=None, database=None)
@given(given_order=providers())
def test_no_order_is_cheaper_and_each_covers_the_same(given_order: list[ProviderFigures]) -> None:
    found = suggest_order(given_order, asks_all=False)
    by_slug = {each.slug: each for each in given_order}
    assert sorted(found.order) == sorted(by_slug)
    cost, coverage, _ = every_run([by_slug[slug] for slug in found.order], asks_all=False)
    assert found.cost == pytest.approx(cost, abs=1e-9)
    everyone = [expected_outcome(order, asks_all=False) for order in itertools.permutations(given_order)]
    assert cost <= min(each.cost for each in everyone) + 1e-9
    assert all(each.coverage == pytest.approx(coverage, abs=1e-9) for each in everyone)
    assert found.coverage == pytest.approx(coverage, abs=1e-9)
    assert found.saving == pytest.approx(expected_outcome(given_order, asks_all=False).cost - cost, abs=1e-9)


def test_charged_per_hit_the_cheapest_hit_is_asked_first() -> None:
    found = suggest_order(EMAIL, asks_all=False)
    assert found.order == ("hunter", "snovio", "apollo", "pdl", "clearbit")
    assert found.saving > 0
    assert found.proof is not None
    assert found.proof.orders == math.factorial(5)
    assert "All 120 orders were compared" in found.proof.words
    assert found.proof.dearest is not None
    assert found.proof.dearest > found.now > found.cost


def test_charged_per_attempt_price_over_hit_rate_decides() -> None:
    often, cheap = (
        figures("often", 0.10, 0.9, charge=PER_ATTEMPT),
        figures("cheap", 0.05, 0.3, charge=PER_ATTEMPT),
    )
    assert suggest_order([cheap, often], asks_all=False).order == ("often", "cheap")
    assert ratio(often) == pytest.approx(0.10 / 0.9)


def test_among_equally_cheap_orders_the_present_one_stays() -> None:
    same = [figures(name, 0.02, share) for name, share in (("c", 0.2), ("a", 0.9), ("b", 0.5))]
    found = suggest_order(same, asks_all=False)
    assert (found.order, found.saving) == (("c", "a", "b"), 0.0)


def test_who_never_answers_and_charges_for_it_comes_last() -> None:
    useless = figures("useless", 0.01, 0.0, charge=PER_ATTEMPT)
    assert suggest_order([useless, *EMAIL[:2]], asks_all=False).order == ("hunter", "apollo", "useless")


def test_the_proof_says_what_swapping_each_two_neighbours_adds() -> None:
    found = suggest_order(EMAIL, asks_all=False)
    assert found.proof is not None
    by_slug = {each.slug: each for each in EMAIL}
    for at, pair in enumerate(found.proof.neighbours):
        order = list(found.order)
        assert (pair.first, pair.second) == (order[at], order[at + 1])
        assert pair.ratio_first <= pair.ratio_second
        order[at], order[at + 1] = order[at + 1], order[at]
        swapped = expected_outcome([by_slug[slug] for slug in order], asks_all=False).cost
        assert pair.swapping_adds == pytest.approx(swapped - found.cost, abs=1e-12)
    assert len(found.proof.neighbours) == 4


def test_more_than_eight_rest_on_the_exchange_argument() -> None:
    many = [figures(f"p{at}", 0.01 * (1 + (7 * at) % 10), 0.3, charge=PER_ATTEMPT) for at in range(10)]
    found = suggest_order(many, asks_all=False)
    assert found.proof is not None
    assert (found.proof.orders, found.proof.dearest) == (0, None)
    assert "exchange argument" in found.proof.words
    assert all(pair.swapping_adds >= 0 for pair in found.proof.neighbours)


def test_where_everybody_is_asked_no_order_is_suggested() -> None:
    found = suggest_order(EMAIL, asks_all=True)
    assert (found.order, found.saving, found.proof) == (tuple(each.slug for each in EMAIL), 0.0, None)
    assert "in any order" in found.why_not


@pytest.mark.parametrize(
    "lacking", [ProviderFigures("x", "X", None, hit=catalogue_rate(0.5)), ProviderFigures("x", "X", 0.1)]
)
def test_without_a_price_or_a_rate_nothing_is_suggested(lacking: ProviderFigures) -> None:
    found = suggest_order([*EMAIL, lacking], asks_all=False)
    assert found.why_not.endswith("Missing for X.")
    assert found.order[-1] == "x"


def test_one_provider_has_one_order() -> None:
    found = suggest_order(EMAIL[:1], asks_all=False)
    assert found.proof is not None
    assert found.proof.words == "Only one order is possible."


@given(st.lists(st.floats(0.01, 1), min_size=8, max_size=8))
@settings(max_examples=3, deadline=None, database=None)
def test_eight_are_all_compared(prices: list[float]) -> None:
    eight = [figures(f"p{at}", price, 0.4, charge=PER_ATTEMPT) for at, price in enumerate(prices)]
    found = suggest_order(eight, asks_all=False)
    assert found.proof is not None
    assert found.proof.orders == 40_320
