"""Enrichment in Clay: a run takes its time, fills the row, reckons the formula columns, sends the webhook."""

import asyncio
import datetime
from typing import Any

from swarm_admin.sandbox import icp
from swarm_admin.sandbox.clay_store import Row, Table, now
from swarm_admin.sandbox.config import Config
from swarm_admin.sandbox.faults import Faults
from swarm_admin.sandbox.limits import Limits
from swarm_admin.sandbox.people import Draw, canonical
from swarm_admin.sandbox.stats import Stats
from swarm_admin.sandbox.waterfall import Result, Run, stamp
from swarm_admin.sandbox.webhooks import Webhooks

RETENTION = datetime.timedelta(days=730)


def status_of(values: dict[str, Any], error: Any) -> str:
    """The status of the specification's rule (D3)."""
    email = values.get("email_work") or values.get("email_personal")
    if email and values.get("company_size"):
        return "completed"
    if email or values.get("phone"):
        return "partial"
    return "failed" if error else "unenrichable"


def scores(values: dict[str, Any], config: Config) -> dict[str, Any]:
    """The formula columns; the configured answer stands in for the formula's where there is one."""
    url = canonical(values.get("linkedin_url"))
    configured = [score for each, score in config.clay_scores.items() if canonical(each) == url]
    score = configured[0] if configured else icp.score(values)
    return {"icp_score": score, "icp_tier": icp.tier(score)}


def run_seconds(config: Config, url: str, run: int) -> float:
    """Real seconds of a run, which depend on the person and the number of the run."""
    shortest, longest = config.enrich_seconds
    share = Draw("time", url, config.seed, run).share("seconds")
    return (shortest + (longest - shortest) * share) / config.speed


def provenance(values: dict[str, Any], result: Result, moment: datetime.datetime) -> dict[str, Any]:
    """The nested document of the specification."""
    try:
        collected = datetime.datetime.fromisoformat(values.get("scraped_at") or "")
    except ValueError:
        collected = moment
    providers = [
        {"name": each["name"], "fields": each["fields_enriched"], "timestamp": each["timestamp"]}
        for each in result.providers_used
        if each["fields_enriched"]
    ]
    return {
        "collection": {
            "source": values.get("source_type"),
            "collected_at": values.get("scraped_at"),
            "collector": "hunter-mcp",
            "legal_basis": "legitimate_interest",
        },
        "enrichment": {"providers": providers, "completed_at": stamp(moment)},
        "processing": {
            "purpose": "sales_outreach",
            "legal_basis": "legitimate_interest",
            "documented_interest": "B2B revenue operations solutions",
            "retention_days": RETENTION.days,
            "retention_until": stamp(collected + RETENTION),
        },
        "access_log": [],
    }


class Runs:
    """Starts runs and finishes them when their time has come."""

    def __init__(self, config: Config, faults: Faults, stats: Stats, limits: Limits, webhooks: Webhooks) -> None:
        self.config, self.faults, self.stats = config, faults, stats
        self.limits, self.webhooks = limits, webhooks
        self.waiting: set[asyncio.TimerHandle] = set()

    def start(self, table: Table, row: Row, document: dict[str, Any], skip: set[str]) -> None:
        """Begins a run."""
        row.runs += 1
        table.change(row, {"enrichment_status": "in_progress"})
        seconds = run_seconds(self.config, canonical(row.values["linkedin_url"]), row.runs)

        def finish() -> None:
            self.waiting.discard(handle)
            self.finish(table, row, document, skip)

        handle = asyncio.get_running_loop().call_later(seconds, finish)
        self.waiting.add(handle)

    def finish(self, table: Table, row: Row, document: dict[str, Any], skip: set[str]) -> None:
        """Runs the waterfalls and writes the row; a row deleted meanwhile stays deleted."""
        if table.rows.get(row.id) is not row:
            return
        result = Run(row.values, self.config, self.faults, self.stats, self.limits).go(document, skip)
        moment = now() + datetime.timedelta(seconds=self.config.clock_skew_seconds)
        found = {name: value for name, value in result.values.items() if name in table.columns}
        row.providers_used, row.error = result.providers_used, result.error
        merged = row.values | found
        system = {
            "enrichment_status": status_of(merged, result.error),
            "enriched_at": stamp(moment),
            "provenance": provenance(merged, result, moment),
        }
        table.change(row, found | {name: value for name, value in system.items() if name in table.columns})
        self.formula(table, row)
        self.stats.counts["clay"]["enrichment_failed" if result.error else "enriched"] += 1
        self.webhooks.emit(self.event(table, row, moment))

    def formula(self, table: Table, row: Row) -> None:
        """Fills the formula columns."""
        values = scores(row.values, self.config)
        table.change(row, {name: value for name, value in values.items() if name in table.columns})

    def event(self, table: Table, row: Row, moment: datetime.datetime) -> dict[str, Any]:
        """The webhook's body."""
        names = ("linkedin_url", "email_work", "enrichment_status", "icp_score", "icp_tier")
        data = {name: row.values.get(name) for name in names}
        if row.error:
            data["error"] = row.error
        return {
            "event": "row.enrichment_failed" if row.error else "row.enriched",
            "timestamp": stamp(moment),
            "table_id": table.id,
            "row_id": row.id,
            "data": data,
        }

    def stop(self) -> None:
        """Forgets the runs that have not ended."""
        for handle in self.waiting:
            handle.cancel()
        self.waiting.clear()
