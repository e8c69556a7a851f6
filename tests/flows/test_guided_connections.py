"""What the guided connections set up is what deliveries use: the location's fields, and the chosen campaign."""

from enrichment.connections.ghl import setup as ghl_setup
from enrichment.connections.instantly import setup as instantly_setup
from enrichment.deliveries import redelivery
from enrichment.models import Handover, Lead
from enrichment.pipeline import hand_instantly
from enrichment.pipeline.deliver import planning
from enrichment.pipeline.delivery_outcomes import DeliveryRequest, Sent
from enrichment.vendor_pauses import pauses
from enrichment.vendor_pauses import words as hold_words

OURS = {"icp_score", "icp_tier", "title", "linkedin_url", "company_size"}


def contact_values(pipeline, lead):
    """{our name: value} of the lead's contact, by the fields of the location."""
    state = pipeline.sandbox.state("ghl")
    [contact] = [each for each in state["contacts"] if each["id"] == lead.ghl_contact_id]
    names = {field["id"]: field["fieldKey"].removeprefix("contact.") for field in state["custom_fields"]}
    return {names[entry["id"]]: entry["value"] for entry in contact["customFields"]}


def test_a_delivery_to_a_fresh_location_arrives_whole_once_its_fields_are_created(pipeline):
    pipeline.sandbox.config(ghl_custom_fields="location")
    lead = pipeline.lead("johndoe")
    pipeline.settle()
    lead.refresh_from_db()
    first = Handover.objects.get(system="ghl")
    assert first.status == "done"
    assert OURS - {"company_size"} <= set(first.differences)
    assert contact_values(pipeline, lead) == {}

    assert len(ghl_setup.create_fields(by=None).names) == 18
    planning.plan_deliveries(lead, force=True)
    pipeline.settle()
    again = Handover.objects.filter(system="ghl").latest("id")
    assert (again.status, again.differences) == ("done", [])
    held = contact_values(pipeline, lead)
    assert OURS - {"company_size"} <= held.keys()
    assert held["icp_tier"] == f"Tier {lead.icp_tier}"
    # The contact names its fields by their ids alone, and is read back all the same.
    assert not [side for side in redelivery.read_back(again, by=None) if not side.same]


def campaigns_of(pipeline):
    """{e-mail: campaigns it is in}."""
    found = {}
    for record in pipeline.sandbox.state("instantly")["leads"]:
        found.setdefault(record["email"], []).append(record["campaign"])
    return found


def test_a_changed_campaign_takes_the_new_leads_and_leaves_the_others(pipeline):
    names = {"campaign": {"name": "Outreach"}, "second": {"name": "Founders"}}
    pipeline.sandbox.config(instantly_campaigns=names)
    old = pipeline.lead("johndoe")
    pipeline.settle()
    instantly_setup.choose("second", by=None)
    new = [pipeline.lead(f"newcomer-{number}") for number in range(5)]
    Lead.objects.filter(pk=old.pk).update(title="Chief Revenue Officer")
    old.refresh_from_db()
    planning.plan_deliveries(old, force=True)
    pipeline.settle()
    where = campaigns_of(pipeline)
    assert where[old.email] == ["campaign"]
    added = Lead.objects.filter(pk__in=[lead.pk for lead in new]).exclude(instantly_lead_id="")
    assert added
    assert all(where[lead.email] == ["second"] for lead in added)
    [record] = [each for each in pipeline.sandbox.state("instantly")["leads"] if each["email"] == old.email]
    assert record["job_title"] == "Chief Revenue Officer"


def test_an_addition_whose_answer_was_lost_before_the_change_is_found_where_it_was_made(pipeline):
    pipeline.sandbox.config(instantly_campaigns={"campaign": {"name": "Outreach"}, "second": {"name": "Founders"}})
    lead = pipeline.lead("johndoe")
    pipeline.settle()
    lead.refresh_from_db()
    record, lead.instantly_lead_id = lead.instantly_lead_id, ""
    lead.save(update_fields=["instantly_lead_id"])
    instantly_setup.choose("second", by=None)
    [outcome] = hand_instantly.send_all([DeliveryRequest(lead, unsure=True)], float("inf"))
    assert isinstance(outcome, Sent)
    assert outcome.external_id == record
    assert campaigns_of(pipeline)[lead.email] == ["campaign"]


def test_a_lead_with_another_address_stays_in_its_campaign(pipeline):
    pipeline.sandbox.config(instantly_campaigns={"campaign": {"name": "Outreach"}, "second": {"name": "Founders"}})
    lead = pipeline.lead("johndoe")
    pipeline.settle()
    lead.refresh_from_db()
    instantly_setup.choose("second", by=None)
    Lead.objects.filter(pk=lead.pk).update(email_work="moved@acme.example")
    lead.refresh_from_db()
    planning.plan_deliveries(lead, force=True)
    pipeline.settle()
    assert campaigns_of(pipeline) == {"moved@acme.example": ["campaign"]}


def test_without_a_campaign_deliveries_wait_and_go_on_once_one_is_chosen(pipeline, settings):
    settings.INSTANTLY_CAMPAIGN_ID = ""
    pipeline.sandbox.config(instantly_campaigns={"second": {"name": "Founders"}})
    lead = pipeline.lead("johndoe")
    hold = pipeline.until(lambda: pauses.open_pause("instantly"))
    assert hold_words.reason(hold) == "no campaign is chosen, or the address is wrong"
    assert not pipeline.sandbox.state("instantly")["leads"]
    instantly_setup.choose("second", by=None)
    pipeline.settle()
    lead.refresh_from_db()
    assert campaigns_of(pipeline) == {lead.email: ["second"]}
