"""The main path in a browser: sign in, import a file, watch it finish, open a lead and read why it is Tier 1."""

import csv
from pathlib import Path
from typing import Any

import pytest
from django.conf import global_settings
from django.contrib.auth.models import Group
from django.utils import timezone
from playwright.sync_api import Browser, expect

from enrichment.models import Lead
from swarm_admin.access.models import User
from swarm_admin.access.roles import SALES_OPS
from tests.e2e.conftest import PASSWORD, PATIENCE
from tests.plugins.product import Product

HEADER = ["LinkedIn URL", "First name", "Last name", "Company", "source_type", "source_name", "scraped_at"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The specification's example lead, four more, and a look-alike that must be refused."""
    now = timezone.now().isoformat()
    slugs = ["johndoe", "ada-one", "bob-two", "cleo-three", "dan-four"]
    rows = [[f"https://linkedin.com/in/{s}/", "", "", "", "group_member", "RevOps", now] for s in slugs]
    rows[0][1:4] = ["John", "Doe", "Acme Inc"]
    rows.append(["https://linkedln.com/in/eve", "", "", "", "group_member", "RevOps", now])
    path = tmp_path / "leads.csv"
    with path.open("w", newline="") as target:
        csv.writer(target).writerows([HEADER, *rows])
    return path


@pytest.mark.flow
def test_a_file_becomes_leads_with_tiers(product: Product, browser: Browser, file: Path, settings: Any) -> None:
    settings.PASSWORD_HASHERS = global_settings.PASSWORD_HASHERS  # as the web process has them
    person = User.objects.create_user("sam@example.com", PASSWORD, first_name="Sam")
    person.groups.add(Group.objects.get(name=SALES_OPS))
    page = browser.new_page(base_url=product.url)
    page.set_default_timeout(PATIENCE)
    errors: list[str] = []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)

    page.goto("/")
    page.locator("input[name=login]").fill("sam@example.com")
    page.locator("input[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()

    page.get_by_role("link", name="Import").first.click()
    page.set_input_files("input[type=file]", file)
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="Rejected rows")).to_be_visible()
    page.get_by_role("button", name="Import 6 rows").click()
    expect(page.locator("#import-job")).to_contain_text("Finished: 1 of 6 rejected")
    expect(page.locator("#import-refused")).to_be_visible()
    assert Lead.objects.count() == 5

    lead = Lead.objects.get(linkedin_url="https://www.linkedin.com/in/johndoe")
    page.goto(f"/leads/{lead.pk}/")
    expect(page.locator("main")).to_contain_text("Completed")
    page.goto("/leads/")
    page.get_by_role("searchbox").first.fill("doe acme")
    page.keyboard.press("Enter")
    page.get_by_text("John Doe").first.click()
    page.locator("aside, [role=dialog], #drawer").get_by_role("link", name="John Doe").click()
    expect(page.locator("main")).to_contain_text("Tier 1")
    expect(page.locator("main")).to_contain_text("VP of Revenue Operations")
    expect(page.locator("main")).to_contain_text("95")
    page.close()
    assert errors == []
