"""The sandbox's records in a file between two runs: a demo started again finds its vendors as they were."""

import pickle
from pathlib import Path
from typing import Any

from swarm_admin.sandbox import waterfall
from swarm_admin.sandbox.clay import Clay
from swarm_admin.sandbox.clay_routine.api import ClayRoutine
from swarm_admin.sandbox.clay_table.sources import ClayTable
from swarm_admin.sandbox.credits import Credits
from swarm_admin.sandbox.ghl import GoHighLevel
from swarm_admin.sandbox.instantly import Instantly

KEPT: dict[str, tuple[str, ...]] = {
    "credits": ("used",),
    "ghl": ("contacts", "deleted", "by_email", "by_phone", "made", "traced", "custom_fields"),
    "instantly": ("leads", "by_email", "blocked", "made"),
}


class Records:
    """The vendors whose records are kept."""

    def __init__(
        self,
        *,
        clay: Clay,
        table: ClayTable,
        routine: ClayRoutine,
        credits: Credits,
        ghl: GoHighLevel,
        instantly: Instantly,
    ) -> None:
        self.clay, self.table, self.routine = clay, table, routine
        self.plain: dict[str, Any] = {"credits": credits, "ghl": ghl, "instantly": instantly}

    def save(self, path: Path) -> None:
        """Writes every record; the file is replaced as a whole."""
        records: dict[str, Any] = {
            name: {each: getattr(self.plain[name], each) for each in kept} for name, kept in KEPT.items()
        }
        records["clay"] = {"tables": self.clay.tables, "webhooks": self.clay.webhooks.registered}
        records["table"] = {"sources": self.table.sources, "sheets": self.table.sheets, "refs": self.table.refs}
        records["routine"] = {"routines": self.routine.routines, "runs": self.routine.runs}
        records["pointers"] = self.routine.pointers.registered
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_bytes(pickle.dumps(records))
        fresh.replace(path)

    def load(self, path: Path) -> None:
        """Takes the records up again; what was cut short begins anew, rows with the default waterfalls."""
        if not path.exists():
            return
        records = pickle.loads(path.read_bytes())  # noqa: S301 - a file this program wrote
        for name, kept in KEPT.items():
            for each in kept if name in records else ():
                if each not in records[name]:
                    continue  # written by the release before
                setattr(self.plain[name], each, records[name][each])
        self._load_clay(records["clay"])
        self.table.take_up(**records.get("table", {"sources": {}, "sheets": {}}))
        self.routine.pointers.take_up(records.get("pointers", {}))
        self.routine.take_up(**records.get("routine", {"routines": {}, "runs": {}}))

    def _load_clay(self, records: dict[str, Any]) -> None:
        clay = self.clay
        clay.tables, clay.webhooks.registered = records["tables"], records["webhooks"]
        for table in clay.tables.values():
            table.removed = []  # the index has caught up
            for row in table.rows.values():
                row.born = 0.0  # long indexed
                if row.values.get("enrichment_status") == "in_progress":
                    clay.runs.start(table, row, waterfall.DEFAULT, set())
