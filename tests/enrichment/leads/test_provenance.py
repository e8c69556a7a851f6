"""Both provenance documents tell the same ledger, in the specification's two shapes."""

import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from enrichment.leads.provenance import flat_provenance, nested_provenance, timestamp, with_provenance
from enrichment.models import Lead
from tests.factories import DisclosureFactory, FieldFactFactory, LeadFactory

pytestmark = pytest.mark.django_db
START = datetime.datetime(2026, 1, 15, 10, 0, tzinfo=datetime.UTC)


def after(minutes: int) -> datetime.datetime:
    return START + datetime.timedelta(minutes=minutes)


@pytest.fixture
def lead() -> Lead:
    lead = LeadFactory(
        scraped_at=START,
        enriched_at=after(8),
        source_url="https://linkedin.com/company/gong-io/followers/",
        email_work="a@acme.example",
        email_personal="b@home.example",
    )
    for provider, field, minutes in (
        ("clearbit", "company_size", 6),
        ("apollo", "phone", 5),
        ("apollo", "email_work", 5),
        ("hunter", "email_personal", 7),
    ):
        FieldFactFactory(lead=lead, provider=provider, field=field, observed_at=after(minutes))
    DisclosureFactory(lead=lead, system="instantly", action="add_to_campaign", occurred_at=after(15))
    DisclosureFactory(lead=lead, occurred_at=after(10))
    return lead


def test_nested_is_the_schema_of_the_specification(lead: Lead) -> None:
    assert nested_provenance(lead) == {
        "collection": {
            "source": "competitor_follower",
            "source_url": "https://linkedin.com/company/gong-io/followers/",
            "collected_at": "2026-01-15T10:00:00Z",
            "collector": "hunter-mcp",
            "legal_basis": "legitimate_interest",
        },
        "enrichment": {
            "providers": [
                {"name": "apollo", "fields": ["email_work", "phone"], "timestamp": "2026-01-15T10:05:00Z"},
                {"name": "clearbit", "fields": ["company_size"], "timestamp": "2026-01-15T10:06:00Z"},
                {"name": "hunter", "fields": ["email_personal"], "timestamp": "2026-01-15T10:07:00Z"},
            ],
            "completed_at": "2026-01-15T10:08:00Z",
        },
        "processing": {
            "purpose": "sales_outreach",
            "legal_basis": "legitimate_interest",
            "documented_interest": "B2B revenue operations solutions",
            "retention_days": 730,
            "retention_until": "2028-01-15T10:00:00Z",
        },
        "access_log": [
            {"system": "ghl_crm", "timestamp": "2026-01-15T10:10:00Z", "action": "create_contact"},
            {"system": "instantly", "timestamp": "2026-01-15T10:15:00Z", "action": "add_to_campaign"},
        ],
    }


def test_flat_names_the_fields_of_the_payload(lead: Lead) -> None:
    document = flat_provenance(lead)
    assert list(document) == ["sources", "consent_basis", "retention_until"]
    assert document["retention_until"] == "2028-01-15"
    assert [(s["provider"], s["field"]) for s in document["sources"]] == [
        ("apollo", "phone"),
        ("apollo", "email"),
        ("clearbit", "company_size"),
        ("hunter", "email_personal"),
    ]
    assert document["sources"][0]["timestamp"] == "2026-01-15T10:05:00Z"


def test_the_personal_address_is_the_email_where_there_is_no_other(lead: Lead) -> None:
    lead.email_work = ""
    assert {s["provider"]: s["field"] for s in flat_provenance(lead)["sources"]}["hunter"] == "email"


def test_a_lead_without_a_history() -> None:
    lead = LeadFactory()
    assert flat_provenance(lead)["sources"] == []
    assert nested_provenance(lead)["enrichment"] == {"providers": [], "completed_at": None}
    assert nested_provenance(lead)["access_log"] == []
    assert timestamp(None) is None


def test_many_leads_cost_three_queries(lead: Lead) -> None:
    for other in LeadFactory.create_batch(5):
        FieldFactFactory(lead=other)
    with CaptureQueriesContext(connection) as queries:
        documents = [(flat_provenance(each), nested_provenance(each)) for each in with_provenance(Lead.objects.all())]
    assert len(documents) == 6
    assert len(queries) == 3
