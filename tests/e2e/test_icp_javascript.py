"""The formula for Clay in a browser: copied as it stands, readable on a phone, and the drift beside it."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from enrichment.documents.first_scorecard import PUBLISHED
from enrichment.models import ClayFormula, Connection, Placement, ScorecardVersion
from enrichment.models.version import forget_active
from enrichment.scoring.clay_formula import formula_of
from swarm_admin.access.models import User
from swarm_admin.access.roles import ADMIN, SALES_OPS
from tests.e2e.conftest import PHONE
from tests.factories import EnrichedLeadFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def in_clay(settings: Any) -> ScorecardVersion:
    """Clay computes with version 1; version 2, with a lower cap, is published."""
    settings.CLAY_TABLE_ID = ""
    Connection.objects.update_or_create(system="clay", defaults={"table_id": "tbl_test"})
    first = ScorecardVersion.objects.get(status="published")
    ClayFormula.objects.create(
        table_id="tbl_test",
        scorecard=first,
        fingerprint=formula_of(first).fingerprint,
        how=Placement.PASTED,
        placed_at=timezone.now() - datetime.timedelta(days=1),  # the form's time is of the whole minute
    )
    ScorecardVersion.objects.update(status="superseded")
    document = PUBLISHED | {"cap": 90}
    version = ScorecardVersion.objects.create(number=2, status="published", document=document)
    forget_active()
    return version


def test_the_formula_is_copied_confirmed_and_its_drift_shown(
    page: Page,
    sign_in: Callable[[str], User],
    in_clay: ScorecardVersion,
    assert_accessible: Callable[[], None],
    assert_fits: Callable[[], None],
) -> None:
    sign_in(ADMIN)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/icp/javascript/")
    expect(page.get_by_text("Clay still uses version 1.")).to_be_visible()
    assert_accessible()
    page.get_by_role("button", name="Copy the formula of icp_score").click()
    expect(page.get_by_role("button", name="Copied the formula of icp_score")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == formula_of(in_clay).score
    page.get_by_role("button", name="Confirm pasted").click()
    expect(page.get_by_text("Clay uses this formula.")).to_be_visible()
    assert ClayFormula.objects.filter(scorecard=in_clay).count() == 1
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.reload()
    assert_fits()
    assert_accessible()


def test_a_group_of_the_drift_leads_to_its_leads(
    page: Page,
    sign_in: Callable[[str], User],
    in_clay: ScorecardVersion,
    assert_accessible: Callable[[], None],
    assert_fits: Callable[[], None],
) -> None:
    best = {"title": "CEO", "tech_stack": ["Salesforce", "Gong", "Clari"], "scorecard": in_clay}
    for clay_score in (100, 100, 77, None, 90):
        EnrichedLeadFactory(**best, icp_score=90, clay_score=clay_score)
    sign_in(SALES_OPS)
    page.goto("/icp/drift/")
    expect(page.get_by_role("row", name="Formula of scorecard version 1")).to_contain_text("2")
    expect(page.get_by_role("row", name="Unexplained")).to_contain_text("1")
    assert_accessible()
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert_fits()
    page.get_by_role("link", name="Formula of scorecard version 1").click()
    expect(page.locator("tr[data-row]")).to_have_count(2)
    assert_fits()
    assert_accessible()
    page.set_viewport_size({"width": 1280, "height": 800})
    page.locator("[data-row-open]").first.click()
    expect(page.locator("#drawer")).to_contain_text("Tier")
