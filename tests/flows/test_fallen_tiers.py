"""A lead that was delivered to the campaign and has fallen out of its tiers: it is not delivered there again."""

import datetime

import pytest
from django.utils import timezone

from enrichment.models import Handover, Lead
from enrichment.overview import figures as overview
from enrichment.pipeline.mirror import applying
from enrichment.vendors.clay.wire import ClayRow

GOOD = {"company_size": 900, "company_industry": "SaaS", "title": "VP Sales", "tech_stack": ["Salesforce"]}
POOR = {
    "company_size": 3,
    "company_industry": "Bakery",
    "title": "Baker",
    "tech_stack": [],
    "funding_stage": "Seed",
}


def told(lead, **columns):
    """What Clay's row says now, as a webhook brings it."""
    lead.refresh_from_db()
    at = max(timezone.now(), lead.clay_seen_at + datetime.timedelta(seconds=1))
    applying.apply(lead.pk, ClayRow.read({**lead.raw, **columns}), event_at=at)
    lead.refresh_from_db()


@pytest.fixture
def in_campaign(pipeline):
    lead = pipeline.lead("falls")
    pipeline.settle()
    told(lead, **GOOD, email_work="falls@acme.example")
    pipeline.settle()
    lead.refresh_from_db()
    assert (lead.icp_tier in (1, 2), bool(lead.instantly_lead_id)) == (True, True)
    return lead


def sent(lead, system):
    return Handover.objects.filter(lead=lead, system=system, status="done").count()


@pytest.mark.parametrize("gone_there", [False, True])
def test_a_fallen_lead_is_sent_to_instantly_no_more_and_one_that_rises_again_is(pipeline, in_campaign, gone_there):
    lead = in_campaign
    before = {system: sent(lead, system) for system in ("ghl", "instantly")}
    calls = pipeline.sandbox.stats()["instantly"]["requests"]
    told(lead, **POOR)
    pipeline.settle()
    told(lead, title="Head Baker", email_work="moved@acme.example")  # a later change, which once moved the record
    pipeline.settle()
    assert lead.icp_tier == 3
    assert sent(lead, "ghl") == before["ghl"] + 2
    assert sent(lead, "instantly") == before["instantly"]
    assert pipeline.sandbox.stats()["instantly"]["requests"] == calls
    if gone_there:
        assert pipeline.sandbox.instantly.delete(f"/leads/{lead.instantly_lead_id}").is_success
    counts = overview._stages("all")
    assert (counts["instantly"], counts["fallen"], counts["tier_1"] + counts["tier_2"]) == (0, 1, 0)
    told(lead, **GOOD)
    pipeline.settle()
    assert sent(lead, "instantly") == before["instantly"] + 1
    (record,) = pipeline.sandbox.state("instantly")["leads"]
    assert record["email"] == "moved@acme.example"


def test_one_that_falls_while_its_delivery_waits_is_withheld(pipeline, in_campaign):
    told(in_campaign, title="VP Marketing")
    waiting = Handover.objects.get(lead=in_campaign, system="instantly", status="planned")
    Lead.objects.filter(pk=in_campaign.pk).update(icp_tier=3)
    pipeline.settle()
    waiting.refresh_from_db()
    assert (waiting.status, waiting.error_kind) == ("withheld", "not_wanted")
