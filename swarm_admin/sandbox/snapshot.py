"""The sandbox's records in a file between two runs: a demo started again finds its vendors as they were."""

import pickle
from pathlib import Path
from typing import Any

from swarm_admin.sandbox import waterfall
from swarm_admin.sandbox.clay import Clay
from swarm_admin.sandbox.ghl import GoHighLevel
from swarm_admin.sandbox.instantly import Instantly

KEPT: dict[str, tuple[str, ...]] = {
    "ghl": ("contacts", "deleted", "by_email", "by_phone", "made", "traced"),
    "instantly": ("leads", "by_email", "blocked", "made"),
}


def save(path: Path, clay: Clay, ghl: GoHighLevel, instantly: Instantly) -> None:
    """Writes every record; the file is replaced as a whole."""
    vendors = {"ghl": ghl, "instantly": instantly}
    records: dict[str, Any] = {
        name: {each: getattr(vendors[name], each) for each in kept} for name, kept in KEPT.items()
    }
    records["clay"] = {"tables": clay.tables, "webhooks": clay.webhooks.registered}
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(pickle.dumps(records))
    fresh.replace(path)


def load(path: Path, clay: Clay, ghl: GoHighLevel, instantly: Instantly) -> None:
    """Takes the records up again; runs that were cut short begin anew with the default waterfalls."""
    if not path.exists():
        return
    records = pickle.loads(path.read_bytes())  # noqa: S301 - a file this program wrote
    vendors = {"ghl": ghl, "instantly": instantly}
    for name, kept in KEPT.items():
        for each in kept:
            setattr(vendors[name], each, records[name][each])
    clay.tables = records["clay"]["tables"]
    clay.webhooks.registered = records["clay"]["webhooks"]
    for table in clay.tables.values():
        table.removed = []  # the index has caught up
        for row in table.rows.values():
            row.born = 0.0  # long indexed
            if row.values.get("enrichment_status") == "in_progress":
                clay.runs.start(table, row, waterfall.DEFAULT, set())
