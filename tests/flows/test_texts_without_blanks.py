"""Megabytes of Chinese and Japanese without a blank, in signed webhooks: read, and looked through by an erasure.

Nothing in them parts the words, so a careless search begins anew at each character.
"""

import json
import time

import pytest

from enrichment.models import WebhookDelivery
from gdpr.models import StepAttempt
from tests.flows.desk import Desk
from tests.plugins.pipeline import SECRET
from tests.plugins.sandbox import wait_for

pytestmark = [pytest.mark.flow, pytest.mark.timeout(400)]
MOST = 999_000  # bytes, just under WEBHOOK_MAX_BYTES
NAME = "李 明明"  # whom the erasure looks for, beside the lead's own name
UNITS = ("漢字", "山田太郎のカタカナ。", "李明明", "李\u3000", "明明李@acme.例え")
TOOK = 60.0  # seconds for all of them, on a machine that is busy; in square time it would be hours


def filled(unit: str) -> str:
    return unit * (MOST // len(unit.encode()) - 200 // len(unit))


def event(row_id: str, text: str) -> bytes:
    told = {"event": "row.enriched", "row_id": row_id, "timestamp": "2026-01-15T10:00:00Z"}
    return json.dumps({**told, "data": {"company_name": text}}, ensure_ascii=False).encode()


@pytest.mark.parametrize("more_settings", [{"CLAY_WEBHOOK_SECRET": SECRET}])
def test_they_are_read_and_looked_through_and_nothing_stands_still(desk: Desk) -> None:
    (lead,) = desk.everywhere("anna-acme")
    known = set(WebhookDelivery.objects.values_list("pk", flat=True))
    bodies = [filled(unit).encode() for unit in UNITS]
    bodies += [event("row_of_nobody", filled(unit)) for unit in UNITS]
    for body in [*bodies, event("row_behind", "Acme")]:
        assert MOST * 0.9 < len(body) < 1_000_000 or len(body) < 200
        sent = desk.product.http.post(
            "/webhooks/clay/enrichment-complete",
            content=body,
            headers={"X-Webhook-Secret": SECRET, "Content-Type": "application/json"},
        )
        assert sent.status_code == 200
    began = time.monotonic()
    new = WebhookDelivery.objects.exclude(pk__in=known)
    wait_for(lambda: new.filter(status="processed").count() == len(bodies) + 1)
    assert time.monotonic() - began < TOOK
    assert not new.filter(lapses__gt=0).exists(), "no worker was frozen"

    request = desk.located("erasure", lead, name=NAME)
    desk.approve(request)
    desk.until(request, "completed", "needs_action")
    (scan,) = request.steps.filter(action="scan")
    # The name stands in the texts: that is an officer's to look at, and no failure.
    assert scan.status in ("done", "manual"), (scan.status, scan.error_message)
    last = StepAttempt.objects.filter(step=scan, ended_at__isnull=False).latest("number")
    assert (last.ended_at - last.started_at).total_seconds() < TOOK
    assert scan.lapses == 0
    assert desk.product.http.get("/readyz").status_code == 200
