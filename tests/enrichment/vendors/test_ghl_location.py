"""GoHighLevel's location: its name, its custom fields, and fields that go by their ids."""

import pytest

from enrichment.vendors.errors import Misconfigured, Permanent, UnknownOutcome, VendorError
from enrichment.vendors.gohighlevel import custom_fields
from enrichment.vendors.gohighlevel.custom_fields import FieldState
from enrichment.vendors.gohighlevel.fields import CUSTOM, stored_values
from enrichment.vendors.gohighlevel.location import CustomFieldDefinition

from .scripted import Say

FIELD = {"id": "f_1", "name": "ICP tier", "fieldKey": "contact.icp_tier", "dataType": "TEXT", "model": "contact"}


def definition(**values):
    return CustomFieldDefinition.model_validate({**FIELD, **values})


def test_the_location_tells_its_name(vendor, ghl):
    vendor.says(Say(200, {"location": {"id": "loc_1", "name": "Sales"}}))
    assert ghl.location_name() == "Sales"
    assert (vendor.seen[0].method, vendor.seen[0].path) == ("GET", "/locations/loc_1")


def test_only_fields_of_contacts_are_listed_and_what_is_no_field_is_left_out(vendor, ghl):
    others = [{"id": "f_2", "model": "opportunity"}, {"name": "no id"}, "text", None, {"id": 7, "name": 9}]
    vendor.says(Say(200, {"customFields": [FIELD, *others]}))
    assert [(field.id, field.name) for field in ghl.custom_fields()] == [("f_1", "ICP tier"), ("7", "9")]
    assert vendor.seen[0].path == "/locations/loc_1/customFields?model=contact"


@pytest.mark.parametrize("body", [{}, {"customFields": {}}, [], b"<html>"])
def test_an_answer_without_a_list_is_no_empty_list(vendor, ghl, body):
    vendor.says(Say(200, body))
    with pytest.raises(VendorError):
        ghl.custom_fields()


def test_a_field_is_created_with_its_type(vendor, ghl):
    vendor.says(Say(201, {"customField": FIELD}))
    assert ghl.create_custom_field("ICP tier", "TEXT").id == "f_1"
    assert vendor.seen[0].body == {"name": "ICP tier", "dataType": "TEXT", "model": "contact"}


@pytest.mark.parametrize("say", [Say(201, {}), Say(422, {"message": ["taken"]}), Say(502, b""), Say(200, b"{")])
def test_after_an_unclear_answer_a_field_may_be_there(vendor, ghl, say):
    vendor.says(say)
    with pytest.raises(UnknownOutcome):
        ghl.create_custom_field("ICP tier", "TEXT")
    assert len(vendor.seen) == 1


def test_a_location_that_is_not_there_is_a_wrong_setting(vendor, ghl):
    vendor.says(Say(404, {"message": "Location not found"}))
    with pytest.raises(Misconfigured):
        ghl.custom_fields()


def test_fields_that_are_known_go_by_their_ids_and_come_back_by_our_names(vendor, ghl):
    ghl.field_ids = {"icp_tier": "f_1"}
    answered = [{"id": "f_1", "value": "Tier 1"}, {"id": "f_9", "value": "theirs"}, {"id": ["odd"]}, "odd"]
    vendor.says(Say(200, {"contact": {"id": "c_1", "email": "a@acme.example", "customFields": answered}}))
    fields = [{"key": "icp_tier", "field_value": "Tier 1"}, {"key": "title", "field_value": "VP"}]
    contact = ghl.upsert_contact({"email": "a@acme.example", "custom_fields": fields}).contact
    assert vendor.seen[0].body["customFields"] == [
        {"id": "f_1", "field_value": "Tier 1"},
        {"key": "title", "field_value": "VP"},
    ]
    assert contact.raw["customFields"] == answered
    assert stored_values(contact, {"icp_tier": "Tier 1", "title": "VP"}) == {"icp_tier": "Tier 1", "title": None}
    ghl.update_contact("c_1", {"custom_fields": fields[:1]})
    assert vendor.seen[1].body == {"customFields": [{"id": "f_1", "field_value": "Tier 1"}]}


def test_without_ids_fields_go_by_their_keys(vendor, ghl):
    vendor.says(Say(400, {"message": "no"}))
    fields = [{"key": "icp_tier", "field_value": "Tier 1"}]
    with pytest.raises(Permanent):
        ghl.upsert_contact({"email": "a@acme.example", "custom_fields": fields})
    assert vendor.seen[0].body["customFields"] == fields


# ---------------------------------------------------------------- ours against theirs


@pytest.mark.parametrize("name", CUSTOM)
def test_the_name_of_a_field_gives_the_key_that_is_sent(name):
    assert custom_fields.label(name).lower().replace(" ", "_") == name


def state_of(name, listed, known=None):
    [report] = [each for each in custom_fields.compare(listed, known or {}) if each.name == name]
    return report


def test_what_is_not_there_is_missing():
    reports = custom_fields.compare([definition()], {})
    assert {each.state for each in reports if each.name != "icp_tier"} == {FieldState.MISSING}
    assert custom_fields.ids(reports) == {"icp_tier": "f_1"}


@pytest.mark.parametrize(
    ("name", "data_type", "state"),
    [
        ("icp_tier", "LARGE_TEXT", "ready"),
        ("icp_tier", "NUMERICAL", "wrong_type"),
        ("icp_tier", "SINGLE_OPTIONS", "wrong_type"),
        ("icp_score", "TEXT", "ready"),
        ("icp_score", "NUMERICAL", "ready"),
        ("icp_score", "DATE", "wrong_type"),
        ("icp_score", "", "wrong_type"),
    ],
)
def test_a_type_has_to_hold_what_is_sent(name, data_type, state):
    report = state_of(name, [definition(fieldKey=f"contact.{name}", dataType=data_type)])
    assert report.state == state
    assert bool(custom_fields.ids([report])) == (state == "ready")


def test_of_two_like_it_the_one_of_our_key_is_used_unless_another_was_before():
    ours, other = definition(), definition(id="f_2", fieldKey="contact.icp_tier_1", name="ICP Tier")
    report = state_of("icp_tier", [other, ours])
    assert (report.state, report.found.id, report.others) == ("doubled", "f_1", ("ICP Tier",))
    assert state_of("icp_tier", [ours, other], {"icp_tier": "f_2"}).found.id == "f_2"


def test_a_field_is_known_by_its_id_whatever_it_is_called_now():
    renamed = definition(name="Priority", fieldKey="contact.priority")
    assert state_of("icp_tier", [renamed]).state == "missing"
    assert state_of("icp_tier", [renamed], {"icp_tier": "f_1"}).state == "ready"
