"""The economics against every possible run, against random runs, and by hand."""

import math
import statistics
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enrichment.waterfall.economics import (
    PER_ATTEMPT,
    ProviderFigures,
    calls_per_lead,
    expected_outcome,
    marginal_values,
)
from enrichment.waterfall.rates import catalogue_rate, observed_rate
from tests.enrichment.waterfall.brute import every_run, figures, providers, random_runs

# Specification, "Email Waterfall" and "Phone Waterfall"
EMAIL = [
    figures("apollo", 0.03, 0.95),
    figures("hunter", 0.02, 0.92),
    figures("clearbit", 0.05, 0.90),
    figures("pdl", 0.04, 0.88),
    figures("snovio", 0.02, 0.85),
]
PHONE = [figures("cognism", 0.10, 0.90), figures("lusha", 0.08, 0.85)]
some = settings(max_examples=200, deadline=None, database=None)


def near(value: float) -> object:
    return pytest.approx(value, abs=1e-12)


# ------------------------------------------------------------------ by hand


def test_the_published_phone_waterfall_by_hand() -> None:
    found = expected_outcome(PHONE, asks_all=False)
    assert found.cost == near(0.10 * 0.9 + 0.1 * 0.08 * 0.85)
    assert found.coverage == near(1 - 0.1 * 0.15)
    assert found.cost_per_hit == near(0.0968 / 0.985)
    assert [step.asked for step in found.steps] == [1.0, near(0.1)]
    assert [step.adds for step in found.steps] == [near(0.9), near(0.085)]


def test_charged_per_attempt_a_miss_costs_as_much() -> None:
    per_attempt = [figures("a", 0.10, 0.5, charge=PER_ATTEMPT), figures("b", 0.08, 0.5, charge=PER_ATTEMPT)]
    assert expected_outcome(per_attempt, asks_all=False).cost == near(0.10 + 0.5 * 0.08)
    assert expected_outcome(per_attempt, asks_all=True).cost == near(0.18)


def test_where_everybody_is_asked_the_order_is_all_the_same() -> None:
    one, other = (expected_outcome(order, asks_all=True) for order in (EMAIL, EMAIL[::-1]))
    assert one.cost == near(other.cost)
    assert one.coverage == near(other.coverage)
    assert [step.asked for step in one.steps] == [1.0] * 5


def test_an_empty_waterfall_costs_and_finds_nothing() -> None:
    found = expected_outcome([], asks_all=False)
    assert (found.cost, found.coverage, found.cost_per_hit, found.steps) == (0, 0, None, ())


def test_a_personal_address_is_found_and_does_not_end_it() -> None:
    half = figures("apollo", 0.03, 0.9, ends=0.5)
    found = expected_outcome([half, figures("hunter", 0.02, 0.8)], asks_all=False)
    assert found.coverage == near(1 - 0.1 * 0.2)
    assert found.steps[1].asked == near(0.5)
    assert found.steps[1].adds == near(0.1 * 0.8)
    assert found.cost == near(0.03 * 0.9 + 0.5 * 0.02 * 0.8)


def test_what_is_not_known_is_named_and_counted_as_nothing() -> None:
    unknown = ProviderFigures("linkedin", "LinkedIn", None)
    found = expected_outcome([unknown, PHONE[0]], asks_all=False)
    assert (found.unpriced, found.unrated, found.is_whole) == (("LinkedIn",), ("LinkedIn",), False)
    assert found.cost == near(expected_outcome(PHONE[:1], asks_all=False).cost)
    assert found.assumes
    assert expected_outcome(PHONE, asks_all=False).is_whole


def test_a_rate_observed_after_just_these_is_used_in_that_place_only() -> None:
    after = {frozenset({"cognism"}): (observed_rate(20, 100), observed_rate(20, 100))}
    lusha = ProviderFigures("lusha", "Lusha", 0.08, hit=catalogue_rate(0.85), after=after)
    found = expected_outcome([PHONE[0], lusha], asks_all=False)
    assert found.steps[1].found == near(0.1 * 0.2)
    assert found.steps[1].rate == observed_rate(20, 100)
    assert expected_outcome([lusha, PHONE[0]], asks_all=False).steps[0].found == near(0.85)
    assert expected_outcome([PHONE[0], lusha], asks_all=False, conditional=False).steps[1].found == near(0.085)


def test_whoever_stands_in_two_waterfalls_is_asked_for_each() -> None:
    company = expected_outcome([figures("clearbit", 0.05, 0.9)], asks_all=True)
    calls = calls_per_lead({"email": expected_outcome(EMAIL, asks_all=False), "company": company})
    assert calls["clearbit"] == near(1 + 0.05 * 0.08)
    assert calls["apollo"] == 1


# ------------------------------------------------------------------ against every run


@some
@given(order=providers(), asks_all=st.booleans())
def test_cost_coverage_and_calls_are_the_sums_over_all_runs(order: list[ProviderFigures], asks_all: bool) -> None:
    found = expected_outcome(order, asks_all=asks_all)
    cost, coverage, asked = every_run(order, asks_all=asks_all)
    assert found.cost == pytest.approx(cost, abs=1e-9)
    assert found.coverage == pytest.approx(coverage, abs=1e-9)
    assert [step.asked for step in found.steps] == pytest.approx(asked, abs=1e-9)
    assert sum(step.cost for step in found.steps) == near(found.cost)
    assert sum(step.adds for step in found.steps) == pytest.approx(found.coverage, abs=1e-9)


@some
@given(order=providers(), asks_all=st.booleans())
def test_a_margin_is_the_difference_between_with_and_without(order: list[ProviderFigures], asks_all: bool) -> None:
    whole_cost, whole_coverage, _ = every_run(order, asks_all=asks_all)
    for at, margin in enumerate(marginal_values(order, asks_all=asks_all)):
        cost, coverage, _ = every_run([*order[:at], *order[at + 1 :]], asks_all=asks_all)
        assert margin.cost == pytest.approx(whole_cost - cost, abs=1e-9)
        assert margin.coverage == pytest.approx(whole_coverage - coverage, abs=1e-9)
        assert margin.coverage >= -1e-12


def test_a_cheap_first_provider_saves_money_and_is_said_to() -> None:
    """Without Hunter the dearer ones after it would be asked more."""
    apollo, *_ = marginal_values([EMAIL[1], EMAIL[2]], asks_all=False)
    assert apollo.cost < 0
    assert apollo.coverage == near(0.92 * 0.1)
    certain = marginal_values([figures("a", 1, 1.0), figures("b", 1, 0.5)], asks_all=False)[1]
    assert (certain.coverage, certain.cost_per_hit) == (0, None)


# ------------------------------------------------------------------ against random runs


@pytest.mark.parametrize("asks_all", [False, True])
@pytest.mark.parametrize(
    "order",
    [
        EMAIL,
        PHONE,
        [
            figures("a", 0.1, 0.3, charge=PER_ATTEMPT),
            figures("b", 0.2, 0.6),
            figures("c", 0.05, 0.4, ends=0.2),
        ],
    ],
    ids=["email", "phone", "mixed"],
)
def test_forty_thousand_random_runs_agree(order: Sequence[ProviderFigures], asks_all: bool) -> None:
    """Within five standard errors: with these seeds always, with others once in a million."""
    many = 40_000
    runs = list(random_runs(order, asks_all=asks_all, seed=20260115, many=many))
    found = expected_outcome(order, asks_all=asks_all)
    costs = [cost for cost, _ in runs]
    assert statistics.fmean(costs) == pytest.approx(
        found.cost, abs=5 * statistics.pstdev(costs) / math.sqrt(many) + 1e-9
    )
    spread = math.sqrt(found.coverage * (1 - found.coverage) / many)
    assert statistics.fmean(hit for _, hit in runs) == pytest.approx(found.coverage, abs=5 * spread + 1e-4)
