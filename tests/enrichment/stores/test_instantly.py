"""Instantly as a store, against the sandbox."""

import pytest
from django.utils import timezone

from enrichment.models import Handover, Lead
from enrichment.stores.instantly import InstantlyStore
from enrichment.stores.mirror import MirrorStore
from enrichment.vendors.connections import instantly
from gdpr.identity import Identity
from gdpr.stores import Capability, Ground, Record, RetryLater, Unsupported
from tests.enrichment.stores.planting import IDENTITY, OWN, URL, WORK, in_instantly, in_the_mirror
from tests.factories import EnrichedLeadFactory

store = InstantlyStore()


@pytest.fixture
def vendors(vendors):
    vendors.sandbox.config(instantly_campaign_id="")  # any campaign is there
    return vendors


def leads(vendors):
    return {lead["id"]: lead for lead in vendors.sandbox.state("instantly")["leads"]}


def test_leads_are_found_by_id_and_by_each_e_mail_in_all_campaigns_page_by_page(vendors, monkeypatch):
    lead = in_the_mirror()
    by_id = in_instantly(lead, email="before@acme.example")
    by_mail = [in_instantly(lead, known=False, campaign=f"c{n}") for n in range(3)]
    own = in_instantly(lead, known=False, email=OWN)
    in_instantly(EnrichedLeadFactory())
    whole = instantly().list_leads
    monkeypatch.setattr(instantly(), "list_leads", lambda email, **more: whole(email, limit=2, **more))
    found = {record.key: record.sure for record in store.locate(Identity(URL))}
    assert found == dict.fromkeys([by_id, *by_mail, own], True)


def test_two_people_behind_one_inbox_are_for_an_officer(vendors):
    lead = in_the_mirror(email_work="sales@acme.example", email_personal="")
    EnrichedLeadFactory(email_work="sales@acme.example")
    ours = in_instantly(lead)
    theirs = in_instantly(lead, known=False, campaign="other")
    found = {record.key: record.sure for record in store.locate(Identity(URL, ("sales@acme.example",)))}
    assert found == {ours: True, theirs: False}


def test_a_copy_tells_what_the_campaign_holds(vendors):
    in_instantly(in_the_mirror())
    told = {datum.field: datum.value for datum in store.export(store.locate(IDENTITY)[0]).data}
    assert (told["email"], told["first_name"], told["campaign"]) == (WORK, "Erika", "campaign")


def test_a_lead_is_corrected_in_place(vendors):
    lead = in_the_mirror()
    ours = in_instantly(lead)
    before = store.rectify(
        store.locate(IDENTITY)[0], {"title": "CRO", "first_name": "Erica", "company_industry": "Law"}
    )
    assert before == {"title": lead.title, "first_name": "Erika", "company_industry": ""}
    stored = leads(vendors)[ours]
    assert (stored["job_title"], stored["first_name"], stored["payload"]["company_industry"]) == (
        "CRO",
        "Erica",
        "Law",
    )


@pytest.mark.parametrize("crash", ["", "leads.create", "leads.delete"])
def test_another_e_mail_is_a_new_lead_and_the_old_ones_end_however_it_is_interrupted(vendors, crash):
    lead = in_the_mirror()
    ours = in_instantly(lead)
    (record,) = store.locate(IDENTITY)
    values = {"email_work": "right@acme.example", "first_name": "Erica"}
    if crash:
        vendors.sandbox.fault("instantly", "reset_after_effect", call=crash, times=1)
        with pytest.raises(RetryLater):
            store.rectify(record, values)
    store.rectify(record, values)
    (left,) = leads(vendors).values()
    assert (left["email"], left["first_name"], left["job_title"]) == (
        "right@acme.example",
        "Erica",
        lead.title,
    )
    assert left["id"] != ours
    assert Lead.objects.get().instantly_lead_id == left["id"]


def test_without_any_address_left_nobody_is_written_to(vendors):
    in_instantly(in_the_mirror(email_personal=""))
    store.rectify(store.locate(IDENTITY)[0], {"email_work": ""})
    assert leads(vendors) == {}


def test_a_lead_is_erased_alone_and_its_absence_read_back(vendors):
    in_instantly(in_the_mirror())
    neighbour = in_instantly(EnrichedLeadFactory())
    before = leads(vendors)[neighbour]
    (record,) = store.locate(IDENTITY)
    assert not store.verify_absent(record)
    store.erase(record)
    store.erase(record)
    assert store.verify_absent(record)
    assert leads(vendors) == {neighbour: before}
    assert vendors.sandbox.state("instantly")["blocked"] == []
    assert "leads.delete_all" not in vendors.sandbox.stats()["instantly"]["calls"]


def test_the_block_list_is_a_policy(vendors, settings):
    settings.INSTANTLY_BLOCK_ERASED = True
    in_instantly(in_the_mirror())
    store.erase(store.locate(IDENTITY)[0])
    assert [entry["bl_value"] for entry in vendors.sandbox.state("instantly")["blocked"]] == [WORK.lower()]


@pytest.mark.parametrize("status", ["off404", "off405", "off501"])
def test_a_deletion_the_vendor_does_not_offer_is_a_persons(vendors, status):
    in_instantly(in_the_mirror())
    (record,) = store.locate(IDENTITY)
    vendors.sandbox.config(instantly_delete=status)
    with pytest.raises(Unsupported) as missing:
        store.erase(record)
    assert missing.value.capability == Capability.ERASE
    with pytest.raises(Unsupported):
        store.restrict(record, Ground.OBJECTION)
    assert not store.verify_absent(record)


def test_a_deletion_without_effect_is_seen(vendors):
    in_instantly(in_the_mirror())
    (record,) = store.locate(IDENTITY)
    vendors.sandbox.config(instantly_delete_lies=True)
    store.erase(record)
    assert not store.verify_absent(record)


def test_a_list_that_lags_is_waited_for(vendors):
    in_instantly(in_the_mirror())
    (record,) = store.locate(IDENTITY)
    vendors.sandbox.config(instantly_list_lag_seconds=10_000_000.0)
    store.erase(record)
    with pytest.raises(RetryLater):
        store.verify_absent(record)
    vendors.sandbox.config(instantly_list_lag_seconds=0.0)
    assert store.verify_absent(record)


def test_a_vendor_that_is_down_is_asked_later(vendors):
    in_instantly(in_the_mirror())
    (record,) = store.locate(IDENTITY)
    vendors.sandbox.fault("instantly", "502")
    with pytest.raises(RetryLater):
        store.erase(record)


def test_an_objection_takes_the_lead_out_and_its_release_puts_it_back_by_the_usual_way(vendors):
    lead = in_the_mirror()
    in_instantly(lead)
    (record,) = store.locate(IDENTITY)
    store.restrict(record, Ground.OBJECTION)
    store.restrict(record, Ground.OBJECTION)
    assert leads(vendors) == {}
    assert Lead.objects.get().restriction == "objection"
    store.release(record, Ground.OBJECTION)
    MirrorStore().release(Record("mirror", f"lead:{lead.pk}"), Ground.OBJECTION)
    vendors.until(lambda: Handover.objects.filter(system="instantly", status="done").exists())
    (back,) = leads(vendors).values()
    assert (back["email"], Lead.objects.get().instantly_lead_id) == (WORK, back["id"])


def test_one_that_was_never_ours_is_not_put_back_by_itself(vendors):
    in_instantly(EnrichedLeadFactory.build(email_work=OWN), known=False, campaign="other")
    (record,) = store.locate(Identity(emails=(OWN,)))
    store.restrict(record, Ground.OBJECTION)
    with pytest.raises(Unsupported):
        store.release(record, Ground.OBJECTION)


@pytest.mark.parametrize("status", ["in_flight", "unknown"])
def test_a_hand_over_on_its_way_or_that_never_told_is_waited_for(vendors, status):
    lead = in_the_mirror()
    ours = in_instantly(lead)
    Handover.objects.create(lead=lead, system="instantly", status=status, in_flight_since=timezone.now())
    steps = [lambda: store.locate(IDENTITY), lambda: store.erase(Record("instantly", ours))]
    if status == "in_flight":  # one that never told is withheld by the restriction itself
        steps.append(lambda: store.restrict(Record("instantly", ours), Ground.OBJECTION))
    for step in steps:
        with pytest.raises(RetryLater):
            step()
    assert ours in leads(vendors)
