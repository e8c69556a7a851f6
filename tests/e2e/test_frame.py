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


def test_a_toast_stays_while_it_is_read_and_goes_then(page: Page, sign_in: SignIn, assert_accessible: Check) -> None:
    sign_in(SALES_OPS)
    page.goto("/")
    page.clock.install()
    page.evaluate("toast('Two leads are delivered.', 'success')")
    note = page.locator("#toasts .toast-success")
    expect(note).to_contain_text("Two leads are delivered.")
    expect(note).to_have_css("opacity", "1")  # it fades in
    assert_accessible()
    page.clock.run_for(1_000)
    note.hover()
    page.clock.run_for(60_000)
    expect(note).to_be_visible()
    page.mouse.move(0, 0)
    page.clock.run_for(10_000)
    expect(note).to_have_count(0)
    page.evaluate("toast('That did not work.', 'error')")
    page.clock.run_for(1_000)
    page.locator("#toasts").get_by_role("button", name="Close").click()
    page.clock.run_for(1_000)
    expect(page.locator("#toasts .toast-note")).to_have_count(0)


STEADY = """([before, after]) => {
  document.querySelector("main").innerHTML = `<div id="live" hx-ext="steady">${before}</div>`;
  window.kept = document.querySelector("#live [data-key=b]");
  window.swap = () => htmx.swap("#live", `<div id="live" hx-ext="steady">${after}</div>`, { swapStyle: "steady" },
    { contextElement: document.querySelector("#live") });
}"""


def test_a_steady_swap_keeps_what_is_typed_ticked_and_open_and_moves_rows(page: Page, sign_in: SignIn) -> None:
    sign_in(SALES_OPS)
    page.goto("/connections/")
    text, tick = '<input aria-label="{0}" value="{1}">', '<input type="checkbox" aria-label="tick {0}">'
    row = f'<li data-key="{{0}}">{{0}} {{1}}{text}{tick}</li>'
    menu = "<details><summary>More</summary>{}</details>"
    before = f"<ul>{row.format('a', 1)}{row.format('b', 1)}</ul>" + menu.format("first")
    after = f"<ul>{row.format('b', 2)}{row.format('c', 2)}</ul>" + menu.format("second")
    page.evaluate(STEADY, [before, after])
    page.get_by_label("b", exact=True).fill("typed")
    page.get_by_label("tick b").check()
    page.get_by_text("More").click()
    page.get_by_label("b", exact=True).focus()
    page.evaluate("swap()")
    expect(page.locator("#live")).to_contain_text("second")
    assert page.locator("#live li").all_inner_texts() == ["b 2", "c 2"]
    assert page.evaluate("window.kept === document.querySelector('#live [data-key=b]')")
    expect(page.get_by_label("b", exact=True)).to_have_value("typed")
    expect(page.get_by_label("b", exact=True)).to_be_focused()
    expect(page.get_by_label("tick b")).to_be_checked()
    expect(page.get_by_label("c", exact=True)).to_have_value("2")
    assert page.locator("#live details").get_attribute("open") is not None
