"""Signed webhooks that a careless reader would work on for hours: each is judged, and so is what came behind it."""

import base64
import json
import random
import subprocess
import sys

import pytest
from django.test import Client

from enrichment.models import WebhookDelivery
from gdpr.identity import Identity
from gdpr.suppression import gate
from tests.plugins.pipeline import SECRET

pytestmark = pytest.mark.flow

READ_ALL = """
import resource, django
django.setup()
from enrichment.pipeline.receive import reading
used = resource.getrusage(resource.RUSAGE_SELF)
seconds = int(used.ru_utime + used.ru_stime) + 6
resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
reading.run_due()
"""
PICTURE = base64.b64encode(random.Random(1).randbytes(740_000))
HOSTILE = {
    "one letter": (b"r" * 400_000, "malformed"),
    "an image": (json.dumps({"picture": PICTURE.decode()}).encode(), "malformed"),
    "Chinese": (("漢字" * 166_000).encode(), "malformed"),
    "at signs": (b"a@" * 200_000, "malformed"),
    "deep": (b"[" * 400_000, "malformed"),
    "a crowd": (b" ".join(b"p%d@home.example" % number for number in range(40_000)), "suppressed"),
    "a suppressed person behind a long token": (b"r" * 400_000 + b" erika@home.example", "suppressed"),
    "the same in escapes, deep": (b"[" * 400_000 + b' "erika\\u0040home.example"', "suppressed"),
}


def post(body):
    headers = {"X-Webhook-Secret": SECRET}
    return Client().post("/webhooks/clay/enrichment-complete", body, content_type="application/json", headers=headers)


def event(row_id):
    told = {"event": "row.enriched", "row_id": row_id, "timestamp": "2026-01-15T10:00:00Z", "data": {}}
    return json.dumps(told).encode()


@pytest.mark.timeout(300)
def test_none_of_them_holds_up_the_others(process_environment, settings):
    settings.CLAY_WEBHOOK_SECRET = SECRET
    gate.suppress(Identity(emails=("erika@home.example",)), reason="erasure")
    assert post(event("row_before")).status_code == 200
    for name, (body, _) in HOSTILE.items():
        assert post(body).status_code == 200, name
    assert post(event("row_behind")).status_code == 200

    told = {**process_environment, "SWARM_MODE": "test"}
    read = subprocess.run([sys.executable, "-c", READ_ALL], env=told, check=False)
    assert read.returncode == 0, "it took more of the processor than it may"

    deliveries = list(WebhookDelivery.objects.order_by("id"))
    assert {each.status for each in deliveries} == {"processed"}
    verdicts = [each.verdict for each in deliveries]
    assert verdicts == ["unknown_row", *(verdict for _, verdict in HOSTILE.values()), "unknown_row"]
    kept = {each.verdict for each in deliveries if bytes(each.body)}
    assert kept == {"unknown_row", "malformed"}, "nothing is kept of the suppressed, nor of a crowd"
