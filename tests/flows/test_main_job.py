"""A lead goes all the way, on real HTTP: the stages driven one after the other."""

from decimal import Decimal

from django.utils import timezone

from enrichment.models import Attempt, Disclosure, FieldFact, Handover, Lead, WebhookDelivery
from enrichment.pipeline.mirror import applying
from enrichment.vendors.connections import clay
from tests.enrichment.clay_table import change_row


def test_the_example_lead_comes_out_as_the_specification_says(pipeline):
    pipeline.sandbox.config(clay_scores={"https://www.linkedin.com/in/johndoe": 87})
    lead = pipeline.lead("johndoe", first_name="John", last_name="Doe", company_name="Acme Inc")
    pipeline.settle()
    lead.refresh_from_db()
    assert lead.enrichment_status == "completed"
    assert (lead.icp_score, lead.icp_tier, lead.clay_score, lead.drift) == (95, 1, 87, -8)
    assert lead.email == "john.doe@acme.com"
    assert lead.phone == "+14155551234"
    assert lead.company_size == 250
    assert lead.tech_stack == ["Salesforce", "Outreach", "Gong", "HubSpot"]
    assert lead.ghl_contact_id
    assert lead.instantly_lead_id
    assert {fact.field for fact in lead.facts.all()} >= {"email_work", "company_size", "tech_stack"}
    assert lead.enrichment_cost == Attempt.objects.get().cost > Decimal(0)


def test_many_leads_reach_both_systems_once_each(pipeline):
    for number in range(60):
        pipeline.lead(f"person-{number}")
    pipeline.settle()
    stats = pipeline.sandbox.stats()
    leads = Lead.objects.all()
    assert set(leads.values_list("enrichment_status", flat=True)) <= {"completed", "partial"}
    campaign = leads.filter(icp_tier__in=[1, 2]).count()
    assert 0 < campaign < 60
    contacts = pipeline.sandbox.state("ghl")["contacts"]
    assert len(contacts) == 60
    assert all("swarm" in contact["tags"] for contact in contacts)
    assert len(pipeline.sandbox.state("instantly")["leads"]) == campaign
    assert Disclosure.objects.filter(system="ghl").count() >= 60
    rows = pipeline.sandbox.state("clay")["tables"]["tbl_test"]
    assert len(rows) == 60
    by_row = {lead.clay_row_id: lead for lead in leads}
    assert all(row["ghl_contact_id"] == by_row[row["id"]].ghl_contact_id for row in rows)
    assert stats["clay"]["duplicates_by_linkedin_url"] == 0


def test_a_clay_that_keeps_another_value_than_we_wrote_is_told_once(pipeline):
    lead = pipeline.lead("stubborn")
    pipeline.settle()
    lead.refresh_from_db()
    assert lead.written_back["ghl_contact_id"] == lead.ghl_contact_id
    change_row(pipeline, lead.clay_row_id, ghl_contact_id="in its own spelling")
    row = clay().get_row(lead.clay_table_id, lead.clay_row_id)
    applying.apply(lead.pk, row, event_at=timezone.now())
    lead.refresh_from_db()
    assert lead.raw["ghl_contact_id"] == "in its own spelling"
    assert lead.write_back_after is None


def test_our_own_write_back_starts_nothing(pipeline):
    lead = pipeline.lead("loop")
    pipeline.settle()
    before = Handover.objects.count()
    body = WebhookDelivery.objects.latest("id").body
    later = bytes(body).replace(b'"event"', b' "event"')  # the same news in another delivery
    pipeline.receiver.bodies.append(later)
    pipeline.step()
    delivery = WebhookDelivery.objects.latest("id")
    assert delivery.verdict == "unchanged"
    assert Handover.objects.count() == before
    assert FieldFact.objects.filter(lead=lead).exists()
