import pytest
from pydantic import ValidationError

from enrichment.vendors.errors import NotFound, Permanent, Retryable, UnknownOutcome
from enrichment.vendors.gohighlevel.client import ContactIn

from .scripted import Say

CONTACT = {"id": "c_1", "email": "J@acme.example", "phone": "+1 415 555 1234", "tags": None, "firstName": "J"}


def test_upsert(vendor, ghl):
    vendor.says(Say(200, {"new": True, "contact": CONTACT, "traceId": "tr"}))
    sent = {
        "first_name": "J",
        "email": "j@acme.example",
        "phone": "+14155551234",
        "company_name": "Acme",
        "custom_fields": [{"key": "icp_score", "field_value": 95}],
    }
    result = ghl.upsert_contact(sent)
    assert (result.new, result.contact.id, result.trace_id, result.differs) == (True, "c_1", "tr", ())
    assert (result.contact.first_name, result.contact.tags, result.contact.raw) == ("J", [], CONTACT)
    (seen,) = vendor.seen
    assert (seen.method, seen.path, seen.headers["version"]) == ("POST", "/contacts/upsert", "2021-07-28")
    assert seen.body == {
        "locationId": "loc_1",
        "firstName": "J",
        "email": "j@acme.example",
        "phone": "+14155551234",
        "companyName": "Acme",
        "customFields": [{"key": "icp_score", "field_value": 95}],
    }


def test_a_silently_dropped_field_is_told(vendor, ghl):
    vendor.says(Say(200, {"contact": {**CONTACT, "phone": None}}))
    result = ghl.upsert_contact({"email": "j@acme.example", "phone": "+14155551234"})
    assert (result.differs, result.new) == (("phone",), None)


def test_tags_are_never_sent_with_the_contact(vendor, ghl):
    for bad in ({"email": "a@b.example", "tags": ["x"]}, {"first_name": "nobody to find"}):
        with pytest.raises(ValidationError):
            ghl.upsert_contact(bad)
    with pytest.raises(ValidationError):
        ghl.update_contact("c_1", {"company_name": "Acme"})
    with pytest.raises(ValidationError):
        ContactIn(email="a@b.example", custom_fields=[{"id": "1", "key": "k", "field_value": "x"}])
    assert vendor.seen == []


@pytest.mark.parametrize(
    "answer", [Say(422, {"message": ["phone bad"]}), Say(200, {"contact": None}), Say(200, b"<html>")]
)
def test_an_upsert_that_may_have_created_is_unknown(vendor, ghl, answer):
    vendor.says(answer)
    with pytest.raises(UnknownOutcome):
        ghl.upsert_contact({"email": "a@b.example"})


def test_a_duplicate_names_its_contact(vendor, ghl):
    vendor.says(Say(400, {"statusCode": 400, "message": "duplicate", "meta": {"contactId": "c_2"}}))
    with pytest.raises(Permanent) as caught:
        ghl.upsert_contact({"email": "a@b.example"})
    assert caught.value.contact_id == "c_2"


def test_find_duplicate(vendor, ghl):
    vendor.says(Say(200, {"contact": CONTACT}), Say(200, {"contact": None}), Say(200, {}))
    found = ghl.find_duplicate(email="a+b@acme.example", number="+1415")
    assert found is not None
    assert found.id == "c_1"
    assert vendor.seen[0].path == (
        "/contacts/search/duplicate?locationId=loc_1&email=a%2Bb%40acme.example&number=%2B1415"
    )
    assert ghl.find_duplicate(number="+1415") is None
    with pytest.raises(Retryable):
        ghl.find_duplicate(number="+1415")
    with pytest.raises(ValueError, match="needs"):
        ghl.find_duplicate()


def test_get_update_delete_and_tags(vendor, ghl):
    vendor.says(Say(200, {"contact": CONTACT}))
    assert ghl.get_contact("c_1").email == "J@acme.example"
    vendor.says(Say(200, {"succeded": True, "contact": CONTACT}))
    ghl.update_contact("c_1", {"first_name": "K"})
    assert (vendor.seen[-1].method, vendor.seen[-1].body) == ("PUT", {"firstName": "K"})
    assert ghl.delete_contact("c_1") is True
    ghl.add_tags("c_1", ["Tier 1"])
    assert (vendor.seen[-1].method, vendor.seen[-1].body) == ("POST", {"tags": ["Tier 1"]})
    ghl.remove_tags("c_1", ["Tier 1"])
    assert (vendor.seen[-1].method, vendor.seen[-1].body) == ("DELETE", {"tags": ["Tier 1"]})


def test_absent_is_the_vendors_word_only(vendor, ghl):
    vendor.says(Say(404, {"statusCode": 404, "message": "Contact not found"}))
    assert ghl.get_contact("c_1") is None
    assert ghl.delete_contact("c_1") is False
    with pytest.raises(NotFound):
        ghl.update_contact("c_1", {"first_name": "K"})
    vendor.says(Say(404, b"<html>not here</html>"))
    for ask in (ghl.get_contact, ghl.delete_contact):
        with pytest.raises(NotFound):
            ask("c_1")


def test_a_deletion_that_did_not_succeed_is_no_success(vendor, ghl):
    vendor.says(Say(200, {"succeded": False}))
    with pytest.raises(Retryable):
        ghl.delete_contact("c_1")
