"""What of a contact is ours to take out, and what stays in it."""

import pytest

from enrichment.models import ContactMatch
from enrichment.stores.ghl import GoHighLevelStore
from enrichment.stores.shared_contacts import MATCHED, NOT_KNOWN, SHARED, Ours
from enrichment.vendors.gohighlevel.client import Contact
from gdpr.stores import Record, Unsupported
from tests.factories import EnrichedLeadFactory

pytestmark = pytest.mark.django_db
store = GoHighLevelStore()


def contact(**raw):
    raw = {"id": "c1", "tags": [], "customFields": [], **raw}
    return Contact.model_validate({**raw, "raw": raw})


def matched(lead, *written):
    return ContactMatch.objects.create(
        lead=lead, contact_id="c1", matched_by="email", whose="existing", action="keep", written=written
    )


def our(lead):
    return Record("mirror", f"lead:{lead.pk}")


CONTACT = Record("ghl", "c1")


def test_a_customer_s_own_value_stays_though_the_lead_has_the_same():
    lead = EnrichedLeadFactory(ghl_contact_id="c1")
    matched(lead, "phone")
    held = contact(firstName=lead.first_name, phone=lead.phone, tags=["VIP", "Swarm", "icp tier 3"])
    ours = Ours.of(lead, held)
    assert ours.held() == {"phone"}
    assert ours.tags() == {"swarm", "icp tier 3"}


def test_what_we_filled_is_ours_whatever_stands_in_it_now():
    lead = EnrichedLeadFactory(ghl_contact_id="c1")
    matched(lead, "website")
    fields = [{"key": "icp_score", "value": 12}, {"key": "title", "value": "Buyer"}]
    assert Ours.of(lead, contact(website="old.example", customFields=fields)).held() == {
        "website",
        "icp_score",
    }


def test_a_custom_field_told_by_its_id_alone_is_emptied_and_known_again_by_its_value():
    lead = EnrichedLeadFactory(ghl_contact_id="c1", title="Head of Sales")
    matched(lead, "title")
    before = Ours.of(lead, contact(customFields=[{"id": "cf1", "value": "Buyer"}]))
    assert "title" in before.untold()
    assert before.held() == set()
    still = Ours.of(lead, contact(customFields=[{"id": "cf2", "value": "Head of Sales"}]))
    assert still.held() == {"title"}


def test_what_another_lead_of_the_contact_holds_stays():
    first = EnrichedLeadFactory(ghl_contact_id="c1", company_name="Acme Inc", icp_score=12.0)
    second = EnrichedLeadFactory(ghl_contact_id="c1", company_name="Acme Inc", first_name="Eve", phone="")
    matched(second, "title")
    fields = [{"key": "icp_score", "value": second.icp_score}]
    held = contact(firstName=first.first_name, companyName="Acme Inc", phone=first.phone, customFields=fields)
    assert Ours.of(first, held).held() == {"first_name", "phone"}


def test_why_a_contact_stays():
    lead = EnrichedLeadFactory(ghl_contact_id="c1")
    assert store.why_it_stays(CONTACT, our(lead)) == ""
    other = EnrichedLeadFactory(ghl_contact_id="c1")
    assert store.why_it_stays(CONTACT, our(lead)) == SHARED
    other.ghl_contact_id = ""
    other.save()
    matched(other)
    assert store.why_it_stays(CONTACT, our(lead)) == MATCHED
    assert "Don't delete it" in store.removal_instructions(CONTACT, our(lead))


def test_whose_lead_is_gone_is_for_a_person():
    gone = Record("mirror", "lead:999999")
    assert store.why_it_stays(CONTACT, gone) == NOT_KNOWN
    with pytest.raises(Unsupported):
        store.remove_our_data(CONTACT, gone)
    assert "Delete it if it is only this person's" in store.removal_instructions(CONTACT, gone)
