"""Webhooks, Deliveries and Vendor limits in a real browser: accessible, fitting, drawers and live parts."""

import hashlib
import json
from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from enrichment.jobs import jobs
from enrichment.models import Handover, Verdict, WebhookDelivery
from enrichment.vendors import limiter, vendor_health
from swarm_admin.access.roles import COMPLIANCE, SALES_OPS
from tests.e2e.conftest import PHONE
from tests.factories import EnrichedLeadFactory, LeadFactory

Check = Callable[[], None]
SignIn = Callable[[str], object]


@pytest.fixture
def rows(live_server: object) -> None:
    """A webhook of each verdict, a delivery in each status, a limit in use."""
    now = timezone.now()
    for place, verdict in enumerate(["", *Verdict.values]):
        lead = EnrichedLeadFactory() if verdict in ("accepted", "unchanged", "stale") else None
        data = {"linkedin_url": f"https://www.linkedin.com/in/p{place}", "email_work": "ada@acme.example"}
        document = {
            "event": "row.enriched",
            "row_id": f"row_{place}",
            "timestamp": now.isoformat(),
            "data": data,
        }
        body = b"" if verdict == "suppressed" else json.dumps(document).encode()
        WebhookDelivery.objects.create(
            body=body,
            body_hash=hashlib.sha256(body).hexdigest(),
            headers={"Content-Type": "application/json", "User-Agent": "Clay/1.0"},
            status="processed" if verdict else "received",
            verdict=verdict,
            event="" if verdict in ("", "malformed") else "row.enriched",
            event_at=now,
            row_id="" if verdict in ("", "malformed", "suppressed") else f"row_{place}",
            lead=lead,
            changed_fields=["email_work", "title", "company_size"] if verdict == "accepted" else [],
            processed_at=now if verdict else None,
            received_at=now - timezone.timedelta(minutes=7 * place),
        )
    for system in ("ghl", "instantly"):
        for status in ("planned", "unknown", "done", "failed", "withheld"):
            Handover.objects.create(
                lead=EnrichedLeadFactory(),
                system=system,
                status=status,
                tries=1,
                external_id="c_8f0a2b71" if status == "done" else "",
                differences=["phone", "tags"] if status == "done" else [],
                error_kind={"failed": "set_aside", "withheld": "suppressed", "unknown": "read_back"}.get(status, ""),
                error_message="ghl upsert_contact: 422 email must be an email" if status == "failed" else "",
                not_before=now + timezone.timedelta(seconds=40) if status == "unknown" else now,
                finished_at=now if status in ("done", "failed", "withheld") else None,
            )
    for _ in range(7):
        LeadFactory()
    limiter.take("clay.rows", "", 88)
    limiter.penalise("instantly.calls", "workspace", 50)
    for status, count in ((200, 12), (502, 2), ("timeout", 1), (429, 1)):
        for _ in range(count):
            vendor_health.count_call("clay", "create_rows", status, 0.1)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("address", ["/webhooks/", "/deliveries/", "/limits/", "webhook", "delivery", "replay"])
def test_pages_are_accessible_and_fit(
    page: Page,
    sign_in: SignIn,
    rows: None,
    assert_accessible: Check,
    assert_fits: Check,
    address: str,
    theme: str,
) -> None:
    sign_in(SALES_OPS)
    page.emulate_media(color_scheme=theme)
    webhook = WebhookDelivery.objects.get(verdict="unknown_row")
    addresses = {
        "webhook": f"/webhooks/{webhook.pk}/",
        "replay": f"/webhooks/{webhook.pk}/replay/",
        "delivery": f"/deliveries/{Handover.objects.filter(status='done')[0].pk}/",
    }
    page.goto(addresses.get(address, address))
    assert_accessible()
    page.set_viewport_size(PHONE)
    assert_accessible()
    assert_fits()


def test_a_webhook_opens_beside_the_list_and_shows_its_body(
    page: Page, sign_in: SignIn, rows: None, assert_accessible: Check
) -> None:
    sign_in(SALES_OPS)
    page.goto("/webhooks/?verdict=accepted")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    drawer = page.locator("#drawer")
    expect(drawer).to_contain_text("Changed fields")
    expect(drawer).not_to_contain_text("ada@acme.example")
    assert_accessible()
    drawer.get_by_role("button", name="Show unmasked").click()
    expect(drawer).to_contain_text("ada@acme.example")


def test_filters_change_the_list_and_the_address(page: Page, sign_in: SignIn, rows: None) -> None:
    sign_in(SALES_OPS)
    page.goto("/webhooks/")
    page.get_by_label("Verdict").select_option("stale")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert "verdict=stale" in page.url
    page.goto("/deliveries/")
    page.get_by_label("Status").select_option("failed")
    expect(page.locator("tbody tr")).to_have_count(2)


def test_a_delivery_is_retried_after_its_plan(page: Page, sign_in: SignIn, rows: None) -> None:
    sign_in(SALES_OPS)
    page.goto("/deliveries/?status=failed")
    page.get_by_role("button", name="Retry all matching…").click()
    expect(page.locator(".plan")).to_contain_text("2 deliveries")
    page.get_by_role("button", name="Start retry").click()
    expect(page.get_by_text("2 deliveries selected in the list")).to_be_visible()
    jobs.run_due()
    assert not Handover.objects.filter(status="failed").exists()


def test_people_without_the_right_are_told_why(page: Page, sign_in: SignIn, rows: None) -> None:
    sign_in(COMPLIANCE)
    page.goto("/deliveries/?status=failed")
    expect(page.get_by_role("button", name="Retry all matching")).to_have_attribute("aria-disabled", "true")
