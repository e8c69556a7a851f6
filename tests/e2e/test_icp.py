"""The scorecard studio in a browser: edit and see, publish and watch, roll back, two people at once."""

import copy
from threading import Thread

import pytest
from django.db import connection
from playwright.sync_api import expect

from enrichment import versions
from enrichment.models import Lead, ScorecardVersion
from enrichment.models.version import forget_active
from enrichment.pipeline.score import apply as scoring
from enrichment.scoring import rescore
from swarm_admin.access.models import User
from swarm_admin.access.roles import COMPLIANCE, SALES_OPS
from tests.e2e.conftest import PHONE
from tests.factories import EnrichedLeadFactory

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("scoring_snapshot"),
]
WEIGHT = "components.0.bands.0.points"


@pytest.fixture(autouse=True)
def leads(transactional_db, monkeypatch):
    """Six leads of Tier 1 and two of Tier 3, as the published card scores them."""
    monkeypatch.setattr(rescore, "ACTIVE_SECONDS", 0.0)
    for number in range(6):
        EnrichedLeadFactory(company_size=200.0 + number, last_name=f"Big{number}")
    for number in range(2):
        EnrichedLeadFactory(
            company_size=None,
            title="Clerk",
            company_industry="Retail",
            tech_stack=[],
            last_name=f"Small{number}",
        )
    found = list(Lead.objects.all())
    scoring.apply_all(found)
    for lead in found:
        lead.save()


def in_a_worker():
    """The rescore, as the worker does it: in a thread with a connection of its own."""

    def work():
        rescore.run_due()
        connection.close()

    thread = Thread(target=work)
    thread.start()
    thread.join()
    forget_active()


def cell(page, row, column):
    return page.locator(f"[data-matrix] tbody tr:nth-child({row}) td:nth-child({column + 1})")


def drag(page, one, before):
    """By its grip, as a hand does."""
    page.wait_for_function("row => Sortable.get(document.querySelector(row).closest('[data-sort]'))", arg=one)
    grip = page.locator(f"{one} [data-grip]")
    grip.scroll_into_view_if_needed()
    start, end = grip.bounding_box(), page.locator(before).bounding_box()
    page.mouse.move(start["x"] + 8, start["y"] + 8)
    page.mouse.down()
    page.mouse.move(start["x"] + 8, start["y"] - 10, steps=4)
    page.mouse.move(end["x"] + 12, end["y"] + 4, steps=12)
    page.mouse.up()


def test_a_weight_is_edited_and_the_matrix_changes(page, sign_in, assert_accessible):
    sign_in(SALES_OPS)
    page.goto("/icp/")
    expect(page.locator("[data-moved]")).to_have_text("0")
    expect(cell(page, 1, 1)).to_have_text("6")
    page.fill(f"[name='{WEIGHT}']", "5")
    expect(page.locator("[data-moved]")).to_have_text("6")
    expect(cell(page, 1, 2)).to_contain_text("6")
    expect(page.get_by_text("Unsaved", exact=True)).to_be_visible()
    expect(page.locator("#icp-movers")).to_contain_text("Ada Big0")
    page.fill(f"[name='{WEIGHT}']", "a lot")
    expect(page.locator("#f-components-0-bands-0-points-problem")).to_have_text("must be a number")
    expect(page.get_by_role("heading", name="Fix 1 error")).to_be_visible()
    page.fill(f"[name='{WEIGHT}']", "30")
    expect(page.locator("#f-components-0-bands-0-points-problem")).to_have_text("")
    expect(page.locator("[data-moved]")).to_have_text("0")
    assert_accessible()
    assert versions.draft_of(ScorecardVersion) is None


def test_rules_are_added_moved_and_dragged_with_the_effect_in_view(page, sign_in):
    sign_in(SALES_OPS)
    page.goto("/icp/")
    expect(page.locator("[data-moved]")).to_have_text("0")
    page.get_by_role("button", name="Add rule").click()
    fresh = page.locator("[name='components.2.rules.4.needles']")
    expect(fresh).to_be_focused()
    fresh.fill("clerk")
    page.fill("[name='components.2.rules.4.points']", "25")
    page.fill("[name='tiers.1.at_least']", "35")
    expect(page.locator("[data-moved]")).to_have_text("2")
    page.get_by_role("button", name="Move row 5 up, Title seniority").click()
    expect(page.locator("[name='components.2.rules.3.needles']")).to_have_value("clerk")
    drag(
        page,
        "[data-sort='components.2.rules'] > li:nth-child(4)",
        "[data-sort='components.2.rules'] > li:nth-child(1)",
    )
    expect(page.locator("[name='components.2.rules.0.needles']")).to_have_value("clerk")
    expect(page.locator("[data-moved]")).to_have_text("2")


def test_published_and_rescored_under_the_eyes_and_rolled_back(page, sign_in, assert_accessible):
    sign_in(SALES_OPS)
    page.goto("/icp/")
    expect(page.locator("[data-moved]")).to_have_text("0")
    page.fill(f"[name='{WEIGHT}']", "5")
    page.get_by_role("button", name="Review and publish").click()
    expect(page.get_by_role("heading", name="Publish scorecard")).to_be_visible()
    expect(page.locator(".icp-section")).to_contain_text("200 to 2,000 employees")
    assert_accessible()
    page.fill("#note", "Size counts for less")
    page.get_by_role("button", name="Publish and rescore").click()
    expect(page.get_by_text("Rescoring to version 2: 0 %.")).to_be_visible()
    page.goto("/leads/")
    expect(page.locator(".old-version").first).to_be_visible()
    in_a_worker()
    expect(page.locator(".hold-rescore")).to_have_count(0)
    page.reload()
    expect(page.locator(".old-version")).to_have_count(0)
    expect(page.locator("[data-tier='2']")).to_have_count(6)
    page.goto("/icp/history/1/")
    page.get_by_role("link", name="Roll back to this version").click()
    page.fill("#note", "It was better before")
    page.get_by_role("button", name="Roll back and rescore").click()
    expect(page.get_by_text("Rescoring to version 3")).to_be_visible()
    in_a_worker()
    expect(page.get_by_text("All tiers are from version 3.")).to_be_visible()
    assert Lead.objects.filter(icp_tier=1).count() == 6


def test_a_stale_draft_is_refused_with_a_merge(page, sign_in, assert_accessible):
    sign_in(SALES_OPS)
    page.goto("/icp/")
    page.fill(f"[name='{WEIGHT}']", "5")
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("Draft saved.")).to_be_visible()
    other = User.objects.create_user("other@example.com", first_name="Olga", last_name="Other")
    draft = versions.draft_of(ScorecardVersion)
    document = copy.deepcopy(draft.document)
    document["components"][0]["bands"][0]["points"] = 9
    document["cap"] = 99
    versions.save_draft(draft, document, revision=draft.revision, by=other)
    page.fill(f"[name='{WEIGHT}']", "7")
    page.fill("[name='components.1.cap']", "21")
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("Olga Other saved this draft while you edited it.")).to_be_visible()
    assert_accessible()
    page.get_by_role("radio", name="Yours").check()
    page.get_by_role("button", name="Save merge").click()
    expect(page.get_by_text("Changes merged into the draft.")).to_be_visible()
    merged = versions.draft_of(ScorecardVersion).document
    assert merged["components"][0]["bands"][0]["points"] == 7
    assert (merged["components"][1]["cap"], merged["cap"]) == (21, 99)


def test_one_lead_is_tried_under_both_cards(page, sign_in):
    sign_in(SALES_OPS)
    page.goto("/icp/")
    expect(page.locator("[data-moved]")).to_have_text("0")
    page.fill("#try-search", "Big3")
    page.get_by_role("button", name="Ada Big3").click()
    expect(page.locator("#icp-try tfoot")).to_contain_text("90")
    page.fill(f"[name='{WEIGHT}']", "5")
    expect(page.locator("#icp-try tfoot")).to_contain_text("65")
    expect(page.locator("#icp-try tr.differs")).to_contain_text("Company size")


def test_on_a_phone_and_for_whoever_may_only_look(page, sign_in, assert_fits, assert_accessible):
    sign_in(COMPLIANCE)
    page.set_viewport_size(PHONE)
    page.goto("/icp/")
    expect(page.locator("[data-moved]")).to_have_text("0")
    expect(page.locator("[data-glance]")).to_contain_text("0 changing tier")
    expect(page.locator(f"[name='{WEIGHT}']")).to_be_disabled()
    assert_fits()
    assert_accessible()
