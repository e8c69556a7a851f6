"""Leads an hour at the providers' limits."""

import pytest

from enrichment.waterfall.capacity import capacity
from enrichment.waterfall.economics import calls_per_lead, expected_outcome
from tests.enrichment.waterfall.brute import figures
from tests.enrichment.waterfall.test_economics import EMAIL

NAMES = {"apollo": "Apollo", "builtwith": "BuiltWith"}


def test_builtwith_holds_the_whole_default_waterfall_to_100_leads_an_hour() -> None:
    """D11."""
    calls = calls_per_lead(
        {
            "email": expected_outcome(EMAIL, asks_all=False),
            "techstack": expected_outcome([figures("builtwith", 0.02, 0.9)], asks_all=True),
        }
    )
    found = capacity(calls, {"apollo": 500, "hunter": 1000, "clearbit": 300, "builtwith": 100}, NAMES)
    assert found.leads_per_hour == 100
    assert found.narrowest is not None
    assert found.narrowest.name == "BuiltWith"
    assert [gate.slug for gate in found.gates] == ["builtwith", "apollo", "hunter", "clearbit"]
    assert found.gates[2].leads_per_hour == pytest.approx(1000 / 0.05)
    assert found.hours(250) == 2.5


def test_nothing_limits_what_has_no_limit() -> None:
    found = capacity({"pdl": 1.0}, {}, {})
    assert (found.leads_per_hour, found.narrowest, found.hours(10)) == (None, None, None)


def test_clays_own_triggers_are_a_gate() -> None:
    found = capacity({"pdl": 1.0}, {}, {}, triggers_per_hour=3_000, leads_per_trigger=25)
    assert found.leads_per_hour == 75_000
    assert found.narrowest is not None
    assert found.narrowest.slug == "clay"


def test_who_is_never_asked_limits_nothing() -> None:
    assert capacity({"apollo": 0.0}, {"apollo": 1}, NAMES).gates == ()
