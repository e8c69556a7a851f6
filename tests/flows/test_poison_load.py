"""A load of webhooks of which one in fifty is poison: the others are processed, the poison stands on Failures.

POISON_LOAD=12000 pytest tests/flows/test_poison_load.py -s runs the whole of it and prints its figures.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

import pytest
from django.db.models import Min, Sum
from django.urls import reverse
from django.utils import timezone

from enrichment.failures import groups as failures
from enrichment.models import Lead, WebhookDelivery
from enrichment.pipeline.receive import storing
from swarm_admin.core import work
from tests.flows.poisoned import HOLDS, KILLS
from tests.plugins.sandbox import KEYS

LOAD = int(os.environ.get("POISON_LOAD", "300"))
ONE_IN = 50
HOLDING = 10  # of the poison, every tenth holds the interpreter; the others kill at once
KNOWN = 25  # of the sound ones, every so many tells of a lead whose row is asked for
WORKERS = 2
LEASE = 10.0
WITHIN = 240 + LOAD / 4  # seconds

pytestmark = [pytest.mark.flow, pytest.mark.timeout(WITHIN + 120)]


@dataclass
class Watched:
    """What a look at the tables every so often saw; seconds."""

    began: float = field(default_factory=time.monotonic)
    moved_at: float = field(default_factory=time.monotonic)
    state: tuple[int, ...] = ()
    longest_without_any: float = 0.0
    longest_held: float = 0.0

    def look(self) -> bool:
        """Whether all are over."""
        counts = Counter(WebhookDelivery.objects.values_list("status", flat=True))
        lapses = WebhookDelivery.objects.aggregate(n=Sum("lapses"))["n"] or 0
        state, now = (counts["processed"], counts["failed"], lapses), time.monotonic()
        if state != self.state or not any(state):  # until the first, the processes start
            self.state, self.moved_at = state, now
        self.longest_without_any = max(self.longest_without_any, now - self.moved_at)
        held = WebhookDelivery.objects.filter(status="processing").aggregate(since=Min("in_flight_since"))["since"]
        if held:
            self.longest_held = max(self.longest_held, (timezone.now() - held).total_seconds())
        return counts["processed"] + counts["failed"] == LOAD


@pytest.fixture
def product(process_environment, sandbox, tmp_path):
    """Workers, quarantine and beat under the product's supervisor, reading with poison; what they say is in a file."""
    environment = {
        **process_environment,
        **{name.upper(): value for name, value in KEYS.items()},
        "SWARM_MODE": "test",
        "CLAY_API_BASE_URL": f"{sandbox.url}/clay/v1",
        "GHL_API_BASE_URL": f"{sandbox.url}/ghl",
        "INSTANTLY_API_BASE_URL": f"{sandbox.url}/instantly/api/v2",
        "INSTANTLY_CAMPAIGN_ID": "campaign",
        "CLOCK_SPEED": "60",
        "TICK_SECONDS": "0.3",
        "LEASE_SECONDS": str(LEASE),
        "LOG_LEVEL": "ERROR",
        "AUDIT_ANCHOR_FILE": str(tmp_path / "anchors.jsonl"),
        "BEAT_SCHEDULE": str(tmp_path / "beat"),
    }
    sandbox.config(speed=60.0, limits=False)
    said = tmp_path / "said"
    command = [sys.executable, "-m", "tests.flows.poisoned", "serve", str(WORKERS)]
    with said.open("w") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)
        try:
            yield said
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def known_leads(sandbox, count):
    """Leads with a row in Clay, and the ids of their rows."""
    now = timezone.now()
    leads = [
        Lead(
            linkedin_url=f"https://www.linkedin.com/in/known-{number}",
            source_type="event_attendee",
            source_name="SaaStr",
            scraped_at=now,
            retention_until=now + timezone.timedelta(days=700),
            clay_table_id="tbl_test",
        )
        for number in range(count)
    ]
    ids = []
    for part in (leads[at : at + 50] for at in range(0, count, 50)):
        rows = [{"linkedin_url": lead.linkedin_url, "email_work": f"a{len(ids)}@acme.example"} for lead in part]
        made = sandbox.clay.post("/tables/tbl_test/rows", json={"rows": rows}).json()["rows"]
        for lead, row in zip(part, made, strict=True):
            lead.clay_row_id = row["id"]
            ids.append(row["id"])
    Lead.objects.bulk_create(leads)
    return ids


def post(rows):
    """The load; how many of it are poison."""
    poison, told = 0, timezone.now().isoformat()
    for number in range(LOAD):
        news = {"event": "row.enriched", "row_id": f"row_unknown_{number}", "timestamp": told, "data": {}}
        if number % ONE_IN == ONE_IN // 2:
            mark = HOLDS if poison % HOLDING == HOLDING // 2 else KILLS
            news["data"] = {"note": mark.decode()}
            poison += 1
        elif number % KNOWN == 0:
            news["row_id"] = rows[number // KNOWN]
        storing.store(json.dumps(news).encode(), {})
    return poison


def test_the_rest_is_processed_and_the_poison_stands_on_failures(sandbox, process_environment, request, sales_client):
    poison = post(known_leads(sandbox, LOAD // KNOWN + 1))
    said = request.getfixturevalue("product")
    watched = Watched()
    while not watched.look():
        assert time.monotonic() - watched.began < WITHIN, watched
        time.sleep(0.25)
    took = time.monotonic() - watched.began
    ended = Counter(re.findall(r"^\s*(\w+) \| stopped with exit code (-?\d+)", said.read_text(), re.MULTILINE))
    print(  # noqa: T201 - the figures of the run
        f"\n{LOAD:,} webhooks, {poison} poison: {took:.0f} s; processed {watched.state[0]:,}, set aside "
        f"{watched.state[1]}; lapses {watched.state[2]:,}; longest lease held {watched.longest_held:.1f} s, longest "
        f"without any progress {watched.longest_without_any:.1f} s; processes ended: {dict(ended)}"
    )
    aside = WebhookDelivery.objects.filter(status="failed")
    assert aside.count() == poison
    assert set(aside.values_list("error_kind", "lapses")) == {(work.LOST, work.LAPSES_MOST)}
    assert all(KILLS in bytes(body) or HOLDS in bytes(body) for body in aside.values_list("body", flat=True))
    sound = WebhookDelivery.objects.filter(status="processed")
    assert sound.count() == LOAD - poison
    assert set(sound.values_list("verdict", flat=True)) == {"accepted", "unknown_row"}
    page = sales_client.get(reverse("failures")).content.decode()
    assert "Webhook: worker crashed" in page
    assert {group.cause.what: group.count for group in failures.all_groups()}["webhook"] == poison
    assert watched.longest_held < 2 * LEASE
