"""Contacts that GoHighLevel has already: looked for first, never written over, and told on the lead's page."""

import pytest
from django.urls import reverse

from enrichment.drift import shared
from enrichment.drift.repairs import REPAIRS
from enrichment.leases import hand_back_lapsed
from enrichment.models import ContactMatch, Disclosure, Drift, DriftKind, Handover, Lead
from enrichment.pipeline import hand_ghl
from enrichment.pipeline.contacts import look
from enrichment.pipeline.deliver import planning, recording, running
from enrichment.states import HandoverStatus
from tests.factories import EnrichedLeadFactory

STRANGER = {"firstName": "Grace", "lastName": "Kundin", "companyName": "Kunde AG", "source": "Trade fair"}


def contact(pipeline, **values):
    body = {"locationId": "location", **STRANGER, **values}
    return pipeline.sandbox.ghl.post("/contacts/", json=body).json()["contact"]


def contacts(pipeline):
    return {each["id"]: each for each in pipeline.sandbox.state("ghl")["contacts"]}


def custom(contact):
    return {each["key"]: each["value"] for each in contact["customFields"]}


def delivered(pipeline, *leads):
    planning.plan_all(leads, systems=["ghl"], force=True)
    pipeline.until(lambda: not Handover.objects.filter(status__in=["planned", "in_flight", "unknown"]).exists())
    for lead in leads:
        lead.refresh_from_db()
    return Handover.objects.filter(lead=leads[0]).latest("pk")


def test_a_stranger_with_the_same_number_keeps_their_contact(pipeline):
    before = contact(pipeline, email="grace@kunde.example", phone="+1 415-555-1234")
    lead = EnrichedLeadFactory()
    handover = delivered(pipeline, lead)
    stored = contacts(pipeline)
    assert stored[before["id"]] == before
    assert lead.ghl_contact_id not in ("", before["id"])
    own = stored[lead.ghl_contact_id]
    assert (own["email"], own.get("phone")) == (lead.email, None)
    assert (handover.status, handover.differences) == ("done", [])
    assert "phone" not in Disclosure.objects.get(lead=lead).fields
    match = ContactMatch.objects.get()
    assert (match.contact_id, match.matched_by, match.whose, match.action) == (
        before["id"], "number", "other_email", "without_phone",
    )  # fmt: skip


def test_it_stays_so_when_the_lead_changes(pipeline):
    before = contact(pipeline, email="grace@kunde.example", phone="+14155551234")
    lead = EnrichedLeadFactory()
    delivered(pipeline, lead)
    own = lead.ghl_contact_id
    Lead.objects.filter(pk=lead.pk).update(title="CEO")
    lead.refresh_from_db()
    delivered(pipeline, lead)
    stored = contacts(pipeline)
    assert stored[before["id"]] == before
    assert lead.ghl_contact_id == own
    assert custom(stored[own])["title"] == "CEO"


def test_two_leads_with_one_number_that_come_together_have_a_contact_each(pipeline):
    leads = [EnrichedLeadFactory(first_name=name) for name in ("Ada", "Grace", "Mary")]
    delivered(pipeline, *leads)
    assert len({lead.ghl_contact_id for lead in leads}) == 3
    stored = contacts(pipeline)
    assert sorted(each["firstName"] for each in stored.values()) == ["Ada", "Grace", "Mary"]
    assert [bool(stored[lead.ghl_contact_id].get("phone")) for lead in leads] == [True, False, False]
    assert all((each.status, each.differences) == ("done", []) for each in Handover.objects.all())


@pytest.mark.parametrize("linked", [False, True])
def test_a_contact_in_another_spelling_of_the_host_is_the_one_with_the_lead_s_e_mail(pipeline, linked):
    lead = EnrichedLeadFactory(email_work="dora@xn--mller-kva.de")
    if linked:  # to a contact that was deleted since
        Lead.objects.filter(pk=lead.pk).update(ghl_contact_id="gone")
        lead.refresh_from_db()
    before = contact(pipeline, email="dora@müller.de")
    handover = delivered(pipeline, lead)
    (after,) = contacts(pipeline).values()
    assert (handover.status, lead.ghl_contact_id) == ("done", before["id"])
    assert {name: after[name] for name in (*STRANGER, "email")} == {**STRANGER, "email": "dora@müller.de"}
    match = ContactMatch.objects.get()
    assert (match.matched_by, match.whose, match.action) == ("email", "existing", "keep")


def test_one_spelling_is_asked_for_once(db):
    lead = EnrichedLeadFactory(email_work="ada@acme.example", phone="")
    assert look.calls(lead) == 1
    lead.email_work = "dora@xn--mller-kva.de"
    assert look.calls(lead) == 2


@pytest.mark.parametrize(
    ("policy", "filled"),
    [("without_phone", {}), ("fill", {"phone": "+14155551234", "website": "acme.example"})],
)
def test_a_contact_with_the_lead_s_e_mail_is_only_added_to(pipeline, settings, policy, filled):
    settings.GHL_MATCH_POLICY = policy
    lead = EnrichedLeadFactory()
    title = {"key": "title", "field_value": "Buyer"}
    before = contact(pipeline, email=lead.email.upper(), customFields=[title], tags=["vip"])
    delivered(pipeline, lead)
    (after,) = contacts(pipeline).values()
    assert lead.ghl_contact_id == before["id"]
    kept = {name: after.get(name) for name in (*STRANGER, "email")}
    assert kept == {name: before.get(name) for name in (*STRANGER, "email")}
    assert {name: after[name] for name in ("phone", "website") if after.get(name)} == filled
    assert custom(after)["title"] == "Buyer"
    assert custom(after)["icp_score"] == 85
    assert custom(after)["linkedin_url"] == lead.linkedin_url
    assert set(after["tags"]) >= {"vip", "swarm", "icp tier 1"}
    match = ContactMatch.objects.get()
    assert (match.whose, match.action) == ("existing", "fill" if policy == "fill" else "keep")
    assert {"first_name", "last_name", "company_name", "title"} <= set(match.kept)
    assert set(filled) <= set(match.written)


def test_what_we_filled_is_brought_up_to_date_and_what_was_there_is_not(pipeline, settings):
    settings.GHL_MATCH_POLICY = "fill"
    lead = EnrichedLeadFactory()
    contact(pipeline, email=lead.email)
    delivered(pipeline, lead)
    Lead.objects.filter(pk=lead.pk).update(title="CEO", icp_score=12.0, first_name="Adele", phone="+14155559999")
    lead.refresh_from_db()
    delivered(pipeline, lead)
    (after,) = contacts(pipeline).values()
    assert (custom(after)["title"], custom(after)["icp_score"]) == ("CEO", 12)
    assert (after["firstName"], after["phone"]) == ("Grace", "+14155559999")


def test_an_empty_company_is_filled_by_e_mail(pipeline, settings):
    settings.GHL_MATCH_POLICY = "fill"
    lead = EnrichedLeadFactory()
    contact(pipeline, email=lead.email, companyName=None)
    delivered(pipeline, lead)
    (after,) = contacts(pipeline).values()
    assert (after["companyName"], after["firstName"]) == ("Acme Inc", "Grace")


@pytest.mark.parametrize("policy", ["without_phone", "fill", "ask"])
def test_a_contact_of_another_lead_with_the_same_e_mail_waits_for_a_person(pipeline, settings, policy):
    settings.GHL_MATCH_POLICY = policy
    first = EnrichedLeadFactory(email_work="office@acme.example")
    delivered(pipeline, first)
    before = contacts(pipeline)
    second = EnrichedLeadFactory(email_work="office@acme.example", first_name="Eve", phone="+14155550000")
    handover = delivered(pipeline, second)
    assert contacts(pipeline) == before
    assert (handover.status, handover.error_kind) == ("failed", "existing_contact")
    assert second.ghl_contact_id == ""
    assert ContactMatch.objects.get(lead=second).whose == "other_lead"


def test_two_with_one_e_mail_that_come_together_do_not_write_into_one_contact(pipeline):
    leads = [EnrichedLeadFactory(email_work="office@acme.example", first_name=name) for name in ("Ada", "Eve")]
    planning.plan_all(leads, systems=["ghl"])
    pipeline.until(lambda: not Handover.objects.filter(status__in=["planned", "in_flight", "unknown"]).exists())
    (stored,) = contacts(pipeline).values()
    assert stored["firstName"] == "Ada"
    assert sorted(Handover.objects.values_list("lead__first_name", "status")) == [
        ("Ada", "done"),
        ("Eve", "failed"),
    ]


@pytest.mark.parametrize(
    ("action", "shared_with", "phone"),
    [("without_phone", False, None), ("fill", True, "+14155551234"), ("leave_out", None, None)],
)
def test_asked_a_person_decides_on_the_lead_s_page(pipeline, settings, admin_client, action, shared_with, phone):
    settings.GHL_MATCH_POLICY = "ask"
    before = contact(pipeline, email="grace@kunde.example", phone="+14155551234")
    lead = EnrichedLeadFactory()
    handover = delivered(pipeline, lead)
    assert (handover.status, lead.ghl_contact_id) == ("failed", "")
    assert contacts(pipeline) == {before["id"]: before}
    page = admin_client.get(reverse("lead", args=[lead.pk])).content.decode()
    assert "GoHighLevel already has a contact with this phone number" in page
    assert f'value="{action}"' in page
    match = ContactMatch.objects.get()
    admin_client.post(reverse("lead_contact_decide", args=[lead.pk, match.pk]), {"action": action})
    pipeline.until(lambda: not Handover.objects.filter(status__in=["planned", "in_flight", "unknown"]).exists())
    lead.refresh_from_db()
    handover.refresh_from_db()
    if shared_with is None:
        assert (handover.status, handover.error_kind, lead.ghl_contact_id) == ("withheld", "left_out", "")
        return
    assert handover.status == "done"
    assert (lead.ghl_contact_id == before["id"]) is shared_with
    after = contacts(pipeline)
    assert {name: after[before["id"]][name] for name in STRANGER} == STRANGER
    assert after[before["id"]]["email"] == "grace@kunde.example"
    assert after[lead.ghl_contact_id].get("phone") == phone


def test_a_lead_without_an_e_mail_takes_no_contact_by_its_number(pipeline):
    before = contact(pipeline, email="grace@kunde.example", phone="+14155551234")
    lead = EnrichedLeadFactory(email_work="")
    handover = delivered(pipeline, lead)
    assert contacts(pipeline) == {before["id"]: before}
    assert (handover.status, handover.error_kind) == ("failed", "existing_contact")


def test_a_changed_e_mail_goes_to_the_lead_s_own_contact(pipeline):
    lead = EnrichedLeadFactory()
    delivered(pipeline, lead)
    own = lead.ghl_contact_id
    Lead.objects.filter(pk=lead.pk).update(email_work="new@acme.example", phone="+14155550001")
    lead.refresh_from_db()
    handover = delivered(pipeline, lead)
    (after,) = contacts(pipeline).values()
    assert (after["id"], after["email"], after["phone"]) == (own, "new@acme.example", "+14155550001")
    assert handover.differences == []


def test_a_changed_e_mail_that_is_another_contact_s_waits_for_a_person(pipeline):
    lead = EnrichedLeadFactory()
    delivered(pipeline, lead)
    contact(pipeline, email="new@acme.example")
    before = contacts(pipeline)
    Lead.objects.filter(pk=lead.pk).update(email_work="new@acme.example")
    lead.refresh_from_db()
    assert delivered(pipeline, lead).error_kind == "existing_contact"
    assert contacts(pipeline) == before


@pytest.mark.parametrize("kind", ["reset_after_effect", "502", "reset_before_effect"])
def test_a_lost_answer_is_no_contact_of_somebody_else(pipeline, kind):
    lead = EnrichedLeadFactory()
    pipeline.sandbox.fault("ghl", kind, call="contacts.upsert", times=1)
    delivered(pipeline, lead)
    (after,) = contacts(pipeline).values()
    assert (after["id"], after["firstName"], after["phone"]) == (lead.ghl_contact_id, "Ada", "+14155551234")
    assert not ContactMatch.objects.exists()


def test_a_worker_killed_before_it_was_recorded_leaves_an_existing_contact_as_it_was(pipeline, settings, monkeypatch):
    lead = EnrichedLeadFactory()
    contact(pipeline, email=lead.email)
    planning.plan_deliveries(lead, systems=["ghl"])
    real = hand_ghl._tag_and_compare

    def killed(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(hand_ghl, "_tag_and_compare", killed)
    with pytest.raises(KeyboardInterrupt):
        running.run_due("ghl")
    monkeypatch.setattr(hand_ghl, "_tag_and_compare", real)
    settings.LEASE_SECONDS = 0
    assert hand_back_lapsed(Handover, HandoverStatus, recording.give_up_lost) == 1
    settings.LEASE_SECONDS = 120
    pipeline.until(lambda: Handover.objects.filter(status="done").exists())
    (after,) = contacts(pipeline).values()
    assert {name: after[name] for name in STRANGER} == STRANGER
    lead.refresh_from_db()
    assert lead.ghl_contact_id == after["id"]


@pytest.mark.parametrize("phone", ["+14155550000", "the same"])
def test_leads_that_share_a_contact_are_told_and_parted(pipeline, phone):
    first = EnrichedLeadFactory()
    second = EnrichedLeadFactory(first_name="Eve", phone=first.phone if phone == "the same" else phone)
    delivered(pipeline, first)
    Lead.objects.filter(pk=second.pk).update(ghl_contact_id=first.ghl_contact_id)  # as it was done before
    shared.find_shared()
    drifts = Drift.objects.filter(kind=DriftKind.SHARED_RECORD, resolved_at=None)
    assert set(drifts.values_list("lead", flat=True)) == {first.pk, second.pk}
    assert all(drift.fields == ["ghl_contact_id"] for drift in drifts)
    first.refresh_from_db()
    assert "contact" in delivered(pipeline, first).differences
    REPAIRS[DriftKind.SHARED_RECORD](drifts.get(lead=second))
    pipeline.until(lambda: not Handover.objects.filter(status__in=["planned", "in_flight", "unknown"]).exists())
    second.refresh_from_db()
    assert second.ghl_contact_id != first.ghl_contact_id
    assert contacts(pipeline)[first.ghl_contact_id]["firstName"] == "Ada"
    shared.find_shared()
    assert not drifts.all().exists()
