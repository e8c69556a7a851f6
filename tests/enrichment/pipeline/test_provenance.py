"""Clay's account of a run, in every shape it may come, as ledger rows and cost."""

from decimal import Decimal

import pytest
from django.utils import timezone

from enrichment.models import Attempt, WaterfallVersion
from enrichment.pipeline.mirror import applying
from enrichment.pipeline.provenance import LeadProvenance, prices, provider_answers, record_provenance
from enrichment.vendors.clay.wire import ClayRow
from tests.factories import EnrichedLeadFactory, LeadFactory

AT = "2026-01-15T10:05:00+00:00"


def told(row):
    return [(s.provider, s.fields, s.at.isoformat(), s.cost) for s in provider_answers(row, prices())]


@pytest.mark.parametrize(
    "row",
    [
        {"providers_used": [{"name": "Apollo", "fields_enriched": ["email_work"], "timestamp": AT, "cost": 0.03}]},
        {"providers_used": [{"name": "apollo", "fields_enriched": ["email_work"], "timestamp": AT}]},
        {"provenance": {"enrichment": {"providers": [{"name": "apollo", "fields": ["email_work"], "timestamp": AT}]}}},
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
    row = {"providers_used": [{"name": "apollo", "fields_enriched": ["email_work"], "timestamp": AT, "cost": cost}]}
    assert [s.cost for s in provider_answers(row, prices())] == [Decimal("0.03")]


def test_a_row_told_twice_costs_once(db):
    lead = LeadFactory()
    attempt = Attempt.objects.create(lead=lead, waterfall=WaterfallVersion.active(), started_at=timezone.now())
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
    first = LeadProvenance(lead, provider_answers(row, prices()), [attempt])
    record_provenance([first])
    attempt.save()
    again = LeadProvenance(lead, provider_answers(row, prices()), [attempt])
    record_provenance([again])
    assert (first.cost, again.cost) == (Decimal("0.05"), Decimal(0))
    assert sorted(lead.facts.values_list("field", "cost")) == [
        ("company_industry", Decimal("0.0250")),
        ("company_size", Decimal("0.0250")),
    ]
    assert [entry["name"] for entry in attempt.providers] == ["clearbit", "hunter"]


def test_the_flat_shape_names_one_call_once_for_each_of_its_fields(db):
    """Apollo sells the addresses it finds as one hit: two lines of it are not two hits."""
    fields = ("email_work", "email_personal")
    row = {"provenance": {"sources": [{"provider": "apollo", "field": f, "timestamp": AT} for f in fields]}}
    [supply] = provider_answers(row, prices())
    assert (supply.fields, supply.cost) == (fields, Decimal("0.03"))


def test_the_shares_of_fields_are_what_the_call_cost(db):
    lead = LeadFactory()
    attempt = Attempt.objects.create(lead=lead, waterfall=WaterfallVersion.active())
    told = {"name": "clearbit", "fields_enriched": ["company_size", "company_industry", "company_location"]}
    row = {"providers_used": [{**told, "timestamp": AT, "cost": "0.10"}]}
    record_provenance([LeadProvenance(lead, provider_answers(row, prices()), [attempt])])
    assert sum(lead.facts.values_list("cost", flat=True)) == Decimal("0.10")


def test_what_clay_bought_by_itself_is_booked_once(db):
    """Nobody had asked for it here: it has no attempt, and every message tells it again."""
    lead = EnrichedLeadFactory(clay_row_id="row_1", enrichment_cost=0)
    row = {
        "id": "row_1",
        "providers_used": [{"name": "apollo", "fields_enriched": ["email_work"], "timestamp": AT, "cost": 0.03}],
    }
    for _ in range(3):
        applying.apply(lead.pk, ClayRow.read(row), event_at=timezone.now())
    lead.refresh_from_db()
    [attempt] = lead.attempts.all()
    assert (lead.enrichment_cost, attempt.cost) == (Decimal("0.03"), Decimal("0.03"))
    assert (attempt.status, attempt.only_providers, attempt.source_type) == (
        "succeeded",
        ["apollo"],
        lead.source_type,
    )
    assert attempt.finished_at == lead.received_at, "told of a time before the lead was ours"
    assert lead.facts.get().attempt_id == attempt.pk
