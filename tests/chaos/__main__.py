"""`make chaos`: a storm over the whole product, then the audit. Status 0 only where every claim holds."""

import argparse
import os
import shutil
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.chaos.product import PROVIDER_LIMITS, SPEED, Product, environment, two_ports, wait_until
from tests.chaos.schedule import blows, faults

if TYPE_CHECKING:
    from tests.chaos.storm import Storm
    from tests.plugins.sandbox import Sandbox


MOST = 0.8  # of the leads; then the faults end
START_SECONDS = 300.0  # a new cluster, every migration, and three programs, on a machine that is busy
FAULTS_FOR = 180.0  # seconds after the last kill, at most


def say(line: str) -> None:
    """A line for whoever watches, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same kills and leads")
    parser.add_argument("--clay", choices=("rows-api", "table"), default="rows-api", help="the connector")
    parser.add_argument("--leads", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=120.0, help="how long everything is killed")
    parser.add_argument("--lease", type=float, default=15.0, help="LEASE_SECONDS of the product")
    parser.add_argument("--no-postgres", action="store_true", help="spare PostgreSQL")
    parser.add_argument("--settle", type=float, default=600.0, help="most seconds to wait for quiet afterwards")
    parser.add_argument("--dir", type=Path, default=Path("var/chaos"), help="data of this run; emptied first")
    return parser.parse_args()


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    chosen = options()
    var_dir = chosen.dir.resolve()
    if var_dir.exists():
        shutil.rmtree(var_dir)
    var_dir.mkdir(parents=True)
    sandbox_port, port = two_ports()
    values = environment(var_dir, sandbox_port, port, chosen.lease, chosen.clay)
    os.environ.update(values)
    for name in ("DATABASE_URL", "REDIS_URL"):
        os.environ.pop(name, None)
    from tests.plugins.sandbox import Sandbox, start_sandbox

    # A callback is tried as long as a killed web process needs to come back.
    patient = {"callback_attempts": 6, "callback_backoff_seconds": 30.0}
    vendors = start_sandbox(sandbox_port, speed=SPEED, providers_per_hour=PROVIDER_LIMITS, **patient)
    sandbox = Sandbox(f"http://127.0.0.1:{sandbox_port}")
    product = Product(values, var_dir / "product.log")
    try:
        return _run(chosen, product, sandbox, var_dir)
    finally:
        product.stop()
        sandbox.close()
        vendors.terminate()
        vendors.wait(10)


def _run(chosen: argparse.Namespace, product: Product, sandbox: "Sandbox", var_dir: Path) -> int:
    import django

    django.setup()
    wait_until("the product's first answer", product.answers, START_SECONDS)
    from enrichment.models import Provider
    from swarm_admin.access.models import ApiKey
    from tests.chaos import audit, table_audit
    from tests.chaos.findings import Finding, table
    from tests.chaos.storm import Storm, resume_all

    _set_up_clay(chosen, product, sandbox)
    for slug, limit in PROVIDER_LIMITS.items():
        Provider.objects.filter(slug=slug).update(hourly_limit=limit)
    _, key = ApiKey.issue(name="chaos", scopes=["leads:read", "leads:write"], by=None)
    for fault in faults(chosen.clay):
        sandbox.fault(**fault)
    planned = blows(chosen.seed, chosen.seconds, postgres=not chosen.no_postgres)
    say(f"Storm {chosen.seed}: {chosen.leads:,} leads, {len(planned)} kills in {chosen.seconds:.0f} s")
    storm = Storm(product, sandbox, var_dir / "demo", seed=chosen.seed, key=key, connector=chosen.clay)
    storm.rage(planned, chosen.leads, chosen.seconds)
    _go_on_with_faults(chosen.leads)
    thrown = sandbox.http.get("/_faults").json()["faults"]
    sandbox.no_faults()
    resume_all()
    _tell(storm, thrown, sandbox)
    began = time.monotonic()
    quiet = _settle(product, sandbox, chosen.settle)
    auditing = table_audit.TableAudit if chosen.clay == "table" else audit.Audit
    findings = auditing(storm, sandbox, thrown).findings()
    findings += [
        Finding("everything came to rest", 1, not quiet),
        Finding("web, worker and beat run", 3, sum(product.program(n) is None for n in ("web", "worker", "beat"))),
        Finding("nothing else went wrong", 1, len(storm.problems), "; ".join(storm.problems)),
    ]
    say(f"\nAt rest {time.monotonic() - began:.0f} s after the storm. {_statuses()}\n\n{table(findings)}\n")
    say(_causes())
    held = all(finding.holds for finding in findings)
    say(f"Storm {chosen.seed}: {'every claim holds' if held else 'CLAIMS ARE BROKEN'}.")
    return 0 if held else 1


def _set_up_clay(chosen: argparse.Namespace, product: Product, sandbox: "Sandbox") -> None:
    """A table and its webhook by call, or the table that a person has made, with three sources of different lives."""
    from django.core.management import call_command

    from tests.chaos.product import SECRET
    from tests.flows.table_way import call_back
    from tests.plugins.clay_table import add_source

    if chosen.clay != "table":
        call_command("clay_setup")
        return
    for slug, life in (("first", chosen.leads // 3), ("second", 50_000), ("third", 50_000)):
        add_source(sandbox, slug, life=life)
    call_back(sandbox, f"{product.url}/webhooks/clay/row", SECRET)


def _go_on_with_faults(leads: int) -> None:
    """The kills are over; on a slow machine most of the work is yet to come, and is to meet the faults too."""
    from enrichment.models import Lead
    from enrichment.states import FINAL_STATUSES
    from tests.chaos.storm import resume_all

    end = time.monotonic() + FAULTS_FOR
    while time.monotonic() < end:
        resume_all()
        if Lead.objects.filter(enrichment_status__in=FINAL_STATUSES).count() >= MOST * leads:
            return
        time.sleep(2)


def _tell(storm: "Storm", thrown: list[dict[str, Any]], sandbox: "Sandbox") -> None:
    hits = ", ".join(f"{name} {count}" for name, count in sorted(storm.kills.items()))
    spared = sum(storm.missed.values())
    say(f"Killed: {hits}; {spared} times it was down already. {storm.unanswered} calls of the API repeated.")
    fired: Counter[str] = Counter()
    for fault in thrown:
        fired[f"{fault['vendor']} {fault['kind']}"] += fault["fired"]
    say("Faults: " + ", ".join(f"{name} {count}" for name, count in sorted(fired.items()) if count))


def _statuses() -> str:
    from django.db.models import Count

    from enrichment.models import Lead

    counted = Lead.objects.values_list("enrichment_status").annotate(Count("pk")).order_by()
    words = ", ".join(f"{status} {count:,}" for status, count in counted)
    return f"Leads: {words}; on Failures {Lead.objects.failing().count():,}."


def _causes() -> str:
    from enrichment.failures.groups import all_groups

    lines = [
        f"  {group.count:>5,}  {group.cause.title}: {group.cause.shape[:90]} {group.cause.provider}".rstrip()
        for group in all_groups()
    ]
    return "\n".join(["On Failures, by cause:", *lines, ""])


def _settle(product: Product, sandbox: "Sandbox", seconds: float) -> bool:
    """Wait until nothing is under way; False where something still is."""
    end, told = time.monotonic() + seconds, 0.0
    while time.monotonic() < end:
        wait_until("the web process", product.answers, 60)
        left = under_way() | _on_its_way(sandbox)
        if not left:
            return True
        if time.monotonic() - told > 20:
            told = time.monotonic()
            say("Waiting: " + ", ".join(f"{name} {count:,}" for name, count in left.items()))
        time.sleep(1)
    return False


def _on_its_way(sandbox: "Sandbox") -> dict[str, int]:
    """What Clay's tables have not called back yet."""
    table = sandbox.stats()["clay_table"]
    sent = table["deliveries"]
    ended = sent["acknowledged"] + sent.get("given_up", 0)
    left = {
        "rows being enriched": table["running"],
        "callbacks": table["callbacks"] + sent.get("doubled", 0) - ended,
    }
    return {name: count for name, count in left.items() if count}


def under_way() -> dict[str, int]:
    """{what: how many} that is not at rest; empty when all is."""
    from enrichment.models import Attempt, Batch, Handover, Lead, WebhookDelivery

    waiting = Lead.objects.filter(needs_person=False)
    counts = {
        "leads": waiting.filter(enrichment_status__in=("pending", "in_progress")).count(),
        "due for Clay": waiting.filter(dispatch_after__isnull=False).count(),
        "write-backs": Lead.objects.filter(write_back_after__isnull=False, clay_row_id__isnull=False).count(),
        "batches": Batch.objects.filter(status__in=("planned", "in_flight", "unknown")).count(),
        "deliveries": Handover.objects.filter(status__in=("planned", "in_flight", "unknown")).count(),
        # One that is overdue waits for a person.
        "attempts": Attempt.objects.filter(status__in=("intended", "running"), overdue_at=None).count(),
        "webhooks": WebhookDelivery.objects.filter(status__in=("received", "processing")).count(),
    }
    return {name: count for name, count in counts.items() if count}


if __name__ == "__main__":
    sys.exit(main())
