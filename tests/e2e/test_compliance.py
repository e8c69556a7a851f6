"""The compliance desk in a browser, on the running product: from intake to the end, and who sees none of it."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, expect

from enrichment.models import Lead
from gdpr.models import RequestDocument, SubjectRequest
from gdpr.requests.views.request_actions import ACTIONS
from swarm_admin.access.models import User
from swarm_admin.access.roles import COMPLIANCE, SALES_OPS
from tests.e2e.conftest import AXE_RULES, PATIENCE, PHONE
from tests.factories import EnrichedLeadFactory
from tests.plugins.product import Product
from tests.plugins.sandbox import Sandbox, wait_for

Open = Callable[[str, str], Page]
# People of Tier 1 or 2, so that Instantly has them too; one for each test: the last look is at files as well.
DOE, LOPEZ = "johndoe", "lucia-lopez-0327"
ADDRESSES = [
    "/requests/", "/requests/new/", "/requests/new/e-mail/", "/requests/new/list/", "/requests/1/", "/requests/export/",
    "/holds-on-records/", "/texts/", "/suppression/", "/retention/", "/notices/", "/processing/",
]  # fmt: skip


@pytest.fixture
def desk(product: Product, browser: Browser) -> Iterator[Open]:
    """Tabs of new people of a role, by their session cookie; the test fails where a page logged an error."""
    contexts: list[BrowserContext] = []
    said: list[str] = []

    def open_for(name: str, role: str) -> Page:
        user = User.objects.create_user(f"{name}@example.com", first_name=name.title())
        user.groups.add(Group.objects.get(name=role))
        client = Client()
        client.force_login(user)
        context = browser.new_context(base_url=product.url, viewport={"width": 1280, "height": 800})
        context.set_default_timeout(PATIENCE)
        cookie = client.cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": cookie, "url": product.url}])
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("dialog", lambda dialog: dialog.accept())
        return tab

    yield open_for
    for context in contexts:
        context.close()
    assert said == []


def everywhere(product: Product, slug: str) -> Lead:
    """A person whom the product has taken in, enriched and handed to every system."""
    row = {"linkedin_url": f"https://www.linkedin.com/in/{slug}", "source_type": "event_attendee",
           "source_name": "SaaStr", "scraped_at": timezone.now().isoformat()}  # fmt: skip
    product.http.post("/api/leads", json=[row]).raise_for_status()
    handed_over = Lead.objects.exclude(ghl_contact_id="").exclude(instantly_lead_id="")
    return wait_for(handed_over.exclude(clay_row_id=None).first)


def assert_accessible(page: Page) -> None:
    for viewport in (PHONE, {"width": 1280, "height": 800}):
        page.set_viewport_size(viewport)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), page.url
        violations = Axe().run(page, options=AXE_RULES).response["violations"]
        assert [(each["id"], [node["target"] for node in each["nodes"]][:3]) for each in violations] == []


def open_request(page: Page, lead: Lead, kind: str) -> SubjectRequest:
    """From the lead's page: the form comes filled in."""
    page.goto(f"/leads/{lead.pk}/")
    page.get_by_role("link", name="Open subject request").click()
    expect(page.get_by_label("LinkedIn URL")).to_have_value(lead.linkedin_url)
    page.get_by_label("Type").select_option(kind)
    page.get_by_label("Message from the person").fill("I want you to do this.")
    assert_accessible(page)
    page.get_by_role("button", name="Open request").click()
    expect(page.locator("#request")).to_contain_text("confirm the requester's identity")
    return SubjectRequest.objects.get()


def identify(page: Page) -> None:
    fold = page.locator("details.act", has=page.locator("summary", has_text=re.compile("^Confirm identity$")))
    fold.locator("summary").click()
    fold.get_by_label("How").select_option(label="Called back on a number we hold")
    fold.get_by_role("button", name="Confirm identity").click()


def systems(page: Page) -> Any:
    return page.locator("section.system").filter(has=page.locator("article.record"))


def stands_in(sandbox: Sandbox, *words: str) -> list[str]:
    """The vendors whose records have one of the words in them."""
    kept = {
        "clay": [row for rows in sandbox.state("clay")["tables"].values() for row in rows],
        "ghl": sandbox.state("ghl")["contacts"],
        "instantly": sandbox.state("instantly")["leads"],
    }
    return [name for name, rows in kept.items() if any(w.lower() in json.dumps(rows).lower() for w in words)]


@pytest.mark.flow
def test_an_access_request_from_intake_to_the_download(desk: Open, product: Product) -> None:
    lead = everywhere(product, DOE)
    page = desk("cora", COMPLIANCE)
    request = open_request(page, lead, "access")
    assert_accessible(page)
    identify(page)
    expect(page.get_by_role("heading", name="Documents")).to_be_visible(timeout=60_000)
    assert systems(page).count() == 4
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download Data (JSON)").click()
    told = json.loads(taken.value.path().read_text())
    assert lead.email_work in json.dumps(told)
    assert taken.value.suggested_filename == f"{request.reference}-data.json"
    page.reload()
    expect(page.locator("#finish")).to_be_visible()
    expect(page.locator("#request")).to_contain_text("downloaded 1 time")

    page.get_by_role("button", name="Mark as sent another way").click()
    expect(page.locator("#request")).to_contain_text("Closed")
    page.get_by_role("link", name="View", exact=True).click()
    expect(page.locator("main")).to_contain_text("Contains keyed hashes, no personal data.")
    assert lead.email_work not in page.locator("main").inner_text()
    page.goto("/requests/?state=closed")
    expect(page.get_by_role("link", name=request.reference)).to_be_visible()
    assert_accessible(page)


@pytest.mark.flow
def test_an_erasure_from_intake_to_the_certificate(desk: Open, product: Product, sandbox: Sandbox) -> None:
    lead = everywhere(product, LOPEZ)
    words = [lead.linkedin_url.rpartition("/")[2], lead.email_work]
    assert stands_in(sandbox, *words) == ["clay", "ghl", "instantly"]
    page, other = desk("cora", COMPLIANCE), desk("anna", COMPLIANCE)
    request = open_request(page, lead, "erasure")
    identify(page)
    expect(page.locator("#request")).to_contain_text("someone else approves the plan")
    assert systems(page).count() == 4
    expect(page.locator("#request")).to_contain_text("You prepared this plan. Someone else has to approve it.")
    assert page.locator("button:not([aria-disabled])", has_text="Approve this plan").count() == 0

    other.goto("/requests/")
    other.get_by_role("link", name=request.reference).click()
    other.goto(f"/requests/{request.pk}/")
    assert_accessible(other)
    other.get_by_role("button", name="Approve this plan").click()
    expect(page.locator("#request")).to_contain_text("Closed")

    assert stands_in(sandbox, *words) == []
    assert not Lead.objects.filter(pk=lead.pk).exists()
    page.get_by_role("link", name="View", exact=True).click()
    expect(page.locator("main")).to_contain_text("Verified: not there")
    expect(page.locator("main")).to_contain_text("GoHighLevel can restore record")
    text = page.locator("main").inner_text().lower()
    assert not any(word.lower() in text for word in words)
    assert RequestDocument.objects.get(request=request).kind == "certificate"


def test_a_sales_person_sees_none_of_it(page: Page, sign_in: Callable[[str], User], live_server: Any) -> None:
    sign_in(SALES_OPS)
    lead = EnrichedLeadFactory()
    shown = []
    for address in ("/", "/leads/", f"/leads/{lead.pk}/"):
        page.goto(address)
        shown += page.eval_on_selector_all(
            "a[href], form[action]", "all => all.map(e => e.getAttribute('href') || e.action)"
        )
    page.keyboard.press("Control+k")
    shown += page.eval_on_selector_all(
        "dialog a[href], [role=option]", "all => all.map(e => e.getAttribute('href') || e.textContent)"
    )
    hidden = [name.strip("/").split("/")[0] for name in ADDRESSES] + ["audit", "subject request"]
    assert [each for each in shown if each and any(name in each.lower() for name in hidden)] == []
    for address in ADDRESSES:
        assert page.request.get(address).status == 403, address
    token = page.context.cookies()
    csrf = next((cookie["value"] for cookie in token if cookie["name"] == "csrftoken"), "")
    for act in ACTIONS:
        refused = page.request.post(f"/requests/1/do/{act}/", headers={"X-CSRFToken": csrf})
        assert refused.status == 403, act
