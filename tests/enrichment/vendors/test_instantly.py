import pytest
from pydantic import ValidationError

from enrichment.vendors.errors import NotFound, Paused, Permanent, Retryable, UnknownOutcome

from .scripted import Say

LEAD = {"id": "l_1", "email": "a@acme.example", "campaign": "camp_1", "payload": {"tier": "Tier 1"}}
A, B = {"email": "a@acme.example"}, {"email": "b@acme.example"}


def test_one_lead_goes_to_its_campaign(vendor, instantly):
    vendor.says(Say(200, LEAD))
    lead = instantly.add_lead(
        {**A, "job_title": "VP", "custom_variables": {"score": 95, "none": None}, "skip_if_in_campaign": True}, "camp_1"
    )
    assert (lead.id, lead.payload, lead.raw) == ("l_1", {"tier": "Tier 1"}, LEAD)
    assert vendor.seen[0].path == "/api/v2/leads"
    assert vendor.seen[0].body == {
        "campaign": "camp_1",
        "email": "a@acme.example",
        "job_title": "VP",
        "custom_variables": {"score": 95, "none": None},
        "skip_if_in_campaign": True,
    }


@pytest.mark.parametrize("value", [["a"], {"a": 1}, float("nan")])
def test_custom_variables_are_plain_values(vendor, instantly, value):
    with pytest.raises(ValidationError):
        instantly.add_lead({**A, "custom_variables": {"x": value}}, "camp_1")
    assert vendor.seen == []


def test_many_leads(vendor, instantly):
    created = [{"index": 1, "id": "l_2", "email": "B@acme.example"}]
    vendor.says(Say(200, {"leads_uploaded": 1, "duplicated_leads": 1, "created_leads": created}))
    result = instantly.add_leads([A, B], "camp_1")
    assert [(lead.index, lead.id) for lead in result.created] == [(1, "l_2")]
    assert result.counters == {"leads_uploaded": 1, "duplicated_leads": 1}
    assert vendor.seen[0].body == {"campaign_id": "camp_1", "leads": [A, B]}
    with pytest.raises(ValueError, match="1000"):
        instantly.add_leads([A] * 1001, "camp_1")


@pytest.mark.parametrize(
    ("created", "index"),
    [({"id": "l", "email": "b@acme.example"}, 1), ({"id": "l", "index": 0, "email": "b@acme.example"}, 1)],
)
def test_the_address_decides_over_the_index(vendor, instantly, created, index):
    vendor.says(Say(200, {"created_leads": [created]}))
    assert instantly.add_leads([A, B], "camp_1").created[0].index == index


@pytest.mark.parametrize(
    "created",
    [
        "x",
        [{"id": "l"}],
        [{"index": 0}],
        [{"id": "l", "index": 9}],
        [{"id": "l", "index": 0, "email": "other@acme.example"}],
        [{"id": "l", "index": 0}, {"id": "m", "index": 0}],
    ],
)
def test_leads_that_cannot_be_matched_are_unknown(vendor, instantly, created):
    vendor.says(Say(200, {"created_leads": created}))
    with pytest.raises(UnknownOutcome):
        instantly.add_leads([A, B], "camp_1")


def test_find_by_address_stops_at_an_empty_page(vendor, instantly):
    vendor.says(
        Say(200, {"items": [LEAD], "next_starting_after": "x"}),
        Say(200, {"items": [], "next_starting_after": "y"}),
    )
    page = instantly.list_leads("a@acme.example")
    assert ([lead.id for lead in page.items], page.next_starting_after) == (["l_1"], "x")
    last = instantly.list_leads("a@acme.example", starting_after="x")
    assert (last.items, last.next_starting_after) == ([], None)
    assert vendor.seen[1].body == {"contacts": ["a@acme.example"], "limit": 100, "starting_after": "x"}
    vendor.says(Say(200, {}))
    with pytest.raises(Retryable):
        instantly.list_leads("a@acme.example")
    with pytest.raises(ValueError, match="e-mail"):
        instantly.list_leads(" ")


def test_delete_sends_no_content_type(vendor, instantly):
    vendor.says(Say(200, LEAD))
    assert instantly.delete_lead("l_1") is True
    (seen,) = vendor.seen
    assert (seen.method, seen.path, seen.body) == ("DELETE", "/api/v2/leads/l_1", None)
    assert "content-type" not in seen.headers


def test_absent_is_the_vendors_word_only(vendor, instantly):
    vendor.says(Say(404, {"statusCode": 404, "error": "Not Found", "message": "gone"}))
    assert instantly.get_lead("l_1") is None
    assert instantly.delete_lead("l_1") is False
    vendor.says(Say(404, b""))
    with pytest.raises(NotFound):
        instantly.delete_lead("l_1")


def test_the_address_cannot_be_patched(vendor, instantly):
    vendor.says(Say(200, LEAD))
    assert instantly.patch_lead("l_1", {"first_name": "K"}).id == "l_1"
    assert vendor.seen[0].body == {"first_name": "K"}
    with pytest.raises(ValidationError):
        instantly.patch_lead("l_1", {"email": "new@acme.example"})


def test_block_list_and_no_paid_plan(vendor, instantly):
    vendor.says(Say(200, {"id": "b_1"}))
    assert instantly.block_list_entry("a@acme.example") == "b_1"
    assert vendor.seen[0].body == {"bl_value": "a@acme.example"}
    vendor.says(Say(402, {"statusCode": 402, "error": "Payment Required", "message": "no plan"}))
    with pytest.raises(Paused):
        instantly.block_list_entry("a@acme.example")
    vendor.says(Say(404, {"message": "x"}))
    with pytest.raises(Permanent):
        instantly.block_list_entry("a@acme.example")
