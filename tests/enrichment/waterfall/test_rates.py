"""Wilson's interval against published values, and when a rate is observed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment.waterfall.rates import LEAST, Source, catalogue_rate, chosen_rate, observed_rate, wilson


@pytest.mark.parametrize(
    ("hits", "asked", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (5, 10, 0.2366, 0.7634),  # the textbook's half of ten
        (10, 10, 0.7225, 1.0000),
    ],
)
def test_wilsons_interval_has_the_published_values(hits: int, asked: int, low: float, high: float) -> None:
    assert wilson(hits, asked) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 100_000), st.data())
def test_an_interval_holds_its_share_and_stays_a_share(asked: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, asked))
    low, high = wilson(hits, asked)
    assert 0 <= low <= hits / asked <= high <= 1
    mirrored = wilson(asked - hits, asked)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-9)


@pytest.mark.parametrize(("hits", "asked"), [(0, 0), (-1, 5), (6, 5)])
def test_what_is_no_share_is_refused(hits: int, asked: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        wilson(hits, asked)


def test_an_observed_rate_stands_where_it_was_asked_often_enough() -> None:
    assert chosen_rate(20, LEAST, 0.9) == observed_rate(20, LEAST)
    few = chosen_rate(20, LEAST - 1, 0.9)
    assert few == catalogue_rate(0.9, few=LEAST - 1)
    assert few is not None
    assert few.is_assumption
    assert chosen_rate(20, LEAST - 1, None) is None
    assert chosen_rate(0, 0, None) is None
    found = chosen_rate(1, LEAST, None)
    assert found is not None
    assert found.source == Source.OBSERVED


def test_a_rate_says_where_it_comes_from() -> None:
    assert catalogue_rate(0.95).words == "published accuracy, an assumption"
    assert catalogue_rate(0.95, few=7).words == "published accuracy, an assumption; called only 7 times so far"
    assert observed_rate(1_150, 1_234).words == "observed n=1,234, 91.6 to 94.5 %"
