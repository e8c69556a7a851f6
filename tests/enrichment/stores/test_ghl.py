"""GoHighLevel as a store, against the sandbox."""

import pytest
from django.utils import timezone

from enrichment.models import Handover, ServiceHold
from enrichment.stores.ghl import GoHighLevelStore
from enrichment.vendors.connections import close_clients, ghl
from gdpr.identity import Identity
from gdpr.stores import Capability, Ground, Record, RetryLater, Unsupported
from tests.enrichment.stores.planting import IDENTITY, OWN, PHONE, URL, WORK, in_ghl, in_the_mirror
from tests.factories import EnrichedLeadFactory

store = GoHighLevelStore()


def contacts(vendors):
    return {contact["id"]: contact for contact in vendors.sandbox.state("ghl")["contacts"]}


def test_a_contact_is_found_by_its_id_its_e_mails_and_its_phone(vendors):
    lead = in_the_mirror()
    ours = in_ghl(lead)
    own = in_ghl(lead, known=False, email=OWN, phone=None)
    by_phone = in_ghl(lead, known=False, email="somebody@acme.example", phone="+14155550777")
    ghl().update_contact(ours, {"phone": "+14155550100"})
    ghl().update_contact(by_phone, {"phone": PHONE})
    found = {record.key: (record.matched, record.sure) for record in store.locate(Identity(URL))}
    assert found == {
        ours: (("email",), True),
        own: (("email",), True),
        by_phone: (("phone",), False),
    }


def test_an_additional_e_mail_leads_to_its_contact_and_on_to_another(vendors):
    main = in_ghl(EnrichedLeadFactory.build(email_work="main@acme.example"), known=False)
    second = in_ghl(EnrichedLeadFactory.build(email_work="second@acme.example", phone="+14155550188"), known=False)
    ghl().update_contact(main, {"additional_emails": [{"email": OWN}, {"email": "second@acme.example"}]})
    found = {record.key: record.sure for record in store.locate(Identity(emails=(OWN,)))}
    assert found == {main: True, second: False}


def test_a_contact_two_leads_share_is_for_an_officer(vendors):
    lead = in_the_mirror(email_work="sales@acme.example")
    contact = in_ghl(lead)
    EnrichedLeadFactory(email_work="sales@acme.example", ghl_contact_id=contact)
    (record,) = store.locate(IDENTITY)
    assert (record.key, record.sure) == (contact, False)


def test_a_copy_tells_all_a_contact_holds(vendors):
    lead = in_the_mirror()
    in_ghl(lead)
    told = store.export(store.locate(IDENTITY)[0])
    data = {datum.field: datum.value for datum in told.data}
    assert (data["first_name"], data["email"].lower(), data["title"]) == ("Erika", WORK.lower(), lead.title)
    assert told.shares[0].recipient == "GoHighLevel"


def test_a_contact_is_corrected_in_place_with_its_company(vendors):
    lead = in_the_mirror()
    contact = in_ghl(lead)
    ghl().update_contact(contact, {"additional_emails": [{"email": WORK}, {"email": "x@y.example"}]})
    record = store.locate(IDENTITY)[0]
    before = store.rectify(
        record,
        {
            "email_work": "right@acme.example",
            "title": "CRO",
            "company_name": "Right Inc",
            "phone": "4155550155",
        },
    )
    assert (before["title"], before["company_name"], before["phone"]) == (lead.title, "Acme Inc", PHONE)
    stored = contacts(vendors)[contact]
    assert (stored["email"], stored["companyName"], stored["phone"]) == (
        "right@acme.example",
        "Right Inc",
        "+14155550155",
    )
    assert stored["additionalEmails"] == [{"email": "x@y.example"}]
    assert stored["customFields"][0]["value"] == "CRO"
    assert stored["firstName"] == "Erika"


def test_a_contact_is_erased_and_its_absence_read_back(vendors):
    contact = in_ghl(in_the_mirror())
    neighbour = in_ghl(EnrichedLeadFactory(phone="+14155550111"))
    before = contacts(vendors)[neighbour]
    (record,) = store.locate(IDENTITY)
    assert not store.verify_absent(record)
    store.erase(record)
    store.erase(record)
    assert store.verify_absent(record)
    assert contacts(vendors) == {neighbour: before}
    vendors.sandbox.http.post("/_ghl/restore", json={"id": contact}).raise_for_status()
    assert not store.verify_absent(record)


@pytest.mark.parametrize("status", ["off404", "off405", "off501"])
def test_a_deletion_the_vendor_does_not_offer_is_a_persons(vendors, status):
    contact = in_ghl(in_the_mirror())
    (record,) = store.locate(IDENTITY)
    vendors.sandbox.config(ghl_delete=status)
    with pytest.raises(Unsupported) as missing:
        store.erase(record)
    assert missing.value.capability == Capability.ERASE
    assert contact in store.instructions(Capability.ERASE, record)
    assert not store.verify_absent(record)


def test_a_proxys_page_is_no_proof_that_a_contact_is_gone(vendors):
    in_ghl(in_the_mirror())
    (record,) = store.locate(IDENTITY)
    vendors.sandbox.fault("ghl", "html", call="contacts.get", status=404)
    with pytest.raises(Unsupported):
        store.verify_absent(record)


def test_a_deletion_without_effect_is_seen(vendors):
    in_ghl(in_the_mirror())
    (record,) = store.locate(IDENTITY)
    vendors.sandbox.config(ghl_delete_lies=True)
    store.erase(record)
    assert not store.verify_absent(record)


def test_a_search_that_lags_is_waited_for(vendors):
    in_ghl(in_the_mirror())
    (record,) = store.locate(IDENTITY)
    vendors.sandbox.config(ghl_search_lag_seconds=10_000_000.0)
    store.erase(record)
    with pytest.raises(RetryLater):
        store.verify_absent(record)
    vendors.sandbox.config(ghl_search_lag_seconds=0.0)
    assert store.verify_absent(record)


@pytest.mark.parametrize("kind", ["500", "429", "slow", "reset_after_effect"])
def test_a_vendor_that_is_down_is_asked_later(vendors, settings, kind):
    in_ghl(in_the_mirror())
    (record,) = store.locate(IDENTITY)
    close_clients()
    settings.VENDOR_TIMEOUT_SECONDS = 0.2
    vendors.sandbox.fault("ghl", kind, call="contacts.delete", seconds=1000.0)
    with pytest.raises(RetryLater) as later:
        store.erase(record)
    if kind == "429":
        assert later.value.not_before > timezone.now() - timezone.timedelta(seconds=1)
    else:
        assert later.value.not_before is None, "the step's own wait grows, up to six hours"
    assert WORK.lower() not in str(later.value).lower()


def test_a_refused_key_holds_the_vendor_and_its_steps(vendors):
    in_ghl(in_the_mirror())
    vendors.sandbox.fault("ghl", "401", times=1)
    with pytest.raises(RetryLater):
        store.locate(IDENTITY)
    assert ServiceHold.objects.get().system == "ghl"
    with pytest.raises(RetryLater) as later:
        store.locate(IDENTITY)
    assert later.value.not_before is None
    assert WORK.lower() not in str(later.value).lower()


def test_without_a_key_every_step_is_a_persons(vendors, settings):
    settings.GHL_API_KEY = ""
    assert store.capabilities() == frozenset()
    with pytest.raises(Unsupported):
        store.locate(IDENTITY)


def test_without_a_slot_the_step_waits(vendors, settings):
    in_ghl(in_the_mirror())
    settings.GHL_PER_TEN_SECONDS = 0
    with pytest.raises(RetryLater):
        store.locate(IDENTITY)


def test_an_objection_stops_hand_overs_and_disturbance_until_it_is_lifted(vendors):
    lead = in_the_mirror()
    contact = in_ghl(lead)
    ghl().add_tags(contact, ["customer"])
    waiting = Handover.objects.create(lead=lead, system="ghl")
    (record,) = store.locate(IDENTITY)
    for ground in (Ground.OBJECTION, Ground.RESTRICTION, Ground.OBJECTION):
        store.restrict(record, ground)
    stored = contacts(vendors)[contact]
    assert stored["dnd"] is True
    assert sorted(stored["tags"]) == ["customer", "do not contact", "do not process"]
    lead.refresh_from_db()
    waiting.refresh_from_db()
    assert (lead.restriction, waiting.status, waiting.error_kind) == ("both", "withheld", "restricted")
    store.release(record, Ground.RESTRICTION)
    assert contacts(vendors)[contact]["dnd"] is True
    store.release(record, Ground.OBJECTION)
    stored = contacts(vendors)[contact]
    assert (stored["dnd"], stored["tags"]) == (False, ["customer"])


def test_do_not_disturb_that_was_there_before_stays(vendors):
    contact = in_ghl(in_the_mirror())
    ghl().update_contact(contact, {"dnd": True})
    (record,) = store.locate(IDENTITY)
    store.restrict(record, Ground.OBJECTION)
    store.restrict(record, Ground.OBJECTION)
    store.release(record, Ground.OBJECTION)
    stored = contacts(vendors)[contact]
    assert (stored["dnd"], stored["tags"]) == (True, [])


@pytest.mark.parametrize("status", ["in_flight", "unknown"])
def test_a_hand_over_on_its_way_or_that_never_told_is_waited_for(vendors, status):
    lead = in_the_mirror()
    contact = in_ghl(lead)
    Handover.objects.create(lead=lead, system="ghl", status=status, in_flight_since=timezone.now())
    with pytest.raises(RetryLater):
        store.locate(IDENTITY)
    steps = [lambda: store.erase(Record("ghl", contact))]
    if status == "in_flight":  # one that never told is withheld by the restriction itself
        steps.append(lambda: store.restrict(Record("ghl", contact), Ground.OBJECTION))
    for step in steps:
        with pytest.raises(RetryLater):
            step()
    assert contact in contacts(vendors)
