"""The whole product as it runs, against the sandbox: nothing lost, nothing double, within the limits."""

import json
from typing import Any

import pytest
from django.utils import timezone

from enrichment.models import Handover, Lead, WebhookDelivery
from tests.plugins.sandbox import Sandbox, wait_for

LEADS = 120


def lead(number: int) -> dict[str, Any]:
    return {
        "linkedin_url": f"linkedin.com/in/worker-{number}/",
        "source_type": "event_attendee",
        "source_name": "SaaStr",
        "scraped_at": timezone.now().isoformat(),
    }


def finished(count: int) -> bool:
    leads = Lead.objects.filter(enrichment_status__in=["completed", "partial"]).exclude(ghl_contact_id="")
    missing = Lead.objects.filter(icp_tier__in=[1, 2], instantly_lead_id="")
    return leads.count() == count and not missing.exists()


def assert_nothing_is_double(sandbox: Sandbox, count: int) -> None:
    stats = sandbox.stats()
    assert stats["clay"]["rows"] == count
    assert stats["clay"]["duplicates_by_linkedin_url"] == 0
    assert stats["ghl"]["contacts"] == stats["ghl"]["contacts_with_email"] == count
    assert stats["ghl"]["duplicates_by_email"] == stats["instantly"]["duplicates_by_email"] == 0
    assert stats["instantly"]["leads"] == Lead.objects.filter(icp_tier__in=[1, 2]).count()
    for vendor in ("clay", "ghl", "instantly"):
        assert "429" not in json.dumps(stats[vendor].get("calls", stats[vendor]))


@pytest.mark.flow
def test_leads_go_all_the_way_within_the_limits(product, sandbox):
    answer = product.http.post("/api/leads", json={"leads": [lead(n) for n in range(LEADS)]})
    assert answer.status_code == 202
    assert len(answer.json()["accepted"]) == LEADS
    wait_for(lambda: finished(LEADS))
    assert_nothing_is_double(sandbox, LEADS)
    again = product.http.post("/api/leads", json=[lead(n) for n in range(LEADS)])
    assert len(again.json()["known"]) == LEADS
    payload = product.http.get(f"/api/leads/{Lead.objects.first().pk}").json()
    assert payload["email"]
    assert payload["provenance"]["consent_basis"] == "legitimate_interest"


@pytest.mark.flow
def test_a_worker_killed_in_mid_batch_loses_and_doubles_nothing(product, sandbox):
    product.http.post("/api/leads", json=[lead(n) for n in range(LEADS)])
    for threshold in (1, LEADS // 3):
        wait_for(lambda: Handover.objects.filter(status="done").count() >= threshold)  # noqa: B023
        product.kill("worker")
        product.processes["worker"] = product.start_worker()
    wait_for(lambda: finished(LEADS))
    assert_nothing_is_double(sandbox, LEADS)
    assert not WebhookDelivery.objects.filter(status="failed").exists()
