"""Clay's account of a run, in every shape it may come, as ledger rows and cost."""

from decimal import Decimal

import pytest
from django.utils import timezone

from enrichment.models import Attempt, WaterfallVersion
from enrichment.pipeline.ledger import Entry, enter, prices, supplies
from tests.factories import LeadFactory

AT = "2026-01-15T10:05:00+00:00"


def told(row):
    return [(s.provider, s.fields, s.at.isoformat(), s.cost) for s in supplies(row, prices())]


@pytest.mark.parametrize(
    "row",
    [
        {
            "providers_used": [
                {"name": "Apollo", "fields_enriched": ["email_work"], "timestamp": AT, "cost": 0.03}
            ]
        },
        {"providers_used": [{"name": "apollo", "fields_enriched": ["email_work"], "timestamp": AT}]},
        {
            "provenance": {
                "enrichment": {"providers": [{"name": "apollo", "fields": ["email_work"], "timestamp": AT}]}
            }
        },
        {"provenance": {"sources": [{"provider": "apollo", "field": "email_work", "timestamp": AT}]}},
    ],
    ids=["told cost", "tabled cost", "nested", "flat"],
)
def test_every_shape_says_the_same(db, row):
    assert told(row) == [("apollo", ("email_work",), AT, Decimal("0.0300"))]


def test_a_miss_is_kept_and_costs_nothing(db):
    row = {"providers_used": [{"name": "hunter", "fields_enriched": [], "timestamp": AT}]}
    assert told(row) == [("hunter", (), AT, Decimal(0))]


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"providers_used": "apollo"},
        {"providers_used": [None, 5, {"name": ""}, {"name": "x", "timestamp": "never"}]},
        {"provenance": "text"},
        {"provenance": {"enrichment": [], "sources": {}}},
        {"provenance": {"sources": [{"provider": ["x"], "field": {}, "timestamp": AT}]}},
    ],
)
def test_nonsense_is_no_supply(db, row):
    assert told(row) == []


@pytest.mark.parametrize("cost", ["NaN", "-1", "1e99", True, {"usd": 1}, "free"])
def test_a_cost_that_is_none_is_taken_from_the_catalogue(db, cost):
    row = {
        "providers_used": [
            {"name": "apollo", "fields_enriched": ["email_work"], "timestamp": AT, "cost": cost}
        ]
    }
    assert [s.cost for s in supplies(row, prices())] == [Decimal("0.03")]


def test_a_row_told_twice_costs_once(db):
    lead = LeadFactory()
    attempt = Attempt.objects.create(
        lead=lead, waterfall=WaterfallVersion.active(), started_at=timezone.now()
    )
    row = {
        "providers_used": [
            {
                "name": "clearbit",
                "fields_enriched": ["company_size", "company_industry"],
                "timestamp": AT,
                "cost": 0.05,
            },
            {"name": "hunter", "fields_enriched": [], "timestamp": AT, "cost": 0},
        ]
    }
    first = Entry(lead, supplies(row, prices()), [attempt])
    enter([first])
    attempt.save()
    again = Entry(lead, supplies(row, prices()), [attempt])
    enter([again])
    assert (first.cost, again.cost) == (Decimal("0.05"), Decimal(0))
    assert sorted(lead.facts.values_list("field", "cost")) == [
        ("company_industry", Decimal("0.0250")),
        ("company_size", Decimal("0.0250")),
    ]
    assert [entry["name"] for entry in attempt.providers] == ["clearbit", "hunter"]
