"""Connect Instantly, by persona, against the sandbox."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from enrichment.connections.instantly import setup
from enrichment.models import Connection, ServiceHold
from enrichment.vendors.connections import close_clients
from enrichment.vendors.errors import Misconfigured, Recovery
from enrichment.vendors.instantly import chosen
from gdpr.models import AuditEvent
from tests.factories import EnrichedLeadFactory
from tests.plugins.sandbox import Sandbox

PAGE = "/connections/instantly/"
CAMPAIGN = f"{PAGE}campaign/"
WRITES = (f"{PAGE}scopes/", f"{CAMPAIGN}check/", CAMPAIGN)


def post(client: Client, address: str, **values: str) -> str:
    """The page that follows."""
    return client.post(address, values, follow=True).content.decode()


def test_who_may_look(
    sales_client: Client, compliance_client: Client, admin_client: Client, nobody_client: Client
) -> None:
    clients = (sales_client, compliance_client, admin_client, nobody_client)
    assert [each.get(PAGE).status_code for each in clients] == [200, 200, 200, 403]
    assert [each.get(CAMPAIGN).status_code for each in (sales_client, nobody_client)] == [403, 403]
    assert Client().get(PAGE).status_code == 302


@pytest.mark.parametrize("address", WRITES)
def test_who_may_not_change(sales_client: Client, nobody_client: Client, address: str) -> None:
    assert [each.post(address).status_code for each in (sales_client, nobody_client)] == [403, 403]
    assert Client().post(address).status_code == 302


def test_who_may_not_is_told_why(sales_client: Client, crm: Sandbox) -> None:
    page = sales_client.get(PAGE).content.decode()
    assert "have permission to manage connections" in page
    assert f'href="{CAMPAIGN}"' not in page


def test_the_default_campaign_is_shown_as_such_and_unchecked(admin_client: Client, crm: Sandbox) -> None:
    page = admin_client.get(PAGE).content.decode()
    assert "INSTANTLY_CAMPAIGN_ID, the default" in page
    assert "0 of 3 steps done." in page
    assert "<code>job_title</code>" in page
    assert "<code>tech_stack</code>" in page
    assert not crm.stats()["instantly"]["requests"]


def test_scopes_are_tested_without_a_trace(admin_client: Client, crm: Sandbox) -> None:
    crm.instantly.post("/leads", json={"campaign": "first", "email": "ada@acme.example"}).raise_for_status()
    assert "Instantly: 6 of 6 scopes work." in post(admin_client, WRITES[0])
    assert len(crm.state("instantly")["leads"]) == 1
    assert not crm.state("instantly")["blocked"]
    crm.config(instantly_missing_scopes=["leads:update", "block_list_entries:create"])
    page = post(admin_client, WRITES[0])
    assert "Add leads:update to the API key" in page
    assert "1 missing" in page


def test_a_rejected_key(admin_client: Client, crm: Sandbox, settings: Any) -> None:
    settings.INSTANTLY_API_KEY = "wrong"
    close_clients()
    assert "Instantly rejected the key." in post(admin_client, WRITES[0])
    assert "The campaigns weren&#x27;t listed" in admin_client.get(CAMPAIGN, follow=True).content.decode()


def test_a_key_that_cannot_be_sent_is_said_to_be_wrong(admin_client: Client, crm: Sandbox, settings: Any) -> None:
    settings.INSTANTLY_API_KEY = "kéy"
    close_clients()
    assert [("bad_key" in post(admin_client, address, campaign="second")) for address in WRITES] == [True] * 3


def test_the_list_says_what_each_campaign_does_and_what_becomes_of_the_leads(
    admin_client: Client, crm: Sandbox
) -> None:
    EnrichedLeadFactory(instantly_lead_id="l_1")
    page = admin_client.get(CAMPAIGN).content.decode()
    assert page.index("Outreach") < page.index("Founders") < page.index("Spring")
    assert "nobody is written to until it is resumed" in page
    assert "lead already added stays in its campaign" in page


def test_campaigns_are_read_page_by_page(admin_client: Client, crm: Sandbox) -> None:
    many = {f"c_{n:03}": {"name": f"Campaign {n}", "status": 1} for n in range(230)}
    crm.config(instantly_campaigns=many)
    assert admin_client.get(CAMPAIGN).content.decode().count('name="campaign"') == 231
    assert crm.stats()["instantly"]["calls"]["campaigns.list"]["requests"] == 3


def test_an_admin_chooses_and_it_is_audited(admin_client: Client, crm: Sandbox) -> None:
    page = post(admin_client, CAMPAIGN, campaign="second")
    assert "New leads now go to Founders. Active. New leads are written to." in page
    assert "An admin, here" in page
    assert chosen.campaigns() == chosen.OurCampaigns("second", frozenset({"first"}))
    assert AuditEvent.objects.get(verb="choose_campaign").reason == "first → second"
    assert "New leads already go to Founders." in post(admin_client, CAMPAIGN, campaign="second")
    post(admin_client, CAMPAIGN, campaign="first")
    assert Connection.objects.get(system="instantly").campaign_id == ""  # the default again, wherever it goes
    assert chosen.campaigns() == chosen.OurCampaigns("first", frozenset({"second"}))


@pytest.mark.parametrize("campaign", ["", "nobody", "..", "x" * 200, "../leads"])
def test_what_is_no_campaign_is_not_chosen(admin_client: Client, crm: Sandbox, campaign: str) -> None:
    assert "Instantly has no such campaign." in post(admin_client, CAMPAIGN, campaign=campaign)
    assert not Connection.objects.filter(campaign_id=campaign).exclude(campaign_id="").exists()
    assert chosen.campaigns().current == "first"


def test_a_paused_and_a_deleted_campaign_say_so(admin_client: Client, crm: Sandbox) -> None:
    post(admin_client, CAMPAIGN, campaign="third")
    assert "Needs attention: Campaign." in admin_client.get(PAGE).content.decode()
    crm.config(instantly_campaigns={})
    page = post(admin_client, WRITES[1])
    assert "Instantly has no such campaign. It may have been deleted" in page
    assert "Not found" in page


def test_a_check_of_another_campaign_says_nothing_of_the_one_in_use(
    admin_client: Client, crm: Sandbox, settings: Any
) -> None:
    assert "Active. New leads are written to." in post(admin_client, WRITES[1])
    settings.INSTANTLY_CAMPAIGN_ID = "second"
    assert "Active. New leads" not in admin_client.get(PAGE).content.decode()


def test_without_a_campaign_nothing_can_be_added_until_one_is_chosen(
    admin_client: Client, crm: Sandbox, settings: Any
) -> None:
    settings.INSTANTLY_CAMPAIGN_ID = ""
    with pytest.raises(Misconfigured):
        chosen.campaign_id()
    assert "No campaign is chosen, so no lead is added" in admin_client.get(PAGE).content.decode()
    assert "No campaign is chosen." in post(admin_client, WRITES[1])
    hold = ServiceHold.objects.create(system="instantly", reason=Recovery.CHECK_ADDRESS, since=timezone.now())
    post(admin_client, CAMPAIGN, campaign="second")
    hold.refresh_from_db()
    assert hold.lifted_at
    assert chosen.campaign_id() == "second"
    assert setup.chosen_campaign().name == "Founders"
