"""A Clay table in a browser, from nothing to a row that came back: what is pasted into Clay is copied from the page."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from enrichment.models import ClaySource, Lead, Verdict, WebhookDelivery
from enrichment.pipeline.receive import reading
from enrichment.vendors.clay import chosen
from swarm_admin.access.models import User
from swarm_admin.access.roles import ADMIN, SALES_OPS
from tests.e2e.conftest import PHONE
from tests.plugins.sandbox import KEYS, Sandbox, wait_for

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = "token-that-clay-shows-once"


@pytest.fixture
def clay(sandbox: Sandbox, live_server: Any, settings: Any) -> Sandbox:
    """A workbook with a webhook, whose table nobody has set up; it reaches us at the live server."""
    settings.BASE_URL = live_server.url
    settings.CLAY_CONNECTOR = "rows-api"
    settings.CLAY_WEBHOOK_SECRET = "secret-of-the-webhooks"
    settings.CLAY_WORKSPACE_ID = KEYS["clay_workspace_id"]
    sandbox.control("PUT", "sources/from-nothing", table="t_new", token=TOKEN)
    return sandbox


def copied(page: Page, name: str) -> str:
    page.get_by_role("button", name=f"Copy {name}").click()
    expect(page.get_by_role("button", name=f"Copied {name}")).to_be_visible()
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def set_up_column(page: Page, clay: Sandbox) -> None:
    """In Clay, as the page says: address, headers and body of the HTTP API column."""
    page.get_by_role("button", name="Show the secret").click()
    headers = json.loads(copied(page, "the headers"))
    callback = {"url": copied(page, "the endpoint"), "headers": headers, "body": copied(page, "the body")}
    clay.control("PUT", "tables/t_new", callback=callback)


def test_a_table_is_connected_from_nothing_to_a_row_that_came_back(
    page: Page,
    sign_in: Callable[[str], User],
    clay: Sandbox,
    assert_accessible: Callable[[], None],
    assert_fits: Callable[[], None],
) -> None:
    sign_in(ADMIN)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/connections/")
    page.get_by_role("link", name="Connect Clay").click()
    assert_accessible()
    page.get_by_role("link", name="Set up Clay table").click()
    expect(page.get_by_text("Not in use yet.")).to_be_visible()
    page.get_by_label("Webhook address").fill(f"{clay.url}/clay/v3/sources/webhook/from-nothing")
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_label("Table name in Clay").fill("New leads")
    page.get_by_role("button", name="Add source").click()
    expect(page.get_by_text("0 of 50,000 submissions")).to_be_visible()
    set_up_column(page, clay)
    assert_accessible()

    page.get_by_label("LinkedIn URL").fill("linkedin.com/in/ada-one")
    page.get_by_label("First name").fill("Ada")
    page.get_by_role("button", name="Send test row").click()
    expect(page.locator("#test-row")).to_contain_text("Acknowledged by Clay")
    wait_for(WebhookDelivery.objects.exists)
    reading.run_due()
    expect(page.get_by_text("The connection works.")).to_be_visible()
    assert WebhookDelivery.objects.get().verdict == Verdict.TEST
    assert not Lead.objects.exists()
    expect(page.get_by_text("Enriched and came back")).to_be_visible()
    assert TOKEN not in page.content()
    assert_accessible()

    page.get_by_role("link", name="Use this…").click()
    expect(page.get_by_text("Nothing is on its way.")).to_be_visible()
    page.get_by_role("button", name="Use Clay table").click()
    expect(page.get_by_text("In use.", exact=True)).to_be_visible()
    assert chosen.connector_slug() == "table"
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    for address in ("/connections/clay/table/", "/connections/clay/", "/connections/"):
        page.goto(address)
        assert_fits()
        assert_accessible()


def test_a_wrong_token_is_told_in_place_and_mended(page: Page, sign_in: Callable[[str], User], clay: Sandbox) -> None:
    source = ClaySource.objects.create(
        name="New leads", url=f"{clay.url}/clay/v3/sources/webhook/from-nothing", life=50_000
    )
    sign_in(ADMIN)
    page.goto("/connections/clay/table/")
    page.get_by_label("LinkedIn URL").fill("linkedin.com/in/ada-one")
    page.get_by_role("button", name="Send test row").click()
    expect(page.locator("#test-row")).to_contain_text("Clay asks for a token (401)")
    page.get_by_role("link", name="Edit New leads").click()
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Save").click()
    page.get_by_label("LinkedIn URL").fill("linkedin.com/in/ada-one")
    page.get_by_role("button", name="Send test row").click()
    expect(page.locator("#test-row")).to_contain_text("waiting")
    source.refresh_from_db()
    assert source.taken == 1


def test_whoever_may_not_change_it_may_read_it(
    page: Page, sign_in: Callable[[str], User], clay: Sandbox, assert_accessible: Callable[[], None]
) -> None:
    sign_in(SALES_OPS)
    page.goto("/connections/clay/table/")
    expect(page.get_by_role("button", name="Send test row")).to_have_attribute("aria-disabled", "true")
    assert_accessible()
