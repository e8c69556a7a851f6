"""The API's documentation: the bundled viewer in a frame of ours, readable and with a way back."""

from collections.abc import Callable

from playwright.sync_api import Page, expect


def test_the_documentation_is_readable_and_leads_back(page: Page, assert_accessible: Callable[[], None]) -> None:
    page.goto("/api/docs")
    expect(page.locator(".opblock-summary-method").first).to_be_visible()
    assert_accessible()
    expect(page.get_by_role("link", name="Back to Swarm Admin")).to_have_attribute("href", "/")
