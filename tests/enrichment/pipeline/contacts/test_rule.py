"""Which contact a lead may be written to: every combination of what was found, whose it is, and the setting."""

import pytest
from django.utils import timezone

from enrichment.models import ContactMatch
from enrichment.pipeline.contacts.look import ContactLookup
from enrichment.pipeline.contacts.rule import KnownContacts, plan_contact
from enrichment.vendors.gohighlevel.client import Contact
from tests.factories import EnrichedLeadFactory

OTHER = "grace@kunde.example"


def lead(**values):
    return EnrichedLeadFactory.build(**{"pk": 1, "email_work": "ada@acme.example", **values})


def contact(contact_id="c1", **raw):
    raw = {"id": contact_id, "tags": [], "customFields": [], **raw}
    return Contact.model_validate({**raw, "raw": raw})


def told(plan):
    return [(each.contact_id, str(each.matched_by), str(each.whose), str(each.action)) for each in plan.found]


def test_nobody_there_means_a_new_contact():
    plan = plan_contact(lead(), ContactLookup(), KnownContacts(), "ask")
    assert (plan.target, plan.found, plan.protected, plan.without_phone) == (None, (), False, False)


@pytest.mark.parametrize(
    ("policy", "action", "target"),
    [("without_phone", "keep", "c1"), ("fill", "fill", "c1"), ("ask", "waits", None)],
)
def test_by_e_mail_and_nobody_s(policy, action, target):
    plan = plan_contact(lead(), ContactLookup(by_email=contact(email="ADA@acme.example")), KnownContacts(), policy)
    assert told(plan) == [("c1", "email", "existing", action)]
    assert (plan.target.id if plan.target else None) == target
    assert plan.protected is (target is not None)


@pytest.mark.parametrize("policy", ["without_phone", "fill", "ask"])
@pytest.mark.parametrize(
    ("found", "owners", "whose"),
    [({"email": "ada@acme.example"}, {"c1": 1}, "other_lead"), ({"email": OTHER}, {}, "other_email")],
)
def test_by_e_mail_and_another_s_always_waits(policy, found, owners, whose):
    plan = plan_contact(lead(), ContactLookup(by_email=contact(**found)), KnownContacts(owners), policy)
    assert told(plan) == [("c1", "email", whose, "waits")]
    assert plan.waits
    assert plan.target is None


@pytest.mark.parametrize(
    ("policy", "found", "owners", "whose", "action"),
    [
        ("without_phone", {"email": OTHER}, {}, "other_email", "without_phone"),
        ("without_phone", {}, {}, "existing", "without_phone"),
        ("without_phone", {}, {"c1": 2}, "other_lead", "without_phone"),
        ("fill", {"email": OTHER}, {}, "other_email", "without_phone"),
        ("fill", {}, {}, "existing", "fill"),
        ("fill", {}, {"c1": 1}, "other_lead", "without_phone"),
        ("ask", {"email": OTHER}, {}, "other_email", "waits"),
        ("ask", {}, {}, "existing", "waits"),
    ],
)
def test_by_number(policy, found, owners, whose, action):
    plan = plan_contact(
        lead(), ContactLookup(by_number=contact(phone="+14155551234", **found)), KnownContacts(owners), policy
    )
    assert told(plan) == [("c1", "number", whose, action)]
    assert (plan.target is not None) is (action == "fill")
    assert plan.without_phone is (action != "fill")


def test_a_number_that_another_lead_is_just_being_delivered_with_is_left_out():
    plan = plan_contact(lead(), ContactLookup(), KnownContacts(number_taken=True), "fill")
    assert told(plan) == [("", "number", "other_lead", "without_phone")]
    own = contact("own", email="ada@acme.example", phone="+1 (415) 555-1234")
    assert (
        plan_contact(lead(ghl_contact_id="own"), ContactLookup(own=own), KnownContacts(number_taken=True), "fill").found
        == ()
    )


@pytest.mark.parametrize(
    "held",
    [
        {"customFields": [{"key": "clay_record_id", "value": "row_7"}]},
        {"customFields": [{"id": "cf1", "value": "row_7"}]},
        {"tags": ["Swarm"], "customFields": [{"key": "linkedin_url", "value": "www.linkedin.com/in/ada/"}]},
    ],
)
def test_a_contact_we_made_whose_reference_was_lost_is_ours(held):
    made = contact(email=OTHER, **held)
    mine = lead(clay_row_id="row_7", linkedin_url="https://www.linkedin.com/in/ada")
    plan = plan_contact(mine, ContactLookup(by_number=made), KnownContacts(), "ask")
    assert (plan.target, plan.found, plan.protected) == (made, (), False)


def test_a_profile_that_somebody_else_noted_does_not_make_a_contact_ours():
    noted = contact(
        email="ada@acme.example",
        customFields=[{"key": "linkedin_url", "value": "https://www.linkedin.com/in/ada"}],
    )
    plan = plan_contact(
        lead(linkedin_url="https://www.linkedin.com/in/ada"), ContactLookup(by_email=noted), KnownContacts(), "fill"
    )
    assert plan.protected


def test_a_link_that_several_leads_have_is_followed_only_by_the_one_whose_e_mail_it_has():
    shared = contact("own", email="ada@acme.example", phone="+14155551234")
    known = KnownContacts({"own": 1})
    assert plan_contact(lead(ghl_contact_id="own"), ContactLookup(own=shared), known, "ask").target is shared
    other = lead(ghl_contact_id="own", email_work="eve@acme.example")
    assert plan_contact(other, ContactLookup(own=shared), known, "ask").target is None


def test_a_decision_is_kept_and_stands_above_the_setting():
    match = ContactMatch(contact_id="c1", action="fill", decided_at=timezone.now())
    found = contact(email=OTHER, firstName="Grace", phone="+14155551234")
    plan = plan_contact(lead(), ContactLookup(by_number=found), KnownContacts({}, False, {"c1": match}), "ask")
    assert plan.target is found
    assert "title" in plan.write
    assert {"email", "first_name"} <= plan.differing
    assert not plan.write & {"email", "first_name", "phone"}


def test_a_custom_field_that_cannot_be_told_is_not_written_over():
    found = contact(email="ada@acme.example", customFields=[{"id": "cf1", "value": "Buyer"}])
    plan = plan_contact(lead(), ContactLookup(by_email=found), KnownContacts(), "fill")
    assert "title" not in plan.write
    assert "icp_score" in plan.write
