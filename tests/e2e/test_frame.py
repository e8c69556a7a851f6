"""The frame in a real browser: colours, keys, phone, accessibility, an expired session."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from swarm_admin.access.roles import ADMIN, SALES_OPS
from tests.e2e.conftest import PASSWORD, PHONE
from tests.factories import LeadFactory

THEME = "document.documentElement.dataset.bsTheme"
Check = Callable[[], None]
SignIn = Callable[[str], object]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("address", ["/", "/connections/", "/account/2fa/", "/account/sessions/"])
def test_pages_are_accessible_and_fit(
    page: Page, sign_in: SignIn, assert_accessible: Check, assert_fits: Check, address: str, theme: str
) -> None:
    sign_in(ADMIN)
    page.emulate_media(color_scheme=theme)
    page.goto(address)
    assert page.evaluate(THEME) == theme
    assert_accessible()
    page.set_viewport_size(PHONE)
    assert_accessible()
    assert_fits()


def test_login_is_accessible_and_leads_on(page: Page, sign_in: SignIn, assert_accessible: Check) -> None:
    sign_in(SALES_OPS)
    page.context.clear_cookies()
    page.goto("/connections/")
    assert_accessible()
    page.locator("[name=login]").fill("sales.ops@example.com")
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Connections")


def test_the_chosen_theme_is_remembered(page: Page, sign_in: SignIn) -> None:
    sign_in(SALES_OPS)
    page.goto("/")
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate(THEME) == "dark"
    page.reload()
    assert page.evaluate(THEME) == "dark"


def test_keys_jump_help_and_find(page: Page, sign_in: SignIn, assert_accessible: Check) -> None:
    sign_in(SALES_OPS)
    LeadFactory(first_name="Zofia", last_name="Kowalska")
    page.goto("/")
    page.keyboard.press("g")
    page.keyboard.press("c")
    expect(page.get_by_role("heading", level=1)).to_have_text("Connections")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    assert_accessible()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.keyboard.type("zof kow")
    expect(page.get_by_role("option", name=re.compile("Zofia Kowalska"))).to_be_visible()
    assert_accessible()


def test_the_overview_moves_by_itself_and_keeps_its_nodes(page: Page, sign_in: SignIn) -> None:
    sign_in(SALES_OPS)
    LeadFactory()
    page.goto("/")
    received = page.locator(".figure", has_text="Received").locator(".figure-value")
    expect(received).to_have_text("1")
    page.evaluate("window.kept = document.querySelector('.funnel li')")
    LeadFactory.create_batch(2)
    expect(received).to_have_text("3")
    assert page.evaluate("window.kept.isConnected")


def test_an_expired_session_goes_to_the_login(page: Page, sign_in: SignIn) -> None:
    sign_in(SALES_OPS)
    page.goto("/")
    page.context.clear_cookies()
    page.wait_for_url("**/account/login/?next=%2F")


def test_the_menu_of_the_phone_opens(page: Page, sign_in: SignIn, assert_accessible: Check) -> None:
    sign_in(SALES_OPS)
    page.set_viewport_size(PHONE)
    page.goto("/")
    link = page.locator("#side").get_by_role("link", name="Connections")
    expect(link).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    assert_accessible()
    link.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Connections")
