"""Connect GoHighLevel and Connect Instantly in a real browser: from nothing to a checklist that is done."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from swarm_admin.access.roles import ADMIN, SALES_OPS
from tests.e2e.conftest import PHONE
from tests.plugins.sandbox import Sandbox

Check = Callable[[], None]
SignIn = Callable[[str], object]


def test_an_admin_connects_both(
    page: Page, sign_in: SignIn, crm: Sandbox, assert_accessible: Check, assert_fits: Check
) -> None:
    sign_in(ADMIN)
    crm.config(ghl_missing_scopes=["contacts.write"])
    page.goto("/connections/")
    page.get_by_role("link", name="Connect GoHighLevel").click()
    expect(page.get_by_text("0 of 3 steps done.")).to_be_visible()
    page.get_by_role("button", name="Test scopes").click()
    expect(page.get_by_text("Add contacts.write to the private integration token")).to_be_visible()
    assert_accessible()
    crm.config(ghl_missing_scopes=[])
    page.get_by_role("button", name="Test scopes").click()
    expect(page.get_by_text("All work")).to_be_visible()
    page.get_by_role("button", name="Check fields").click()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Create the missing 18").click()
    expect(page.get_by_text("Connected. Every step was checked.")).to_be_visible()
    assert len(crm.state("ghl")["custom_fields"]) == 18

    page.goto("/connections/instantly/")
    page.get_by_role("button", name="Test scopes").click()
    expect(page.get_by_text("All work")).to_be_visible()
    page.get_by_role("link", name="Choose campaign").click()
    assert_accessible()
    page.get_by_role("radio", name="Founders").check()
    page.get_by_role("button", name="Send new leads there").click()
    expect(page.get_by_text("Connected. Every step was checked.")).to_be_visible()
    assert_accessible()
    for size in (PHONE, {"width": 1280, "height": 800}):
        page.set_viewport_size(size)
        for address in ("/connections/ghl/", "/connections/instantly/", "/connections/instantly/campaign/"):
            page.goto(address)
            assert_fits()


def test_sales_sees_the_state_and_why_not(page: Page, sign_in: SignIn, crm: Sandbox, assert_accessible: Check) -> None:
    sign_in(SALES_OPS)
    for address in ("/connections/ghl/", "/connections/instantly/"):
        page.goto(address)
        button = page.get_by_role("button", name="Test scopes")
        expect(button).to_have_attribute("aria-disabled", "true")
        assert_accessible()
