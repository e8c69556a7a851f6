"""The Waterfall screen in a browser: order by drag, buttons and keyboard; publish, roll back, merge."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from enrichment import versions
from enrichment.documents.waterfall import PUBLISHED, WaterfallDocument
from enrichment.models import ProviderService, SpendCap, WaterfallVersion
from enrichment.pilots import pilot
from enrichment.versions import EditStart
from enrichment.waterfall import spend_limits
from swarm_admin.access.models import User
from tests.e2e.conftest import PHONE
from tests.enrichment.waterfall.test_spending import attempt
from tests.factories import EnrichedLeadFactory, LeadFactory

# The seeded waterfalls are there for every test, whatever the one before has emptied.
pytestmark = pytest.mark.django_db(transaction=True)


def order(page, kind="email"):
    return page.locator(f"[data-fall={kind}] li strong").all_inner_texts()


def in_draft(kind="email"):
    draft = versions.draft_of(WaterfallVersion)
    return draft.document[f"waterfall_{kind}"]["providers"] if draft else None


def saved(page, changes):
    """Waits until the page says so many changes."""
    expect(page.locator("#studio .verdict")).to_contain_text(f"Draft with {changes} change")


def by_another(document):
    """Somebody else saves the draft."""
    other = User.objects.create_user("other@example.com")
    draft = versions.start_draft(WaterfallVersion, by=other)
    whole = WaterfallDocument.model_validate(document).model_dump()
    return versions.save_draft(draft, whole, revision=draft.revision, by=other)


def changed(**email):
    document = WaterfallDocument.model_validate(PUBLISHED).model_dump()
    document["waterfall_email"] |= email
    return document


def test_a_provider_is_dragged_to_another_place(page, sign_in, live_server):
    sign_in("Sales ops")
    page.goto("/waterfall/")
    grip = page.locator("[data-fall=email] li", has_text="Snov.io").locator("[data-grip]")
    target = page.locator("[data-fall=email] li", has_text="Apollo")
    start, end = grip.bounding_box(), target.bounding_box()
    page.mouse.move(start["x"] + 8, start["y"] + 8)
    page.mouse.down()
    page.mouse.move(start["x"] + 8, start["y"] - 10, steps=4)
    page.mouse.move(end["x"] + 12, end["y"] + 4, steps=12)
    page.mouse.up()
    saved(page, 1)
    assert order(page) == ["Snov.io", "Apollo", "Hunter.io", "Clearbit", "PDL"]
    assert in_draft() == ["snovio", "apollo", "hunter", "clearbit", "pdl"]
    expect(page.locator("#waterfall-said")).to_have_text("Snov.io: place 1 of 5 for E-mail.")


def test_a_provider_is_moved_by_keyboard_and_said_aloud(page, sign_in, live_server):
    sign_in("Sales ops")
    page.goto("/waterfall/")
    grip = page.locator("[data-fall=email] li", has_text="Hunter.io").locator("[data-grip]")
    grip.focus()
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator("#waterfall-said")).to_have_text("Hunter.io: place 1 of 5 for E-mail.")
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator("#waterfall-said")).to_have_text("Hunter.io is first already.")
    saved(page, 1)
    expect(grip).to_be_focused()
    for _ in range(3):
        page.keyboard.press("Alt+ArrowDown")
    expect(page.locator("#waterfall-said")).to_have_text("Hunter.io: place 4 of 5 for E-mail.")
    expect(page.locator("#changes-title + *, #studio .changes")).to_contain_text("Apollo → Clearbit → PDL → Hunter.io")
    assert in_draft() == ["apollo", "clearbit", "pdl", "hunter", "snovio"]
    expect(grip).to_be_focused()


def test_buttons_move_and_switch(page, sign_in, live_server):
    sign_in("Sales ops")
    page.goto("/waterfall/")
    down = page.get_by_role("button", name="Move Apollo down")
    down.click()
    saved(page, 1)
    expect(down).to_be_focused()
    assert in_draft() == ["hunter", "apollo", "clearbit", "pdl", "snovio"]
    page.get_by_role("button", name="Enable LinkedIn for Company").click()
    saved(page, 2)
    expect(page.locator("#waterfall-said")).to_have_text("LinkedIn enabled for Company, in last place.")
    assert in_draft("company") == ["clearbit", "crunchbase", "linkedin"]
    page.get_by_role("button", name="Disable Snov.io for E-mail").click()
    expect(page.locator("[aria-label='E-mail: disabled']")).to_contain_text("Snov.io")
    assert in_draft() == ["hunter", "apollo", "clearbit", "pdl"]


def test_options_are_saved_and_what_cannot_be_is_said_at_the_field(page, sign_in, live_server):
    sign_in("Sales ops")
    page.goto("/waterfall/")
    page.get_by_label("Stop at first match").uncheck()
    saved(page, 1)
    country = page.get_by_label("Default country code")
    country.fill("xyz1")
    country.press("Tab")
    expect(page.get_by_role("alert")).to_contain_text("Two letters")
    assert versions.draft_of(WaterfallVersion).document["waterfall_phone"]["country_default"] == "US"
    country.fill("DE")
    country.press("Enter")
    saved(page, 2)


def test_publish_and_roll_back(page, sign_in, live_server):
    sign_in("Sales ops")
    page.goto("/waterfall/")
    page.get_by_role("button", name="Move Apollo down").click()
    saved(page, 1)
    page.get_by_role("link", name="Review and publish…").click()
    expect(page.locator(".changes")).to_contain_text("Hunter.io → Apollo → Clearbit → PDL → Snov.io")
    page.get_by_label("What changes, and why").fill("Hunter is cheaper and nearly as good")
    page.get_by_role("button", name="Publish").click()
    expect(page.locator("#studio .verdict")).to_contain_text("Version 2 is live.")
    assert versions.published(WaterfallVersion).document["waterfall_email"]["providers"][0] == "hunter"
    page.get_by_role("link", name="History").click()
    expect(page.locator("main")).to_contain_text("Hunter is cheaper and nearly as good")
    page.get_by_role("link", name="Version 1").click()
    page.get_by_label("Reason for rolling back").fill("bounces went up")
    page.get_by_role("button", name="Roll back").click()
    expect(page.get_by_role("link", name="Version 3")).to_be_visible()
    live = versions.published(WaterfallVersion)
    assert (live.number, live.based_on, live.document) == (3, 1, PUBLISHED)


def test_a_stale_draft_is_refused_with_a_merge_view(page, sign_in, live_server, assert_accessible):
    sign_in("Sales ops")
    page.goto("/waterfall/")
    swapped = ["snovio", "apollo", "hunter", "clearbit"]
    by_another(changed(providers=swapped, verify_deliverability=False))
    page.get_by_role("button", name="Move Apollo down").click()
    expect(page.get_by_role("alert")).to_contain_text("other@example.com saved this draft while you edited it.")
    assert in_draft() == swapped
    assert_accessible()
    conflict = page.get_by_role("group", name="Providers, in order")
    expect(conflict).to_contain_text("Snov.io → Apollo → Hunter.io → Clearbit")
    expect(page.get_by_role("region", name="Their changes")).to_contain_text("Verify deliverability")
    conflict.get_by_label("Yours").check()
    page.get_by_role("button", name="Save merge").click()
    saved(page, 2)
    draft = versions.draft_of(WaterfallVersion)
    assert draft.document["waterfall_email"]["providers"] == ["hunter", "apollo", "clearbit", "snovio"]
    assert draft.document["waterfall_email"]["verify_deliverability"] is False


def test_the_suggested_order_is_put_into_the_draft(page, sign_in, live_server):
    sign_in("Sales ops")
    by_another(changed(providers=["clearbit", "apollo", "hunter"]))
    page.goto("/waterfall/")
    economics = page.locator("#economics")
    expect(economics).to_contain_text("draft vs published")
    expect(economics).to_contain_text("All 6 orders were compared.")
    economics.get_by_role("button", name="Apply to draft of E-mail").click()
    expect(page.locator("#studio .changes")).to_contain_text("Hunter.io → Apollo → Clearbit")
    assert in_draft() == ["hunter", "apollo", "clearbit"]


def test_two_quick_changes_are_both_saved(page, sign_in, live_server):
    sign_in("Sales ops")
    page.goto("/waterfall/")
    page.evaluate(
        """() => {
          document.querySelector('[data-key="email-hunter"] [data-move="up"]').click();
          document.querySelector('[data-key="phone-lusha"] [data-move="up"]').click();
          document.querySelector('[data-key="company-crunchbase"] [data-move="up"]').click();
        }"""
    )
    saved(page, 3)
    assert in_draft()[:2] == ["hunter", "apollo"]
    assert in_draft("phone") == ["lusha", "cognism"]
    assert in_draft("company") == ["crunchbase", "clearbit"]


@pytest.fixture
def addresses(live_server):
    """Every screen with something on it."""
    other = User.objects.create_user("first@example.com")
    draft = versions.save_edit(WaterfallVersion, changed(stop_on_success=False), EditStart(), by=other)
    versions.publish(draft, revision=draft.revision, over=1, note="ask them all", by=other)
    draft = versions.save_edit(WaterfallVersion, changed(providers=["clearbit", "hunter"]), EditStart(), by=other)
    LeadFactory.create_batch(3)
    job = pilot.start_pilot(draft, pilot.draw_leads(2), revision=draft.revision, by=other)
    attempt(EnrichedLeadFactory(), at=timezone.now(), cost="0.31")
    spend_limits.mark_reached(SpendCap.objects.create(period="day", amount=1, note="as agreed", updated_by=other))
    return [
        "/waterfall/",
        "/waterfall/publish/",
        "/waterfall/versions/",
        "/waterfall/versions/1/",
        "/waterfall/catalogue/",
        "/waterfall/catalogue/add/",
        f"/waterfall/catalogue/{ProviderService.objects.first().pk}/",
        "/waterfall/economics/",
        "/waterfall/spending/",
        "/waterfall/spending/budget/",
        "/waterfall/pilots/new/",
        f"/waterfall/pilots/{job.pk}/",
    ]


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_every_screen_is_accessible_and_fits(addresses, look, page, sign_in, assert_accessible, assert_fits):
    sign_in("Sales ops")
    page.emulate_media(color_scheme="dark" if look == "dark" else "light")
    if look == "phone":
        page.set_viewport_size(PHONE)
    for address in addresses:
        page.goto(address)
        assert_accessible()
        assert_fits()
