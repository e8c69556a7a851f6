"""Submissions to a Clay table at the pace that Clay allows: the real clock, the real workers, and no refusal."""

import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx

from tests.bench.bench import Bench
from tests.bench.cases.pipeline import hand_in
from tests.bench.clay_rows import KEYS, vendor_addresses
from tests.bench.databases import ROOT
from tests.bench.registry import Figure, at_least, at_most, benchmark
from tests.bench.servers import HOST, is_over, listens, running, sandbox, until
from tests.ports import free_port

PER_SECOND = 10.0  # Clay: into all sources of a workspace
SECONDS = 65.0  # measured, at the least
WARM_SHARE = 0.15  # at either end: the burst at the start, the last batches
LEADS = round(SECONDS * PER_SECOND / (1 - 2 * WARM_SHARE))
SECRET = "bench-webhook-secret"
SOURCE, TABLE, TOKEN = "bench", "t_bench", "bench-token"
LONGEST = 400.0


@benchmark("submissions", aim="≥ 98 % of Clay's 10 a second, and no 429")
def submissions(bench: Bench) -> Iterator[Figure]:
    port = free_port()
    column = {"url": f"http://{HOST}:{port}/webhooks/clay/row", "headers": {"X-Webhook-Secret": SECRET}}
    table = {
        "clay_tables": {TABLE: {"callback": column}},
        "clay_sources": {SOURCE: {"token": TOKEN, "table": TABLE}},
        "providers_per_hour": {},
    }
    with bench.empty() as database, sandbox(**KEYS, **table, limits=True, speed=1.0) as vendors:
        own = {
            "PORT": str(port),
            "BASE_URL": f"http://{HOST}:{port}",
            "CLAY_CONNECTOR": "table",
            "CLAY_WEBHOOK_SECRET": SECRET,
            "CLOCK_SPEED": "1",
        }
        environment = bench.environment(database, **vendor_addresses(vendors), **own)
        rate, seconds = _steady_rate(environment, vendors)
        note = f"{LEADS:,} leads, {seconds:.0f} s measured"
        yield Figure("submissions", rate, "/s", reference=PER_SECOND, note=note)
        yield Figure("submissions, share of the limit", 100 * rate / PER_SECOND, "%", aim=at_least(98.0))
        figures = _figures(vendors)
        yield Figure("submissions, 429s", figures["429"], "", aim=at_most(0.0))
        yield Figure("submissions, runs sent twice", figures["refs_twice"], "", aim=at_most(0.0))


def _steady_rate(environment: dict[str, str], vendors: str) -> tuple[float, float]:
    """(submissions a second, seconds it was measured over), by what the stand-in acknowledged between the warm ends."""
    from enrichment.models import ClaySource
    from swarm_admin.access.models import ApiKey
    from swarm_admin.core.encryption import encrypt

    address = f"{vendors}/clay/v3/sources/webhook/{SOURCE}"
    ClaySource.objects.create(name="Bench", url=address, token=encrypt(TOKEN), life=50_000)
    _, key = ApiKey.issue(name="bench", scopes=["leads:write"], by=None)
    with running([sys.executable, str(ROOT / "manage.py"), "serve"], environment) as serving:
        until(lambda: listens(int(environment["PORT"])), 60)
        hand_in(environment["BASE_URL"], key, LEADS)

        def past(share: float) -> tuple[float, int] | None:
            if is_over(serving):
                raise RuntimeError("`manage.py serve` ended by itself")
            taken = int(_figures(vendors)["acknowledged"])
            return (time.monotonic(), taken) if taken >= share * LEADS else None

        began, first = until(lambda: past(WARM_SHARE), LONGEST)
        ended, last = until(lambda: past(1 - WARM_SHARE), LONGEST)
    return (last - first) / (ended - began), ended - began


def _figures(vendors: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{vendors}/_stats", timeout=30, trust_env=False).json()["clay_table"]
    return found
