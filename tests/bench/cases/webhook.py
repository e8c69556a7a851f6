"""Clay's webhooks: how many are stored and acknowledged, how long one waits, and that all are read in the end."""

import json
import time
from collections.abc import Iterator
from typing import Any

from tests.bench.bench import Bench, Database
from tests.bench.clay_rows import KEYS, known_rows, vendor_addresses
from tests.bench.load import NUMBER, Loaded, load
from tests.bench.reference.bare_table import CREATE
from tests.bench.registry import Figure, at_least, at_most, benchmark, ratio_at_least
from tests.bench.servers import BARE_VIEW, PRODUCT, is_over, running, sandbox, until, web

PATH = "/webhooks/clay/enrichment-complete"
SECRET = "bench-webhook-secret"
CONNECTIONS = 16
THREADS = "8"
BURST = 4_000
ROUNDS = 3  # of each, in turn; the best counts, for what slows one down is the machine
RATE, RATED_SECONDS = 300, 10
ROWS = 1_000  # rows of Clay that the timely deliveries are about
READ_SECONDS = 600.0


@benchmark("webhook", aim="≥ 0.7 of a bare Django view; p99 ≤ 50 ms at 300/s; then everything processed")
def webhook(bench: Bench) -> Iterator[Figure]:
    with bench.empty() as database, sandbox(**KEYS, limits=False, speed=1000.0) as vendors:
        environment = _environment(bench, database, vendors)
        rows = known_rows(vendors, min(ROWS, bench.size))
        burst = min(BURST, bench.size)
        ours, bare = _bursts(bench, environment, burst)
        best = max(ours, key=lambda each: each.per_second)
        yield Figure(
            "webhook, stored",
            best.per_second,
            "/s",
            reference=max(each.per_second for each in bare),
            aim=ratio_at_least(0.7),
            note=f"{CONNECTIONS} connections, the best of {ROUNDS} in turn",
        )
        yield Figure("webhook, stored, p99", best.percentile(0.99), "ms", reference=bare[-1].percentile(0.99))
        timely = min(RATE * RATED_SECONDS, bench.size)
        with web(environment) as (port, _):
            load(port, _requests(rows), connections=CONNECTIONS, count=50).require(200)
            paced = load(port, _requests(rows), connections=CONNECTIONS, count=timely, rate=RATE).require(200)
        yield Figure(f"webhook, p99 at {RATE}/s", paced.percentile(0.99), "ms", aim=at_most(50.0))
        yield from _all_read(environment)


def _environment(bench: Bench, database: Database, vendors: str) -> dict[str, str]:
    return bench.environment(
        database,
        **vendor_addresses(vendors),
        CLAY_WEBHOOK_SECRET=SECRET,
        WEB_THREADS=THREADS,
        CLOCK_SPEED="1000",
    )


def _requests(rows: list[str]) -> list[dict[str, Any]]:
    """A delivery for each row; each body is different, as the times of events are."""
    headers = {"Content-Type": "application/json", "X-Webhook-Secret": SECRET, "User-Agent": "Clay"}
    return [{"method": "POST", "path": PATH, "headers": headers, "body": json.dumps(_event(row))} for row in rows]


def _event(row: str) -> dict[str, Any]:
    url = f"https://www.linkedin.com/in/{row.replace('_', '-')}"
    return {
        "event": "row.enriched",
        "timestamp": "2026-01-15T10:00:00Z",
        "table_id": KEYS["clay_table_id"],
        "row_id": row,
        "delivery": NUMBER.decode(),
        "data": {
            "linkedin_url": url,
            "email_work": "a@b.example",
            "enrichment_status": "completed",
            "icp_score": 85,
        },
    }


def _bursts(bench: Bench, environment: dict[str, str], count: int) -> tuple[list[Loaded], list[Loaded]]:
    """As many as can be: the product and the bare view in turn, each server alone."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(CREATE)
    requests = _requests([f"strange_{number}" for number in range(200)])
    found: dict[str, list[Loaded]] = {PRODUCT: [], BARE_VIEW: []}
    for _ in range(ROUNDS):
        for application, loads in found.items():
            with web(environment, application) as (port, _process):
                load(port, requests, connections=CONNECTIONS, count=max(count // 20, 20)).require(200)
                loads.append(load(port, requests, connections=CONNECTIONS, count=count).require(200))
    return found[PRODUCT], found[BARE_VIEW]


def _all_read(environment: dict[str, str]) -> Iterator[Figure]:
    """A worker and its clock come afterwards, and leave nothing."""
    from enrichment.models import WebhookDelivery
    from enrichment.states import DeliveryStatus
    from swarm_admin import processes

    total = WebhookDelivery.objects.count()
    read = WebhookDelivery.objects.filter(status=DeliveryStatus.PROCESSED)
    started = time.monotonic()
    with (
        running(processes.worker().arguments, environment) as worker,
        running(processes.beat().arguments, environment) as beat,
    ):
        until(lambda: read.count() == total or is_over(worker) or is_over(beat), READ_SECONDS, every=0.5)
    seconds = time.monotonic() - started
    note = f"{total:,} deliveries, by one worker"
    yield Figure("webhook, processed", 100 * read.count() / total, "%", aim=at_least(100.0), note=note)
    yield Figure("webhook, processed a second", total / seconds, "/s")
