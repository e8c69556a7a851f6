"""Leads in a real browser: menus, long names, the phone, and without JavaScript."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from enrichment.jobs import jobs
from enrichment.models import Lead
from swarm_admin.access.roles import ADMIN, SALES_OPS
from tests.e2e.conftest import PHONE
from tests.factories import EnrichedLeadFactory, LeadFactory

SignIn = Callable[[str], object]
Check = Callable[[], None]


@pytest.mark.parametrize("role", [SALES_OPS, ADMIN])
def test_the_list_is_accessible_and_fits_with_a_long_name(
    page: Page, sign_in: SignIn, assert_accessible: Check, assert_fits: Check, role: str
) -> None:
    sign_in(role)
    EnrichedLeadFactory(first_name="A" * 100, last_name="B" * 100, title="Head of everything " * 10)
    page.goto("/leads/")
    assert_accessible()
    assert page.evaluate(
        "() => { const box = document.querySelector('.table-scroll'); return box.scrollWidth <= box.clientWidth; }"
    )
    page.set_viewport_size(PHONE)
    assert_accessible()
    assert_fits()


def test_title_source_and_time_share_a_line_on_a_phone(page: Page, sign_in: SignIn) -> None:
    sign_in(SALES_OPS)
    EnrichedLeadFactory(title="Head of Sales")
    page.set_viewport_size(PHONE)
    page.goto("/leads/")
    tops = page.evaluate(
        "() => ['Title', 'Source', 'Received'].map((name) => "
        "Math.round(document.querySelector(`[data-row] [data-label=${name}]`).getBoundingClientRect().top))"
    )
    assert max(tops) - min(tops) <= 2


def test_escape_closes_a_menu_and_gives_the_focus_back(page: Page, sign_in: SignIn) -> None:
    sign_in(SALES_OPS)
    page.goto("/leads/")
    menu = page.locator("details.menu", has_text="Filter")
    menu.locator("summary").click()
    menu.locator("[name=source_name]").focus()
    page.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    expect(menu.locator("summary")).to_be_focused()


def test_retries_work_without_javascript(page: Page, sign_in: SignIn, browser: Browser, live_server) -> None:
    sign_in(SALES_OPS)
    one, other = [LeadFactory(enrichment_status="failed", dispatch_after=None) for _ in range(2)]
    plain = browser.new_context(java_script_enabled=False, base_url=live_server.url)
    plain.add_cookies(page.context.cookies())
    tab = plain.new_page()
    tab.goto(f"/leads/{one.pk}/")
    tab.get_by_role("button", name="Start retry").click()
    expect(tab.get_by_text("Retrying the lead")).to_be_visible()
    tab.goto("/leads/")
    tab.get_by_label(f"Select lead {other.pk}").check()
    tab.get_by_role("button", name="Retry selected…").click()
    tab.get_by_role("button", name="Start retry").click()
    expect(tab.get_by_text("1 lead selected in the list")).to_be_visible()
    plain.close()
    jobs.run_due()
    assert Lead.objects.filter(dispatch_priority=20).count() == 2


def test_new_leads_are_told_of_by_themselves(page: Page, sign_in: SignIn) -> None:
    sign_in(SALES_OPS)
    page.goto("/leads/")
    LeadFactory()
    page.evaluate("htmx.trigger('#lead-news', 'refresh')")
    page.get_by_role("link", name="1 new lead").click()
    expect(page.locator("[data-row]")).to_have_count(1)


def test_a_view_is_saved_and_opened_from_its_menu(page, sign_in, assert_accessible):
    sign_in(SALES_OPS)
    for score in (90, 20):
        EnrichedLeadFactory(icp_score=score, icp_tier=1 if score > 50 else 3)
    page.goto("/leads/?tier=1")
    page.get_by_text("Views", exact=True).click()
    expect(page.locator("#lead-views")).to_contain_text("None yet")
    page.get_by_label("Save this view as").fill("The best")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved as “The best”.")).to_be_visible()
    page.goto("/leads/")
    expect(page.locator("[data-row]")).to_have_count(2)
    page.get_by_text("Views", exact=True).click()
    assert_accessible()
    page.get_by_role("link", name="The best").click()
    expect(page.locator("[data-row]")).to_have_count(1)
