"""Instantly's campaigns: a list in pages, one by its id, and which of them sends."""

import pytest

from enrichment.vendors.errors import Retryable, VendorError

from .scripted import Say

CAMPAIGN = {"id": "c_1", "name": "Outreach", "status": 1}


def test_campaigns_come_in_pages(vendor, instantly):
    vendor.says(
        Say(200, {"items": [CAMPAIGN, {"name": "no id"}, "text"], "next_starting_after": "c_1"}),
        Say(200, {"items": [], "next_starting_after": "c_1"}),
    )
    page, following = instantly.campaigns()
    assert ([each.id for each in page], following) == (["c_1"], "c_1")
    assert vendor.seen[0].path == "/api/v2/campaigns?limit=100"
    assert instantly.campaigns(following) == ([], "")
    assert vendor.seen[1].path == "/api/v2/campaigns?limit=100&starting_after=c_1"


@pytest.mark.parametrize(
    "body", [{}, {"items": None}, {"items": [CAMPAIGN], "next_starting_after": "c_0"}, [], b"<html>"]
)
def test_a_page_that_leads_nowhere_is_an_error(vendor, instantly, body):
    vendor.says(Say(200, body))
    with pytest.raises(VendorError):
        instantly.campaigns("c_0")


@pytest.mark.parametrize(
    ("status", "words", "sends"),
    [
        (1, "Active", True),
        (2, "Paused", False),
        (3, "Completed", False),
        (-99, "Account suspended", False),
        (17, "Status 17", False),
        ("1", "Unknown status", False),
        (None, "Unknown status", False),
        (True, "Unknown status", False),
    ],
)
def test_only_an_active_campaign_sends(vendor, instantly, status, words, sends):
    vendor.says(Say(200, {**CAMPAIGN, "status": status}))
    campaign = instantly.campaign("c_1")
    assert (campaign.name, campaign.status_words, campaign.sends) == ("Outreach", words, sends)


def test_a_campaign_that_is_not_there_is_none_unless_a_proxy_says_so(vendor, instantly):
    vendor.says(Say(404, {"message": "Campaign not found"}))
    assert instantly.campaign("c_1") is None
    vendor.says(Say(404, b"<html>"))
    with pytest.raises(VendorError):
        instantly.campaign("c_1")
    vendor.says(Say(200, {}))
    with pytest.raises(Retryable):
        instantly.campaign("c_1")
