"""The end of a retention takes what we wrote out of a contact that is not ours alone, and leaves the contact."""

import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from enrichment.models import ContactMatch, Lead
from enrichment.stores.ghl import GoHighLevelStore
from gdpr.identity import Identity
from gdpr.models import AuditEvent, Purge, PurgeRecord
from gdpr.retention import retention
from tests.factories import EnrichedLeadFactory
from tests.flows.test_existing_contacts import contact, contacts, custom, delivered

DAY = datetime.timedelta(days=1)
OTHERS = {"title": "Buyer", "role": "Decides"}


def theirs(pipeline, lead, **values):
    """A customer's contact with the lead's address."""
    fields = [{"key": name, "field_value": value} for name, value in OTHERS.items()]
    return contact(pipeline, email=lead.email, customFields=fields, tags=["vip"], **values)


def expires(lead):
    Lead.objects.filter(pk=lead.pk).update(retention_until=timezone.now() - DAY)
    retention.queue_expired()
    for _ in range(6):
        Purge.objects.exclude(status="done").update(not_before=timezone.now())
        retention.run_due()
    return Purge.objects.latest("pk")


def filled(contact):
    return {name: value for name, value in custom(contact).items() if value}


@pytest.mark.parametrize("policy", ["without_phone", "fill"])
def test_a_customer_s_contact_is_as_it_was_before_the_lead(pipeline, settings, admin_client, policy):
    settings.GHL_MATCH_POLICY = policy
    lead = EnrichedLeadFactory()
    before = theirs(pipeline, lead, companyName=None)
    delivered(pipeline, lead)
    assert lead.ghl_contact_id == before["id"]
    assert "swarm" in contacts(pipeline)[before["id"]]["tags"]
    purge = expires(lead)
    (after,) = contacts(pipeline).values()
    assert (after["id"], after["tags"], filled(after)) == (before["id"], ["vip"], OTHERS)
    names = ("firstName", "lastName", "email", "phone", "website", "companyName", "source")
    assert {name: after.get(name) or None for name in names} == {name: before.get(name) for name in names}
    assert not Lead.objects.exists()
    assert (purge.status, purge.error_message) == ("done", "")
    assert AuditEvent.objects.get(verb="purge").counts == {"records": 3, "stayed": 1}
    page = admin_client.get(reverse("retention")).content.decode()
    assert "GoHighLevel: our data removed" in page
    assert "Record kept: it was in GoHighLevel before our lead." in page


def test_of_two_leads_with_one_contact_only_the_one_that_ends_goes(pipeline):
    first = EnrichedLeadFactory(email_work="office@acme.example", title="CEO", icp_tier=2)
    delivered(pipeline, first)
    second = EnrichedLeadFactory(email_work="office@acme.example", first_name="Eve", title="CRO", phone="+14155550000")
    delivered(pipeline, second)
    ContactMatch.objects.filter(lead=second).update(action="keep", decided_at=timezone.now())
    delivered(pipeline, second)
    assert second.ghl_contact_id == first.ghl_contact_id
    purge = expires(first)
    (after,) = contacts(pipeline).values()
    assert (after["email"], after["firstName"], after["phone"]) == ("office@acme.example", "", "")
    assert custom(after)["title"] == ""
    assert custom(after)["icp_score"] == second.icp_score
    assert set(after["tags"]) >= {"swarm", "icp tier 1"}
    assert PurgeRecord.objects.get(store="ghl").stays == "another lead has the same contact."
    assert purge.status == "done"
    assert list(Lead.objects.all()) == [second]


def test_a_contact_that_is_the_lead_s_alone_goes_as_before(pipeline):
    lead = EnrichedLeadFactory()
    delivered(pipeline, lead)
    assert expires(lead).status == "done"
    assert contacts(pipeline) == {}
    assert set(PurgeRecord.objects.values_list("stays", flat=True)) == {""}


def test_what_the_vendor_does_not_empty_is_an_officer_s_who_is_not_told_to_delete_it(pipeline, admin_client):
    lead = EnrichedLeadFactory()
    before = theirs(pipeline, lead)
    delivered(pipeline, lead)
    pipeline.sandbox.fault("ghl", "422_list", call="contacts.update", times=50)
    assert expires(lead).status == "manual"
    assert before["id"] in contacts(pipeline)
    record = PurgeRecord.objects.get(store="ghl")
    told = f"open contact {before['id']}. Don't delete it: it was in GoHighLevel before our lead."
    assert told in record.instructions
    assert "swarm" in record.instructions
    assert lead.email not in record.instructions
    assert "Mark as removed" in admin_client.get(reverse("retention")).content.decode()
    pipeline.sandbox.no_faults()
    retention.retry(Purge.objects.get(), by=None)
    assert expires(lead).status == "done"
    (after,) = contacts(pipeline).values()
    assert (after["tags"], filled(after)) == (["vip"], OTHERS)


def test_the_officer_of_a_request_is_told_whose_contact_it_is(pipeline):
    lead = EnrichedLeadFactory()
    theirs(pipeline, lead)
    delivered(pipeline, lead)
    twin = EnrichedLeadFactory(email_work="eve@acme.example", ghl_contact_id=lead.ghl_contact_id, phone="")
    (record,) = GoHighLevelStore().locate(Identity(emails=(lead.email,)))
    assert record.summary["note"] == "It was in GoHighLevel before our lead. 2 leads have this contact."
    twin.delete()
