"""Leads from intake to both deliveries, by the programs that `manage.py serve` starts, against the stand-ins."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import psutil

from tests.bench.bench import Bench, Database
from tests.bench.clay_rows import KEYS, vendor_addresses
from tests.bench.databases import ROOT
from tests.bench.registry import Figure, at_least, at_most, benchmark
from tests.bench.servers import HOST, is_over, listens, running, sandbox, until
from tests.ports import free_port

FREE_LEADS = 6_000
FREE_SPEED = 1_000.0  # how much faster the vendors are: what is measured is ours
# With the specified limits the slowest vendor lets 5 leads a second pass; so often as this machine can.
BOUND_SPEED, BOUND_LEADS = 4.0, 1_400
WARM_SHARE = 0.15  # of the calls at either end are left out: then the limit is not what binds
UNBOUND = "1000000000"
LIMITS = (
    "CLAY_ROWS_PER_MINUTE", "CLAY_UPDATES_PER_MINUTE", "CLAY_TRIGGERS_PER_MINUTE", "CLAY_EXPORTS_PER_HOUR",
    "GHL_PER_TEN_SECONDS", "GHL_PER_DAY", "INSTANTLY_PER_SECOND", "INSTANTLY_PER_MINUTE",
)  # fmt: skip
INTAKE = 500  # leads in one call
LONGEST = 300.0


@benchmark("pipeline", aim="≥ 130 leads/s without limits; with the specified ones ≥ 98 % of the possible, and no 429")
def pipeline(bench: Bench) -> Iterator[Figure]:
    yield from _without_limits(bench)
    yield from _within_limits(bench)


def _without_limits(bench: Bench) -> Iterator[Figure]:
    count = min(FREE_LEADS, bench.size)
    # The product's own clock as in production: compressed, its hourly housekeeping would come every few seconds.
    limits = {**dict.fromkeys(LIMITS, UNBOUND), "CLAY_FLUSH_SECONDS": "1"}
    with bench.empty() as database, sandbox(**KEYS, limits=False, speed=FREE_SPEED) as vendors:
        _open_to_all()
        environment = _environment(bench, database, vendors, speed=1.0, latency=0.0, **limits)
        seconds, _ = _delivered(environment, count)
        yield Figure("pipeline, leads to both", count / seconds, "/s", aim=at_least(130.0), note=f"{count:,} leads")
        yield Figure("pipeline, 429s without limits", _refused(vendors), "", aim=at_most(0.0))


def _within_limits(bench: Bench) -> Iterator[Figure]:
    """The specified limits on a clock compressed for both sides, with the margin for latency compressed alike."""
    from django.conf import settings

    count = min(BOUND_LEADS, bench.size)
    latency = settings.VENDOR_LATENCY_SECONDS / BOUND_SPEED
    with bench.empty() as database, sandbox(**KEYS, limits=True, speed=BOUND_SPEED) as vendors:
        _open_to_all()
        environment = _environment(bench, database, vendors, speed=BOUND_SPEED, latency=latency)
        _, finished = _delivered(environment, count)
        possible = settings.GHL_PER_TEN_SECONDS / 10.0 * BOUND_SPEED / CALLS_OF_A_CONTACT
        cut = int(len(finished) * WARM_SHARE)
        steady = finished[cut : len(finished) - cut]
        rate = (len(steady) - 1) / (steady[-1] - steady[0])
        note = f"GoHighLevel's limit binds; clock times {BOUND_SPEED:g}"
        yield Figure("pipeline, within limits", rate, "leads/s", reference=possible, note=note)
        yield Figure("pipeline, share of possible", 100 * rate / possible, "%", aim=at_least(98.0))
        yield Figure("pipeline, 429s within limits", _refused(vendors), "", aim=at_most(0.0))


CALLS_OF_A_CONTACT = 2  # upsert, then tags


def _environment(
    bench: Bench, database: Database, vendors: str, *, speed: float, latency: float, **more: str
) -> dict[str, str]:
    port = free_port()
    own = {
        "PORT": str(port),
        "BASE_URL": f"http://{HOST}:{port}",
        "CLAY_WEBHOOK_SECRET": "bench-webhook-secret",
        "CLOCK_SPEED": str(speed),
        "VENDOR_LATENCY_SECONDS": str(latency),
        "TICK_SECONDS": "0.5",
    }
    return bench.environment(database, **vendor_addresses(vendors), **own, **more)


def _open_to_all() -> None:
    """Every lead is in the first tier, so that each goes to both systems; no provider's budget ends."""
    from enrichment.models import Provider, ScorecardVersion

    card = ScorecardVersion.objects.get(status="published")
    document = json.loads(json.dumps(card.document))
    document["tiers"][0]["at_least"], document["tiers"][1]["at_least"] = 0.2, 0.1
    document["components"][0]["bands"].append({"above": 0, "points": 1})
    ScorecardVersion.objects.filter(pk=card.pk).update(document=document)
    Provider.objects.update(hourly_limit=None)


def _delivered(environment: dict[str, str], count: int) -> tuple[float, list[float]]:
    """(seconds until the last lead is delivered to both, when each contact was done in GoHighLevel)."""
    from enrichment.models import Handover
    from enrichment.states import HandoverStatus
    from swarm_admin.access.models import ApiKey

    _, key = ApiKey.issue(name="bench", scopes=["leads:write"], by=None)
    done = Handover.objects.filter(status=HandoverStatus.DONE)
    manage = [sys.executable, str(ROOT / "manage.py")]
    with running([*manage, "serve"], environment) as serving:
        until(lambda: listens(int(environment["PORT"])), 60)
        subprocess.run([*manage, "clay_setup"], env=environment, check=True, stdout=subprocess.DEVNULL)
        started = time.monotonic()
        hand_in(environment["BASE_URL"], key, count)
        until(lambda: _all_there(count) or _stopped(serving), LONGEST, every=0.25)
        seconds = time.monotonic() - started
    finished = done.filter(system="ghl").order_by("finished_at").values_list("finished_at", flat=True)
    return seconds, [moment.timestamp() for moment in finished]


def _all_there(count: int) -> bool:
    """Every lead in GoHighLevel, and those of Tier 1 and 2 in Instantly: nothing is on its way any more."""
    from enrichment.models import Handover
    from enrichment.pipeline.deliver.planning import OPEN
    from enrichment.states import HandoverStatus

    handovers = Handover.objects
    in_ghl = handovers.filter(system="ghl", status=HandoverStatus.DONE).count()
    return in_ghl >= count and not handovers.filter(status__in=OPEN).exists()


def _stopped(serving: psutil.Process) -> bool:
    if is_over(serving):
        raise RuntimeError("`manage.py serve` ended by itself")
    return False


def hand_in(url: str, key: str, count: int) -> None:
    """So many new leads through the API at `url`, INTAKE in a call."""
    from django.utils import timezone

    now = timezone.now().isoformat()
    rows: list[dict[str, Any]] = [
        {"linkedin_url": f"https://www.linkedin.com/in/bench-lead-{number}", "source_type": "post_liker",
         "source_name": "A post", "scraped_at": now}
        for number in range(count)
    ]  # fmt: skip
    with httpx.Client(base_url=url, headers={"X-API-Key": key}, timeout=60, trust_env=False) as client:
        for start in range(0, count, INTAKE):
            client.post("/api/leads", json={"leads": rows[start : start + INTAKE]}).raise_for_status()


def _refused(vendors: str) -> int:
    figures = httpx.get(f"{vendors}/_stats", timeout=30, trust_env=False).json()
    return sum(int(figures[name]["429"]) for name in ("clay", "ghl", "instantly"))
