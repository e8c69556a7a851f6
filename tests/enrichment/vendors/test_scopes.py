"""What a key may do: one call for each scope, none of which changes anything, and what each answer says."""

import pytest

from enrichment.models import Finding
from enrichment.vendors import scopes as vendor_scopes
from enrichment.vendors import vendor_health
from enrichment.vendors.gohighlevel.scopes import scopes as ghl_scopes
from enrichment.vendors.instantly.scopes import scopes as instantly_scopes

from .scripted import RESET, Say

NO_SCOPE = Say(401, {"statusCode": 401, "message": "The token is not authorized for this scope."})
BAD_KEY = Say(401, {"statusCode": 401, "message": "Invalid JWT"})
NOT_HERE = Say(403, {"message": "The token does not have access to this location."})
GOOD = Say(200, {"items": []})


def free() -> None:
    """There is always a slot."""


def findings(scopes):
    return {each.scope.name: each.finding for each in vendor_scopes.examine(scopes, free)}


@pytest.mark.parametrize(
    ("say", "finding"),
    [
        (GOOD, Finding.OK),
        (Say(404, {"message": "Contact not found"}), Finding.OK),
        (Say(400, {"message": "bad"}), Finding.OK),
        (Say(422, {"message": ["name should not be empty"]}), Finding.OK),
        (NO_SCOPE, Finding.MISSING),
        (Say(403, {"message": "Forbidden resource"}), Finding.MISSING),
        (BAD_KEY, Finding.REJECTED),
        (NOT_HERE, Finding.NO_ACCESS),
        (Say(403, {"message": "quota exceeded"}), Finding.UNKNOWN),
        (Say(404, {"message": "Cannot PUT /contacts/x"}), Finding.UNKNOWN),
        (Say(404, b"<html>"), Finding.UNKNOWN),
        (Say(500, {"message": "oops"}), Finding.UNKNOWN),
        (Say(503, b""), Finding.UNKNOWN),
        (Say(fault=RESET), Finding.UNKNOWN),
    ],
)
def test_what_an_answer_says(vendor, ghl, say, finding):
    vendor.says(say)
    result = vendor_scopes.examine(ghl_scopes(ghl)[:1], free)[0]
    assert result.finding == finding
    assert len(vendor.seen) == 1


def test_a_refused_call_beside_a_good_one_lacks_its_scope(vendor, ghl):
    vendor.says(BAD_KEY, GOOD, BAD_KEY)
    assert list(findings(ghl_scopes(ghl)).values())[:3] == [Finding.MISSING, Finding.OK, Finding.MISSING]


def test_after_a_429_nothing_more_is_asked(vendor, ghl):
    vendor.says(GOOD, Say(429, {"message": "slow down"}, {"Retry-After": "1"}), GOOD)
    assert list(findings(ghl_scopes(ghl)).values()) == [Finding.OK, *[Finding.UNKNOWN] * 4]
    assert len(vendor.seen) == 2


def test_gohighlevel_is_asked_for_each_right_with_a_record_that_does_not_exist(vendor, ghl):
    vendor.says(Say(404, {"message": "not found"}))
    assert set(findings(ghl_scopes(ghl)).values()) == {Finding.OK}
    assert [(seen.method, seen.path.partition("?")[0], seen.body) for seen in vendor.seen] == [
        ("GET", "/contacts/search/duplicate", None),
        ("PUT", "/contacts/swarm-admin-connection-test", {}),
        ("GET", "/locations/loc_1/customFields", None),
        ("PUT", "/locations/loc_1/customFields/swarm-admin-connection-test", {}),
        ("GET", "/locations/loc_1", None),
    ]


def test_instantly_is_asked_without_a_lead_and_never_deletes_the_collection(vendor, instantly):
    vendor.says(Say(404, {"message": "not found"}))
    assert set(findings(instantly_scopes(instantly)).values()) == {Finding.OK}
    nobody = "00000000-0000-0000-0000-000000000000"
    assert [(seen.method, seen.path) for seen in vendor.seen] == [
        ("POST", "/api/v2/leads/list"),
        ("POST", "/api/v2/leads/add"),
        ("PATCH", f"/api/v2/leads/{nobody}"),
        ("DELETE", f"/api/v2/leads/{nobody}"),
        ("GET", "/api/v2/campaigns?limit=1"),
        ("POST", "/api/v2/block-lists-entries"),
    ]
    assert vendor.seen[1].body == {"campaign_id": nobody, "leads": []}
    assert vendor.seen[5].body == {}


def test_a_refusal_that_was_asked_for_is_no_trouble_of_the_vendor(vendor, ghl):
    vendor.says(GOOD, NO_SCOPE, Say(422, {"message": ["x"]}))
    findings(ghl_scopes(ghl))
    [health] = vendor_health.call_health("ghl")
    assert (health.counts, health.last_bad) == ({"200": 1}, None)
