"""One enrichment as Clay's tables and routines see it: a cell for each column, and what it cost on both meters."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from swarm_admin.sandbox.clay_runs import scores, status_of
from swarm_admin.sandbox.config import Config
from swarm_admin.sandbox.credits import Credits
from swarm_admin.sandbox.faults import Faults
from swarm_admin.sandbox.limits import Limits
from swarm_admin.sandbox.stats import Stats
from swarm_admin.sandbox.waterfall import CATALOGUE, PROFILE, Result, Run, stamp

STATUSES = ("success", "error", "empty", "running", "queued", "retry", "rate_limited", "awaiting_callback")
# kind of column → the columns it fills
GROUPS: dict[str, tuple[str, ...]] = {
    "profile": PROFILE,
    **{
        name.removeprefix("waterfall_"): tuple(
            dict.fromkeys(column for part in providers.values() for column in part[0])
        )
        for name, providers in CATALOGUE.items()
    },
}
FORMULAS = ("icp_score", "icp_tier", "enrichment_status", "enriched_at", "cost", "credits", "error")
ENRICHED = tuple(column for columns in GROUPS.values() for column in columns)


def columns_of(name: str) -> tuple[str, ...]:
    """The columns that a waterfall fills."""
    return GROUPS[name.removeprefix("waterfall_")]


@dataclass
class Cell:
    """What one column has in one row. `status` is one of STATUSES."""

    value: Any = None
    status: str = "success"
    error: str = ""

    def shown(self) -> dict[str, Any]:
        """As the control calls show it."""
        return {"value": self.value, "status": self.status, **({"error": self.error} if self.error else {})}


def cell_of(value: Any) -> Cell:
    """A value that was found, or an empty cell."""
    return Cell(value, "empty" if value in (None, "", []) else "success")


@dataclass
class Enrichment:
    """The cells by column, the error of the first column that failed, dollars and both meters."""

    cells: dict[str, Cell] = field(default_factory=dict)
    error: str = ""
    cost: float = 0.0
    actions: int = 0
    data_credits: int = 0

    def values(self) -> dict[str, Any]:
        """{column: value} of what was found."""
        return {name: cell.value for name, cell in self.cells.items() if cell.status == "success"}


class Enricher:
    """Runs the waterfalls of a row, each a column of its own: what fails in one does not stop the next."""

    def __init__(self, config: Config, faults: Faults, stats: Stats, limits: Limits, credits: Credits) -> None:
        self.config, self.faults, self.stats = config, faults, stats
        self.limits, self.credits = limits, credits

    def run(
        self,
        row: dict[str, Any],
        document: dict[str, Any],
        workspace: str,
        spoil: Callable[[Enrichment], None] = lambda done: None,
    ) -> Enrichment:
        """Everything that is found about the row's person, charged to the workspace.

        `spoil` may change cells before the formula columns are reckoned from them.
        """
        done, falls = Enrichment(), Run(row, self.config, self.faults, self.stats, self.limits)
        for kind, part in self._parts(document).items():
            if self.credits.left(workspace, "data_credits") <= 0 and kind != "profile":
                self._fail(done, kind, "Insufficient credits")
                continue
            falls.result = Result()
            result = falls.go(part, set() if kind == "profile" else {"linkedin"})
            self._charge(done, kind, result, workspace)
            if result.error:
                self._fail(done, kind, result.error["message"])
            else:
                done.cells |= {name: cell_of(result.values.get(name)) for name in GROUPS[kind]}
        spoil(done)
        self._formulas(done, row)
        return done

    def _parts(self, document: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """The profile first, then each waterfall apart."""
        return {"profile": {}} | {name.removeprefix("waterfall_"): {name: part} for name, part in document.items()}

    def _fail(self, done: Enrichment, kind: str, message: str) -> None:
        done.cells |= {name: Cell(None, "error", message) for name in GROUPS[kind]}
        done.error = done.error or message

    def _charge(self, done: Enrichment, kind: str, result: Result, workspace: str) -> None:
        """One action for each provider asked, data credits for each hit (and for a miss where one charges them).

        Misses that are not reported (`report_misses`) are not seen here either, and cost nothing.
        """
        asked = result.providers_used
        hits = [each["name"] for each in asked if each["fields_enriched"]]
        misses = [each["name"] for each in asked if not each["fields_enriched"]]
        cost = round(sum(each.get("cost", 0.0) for each in asked), 4)
        paid = sum(self.config.credits_per_hit.get(name, 0) for name in hits)
        paid += sum(self.config.credits_per_miss.get(name, 0) for name in misses)
        self.credits.charge(workspace, actions=len(asked), data_credits=paid)
        done.cells[f"{kind}_provider"] = cell_of(", ".join(hits))
        done.cells[f"{kind}_cost"] = Cell(cost)
        done.cells[f"{kind}_credits"] = Cell(paid)
        done.cost = round(done.cost + cost, 4)
        done.actions += len(asked)
        done.data_credits += paid

    def _formulas(self, done: Enrichment, row: dict[str, Any]) -> None:
        merged = row | done.values()
        now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=self.config.clock_skew_seconds)
        values = scores(merged, self.config) | {
            "enrichment_status": status_of(merged, done.error),
            "enriched_at": stamp(now),
            "cost": done.cost,
            "credits": done.data_credits,
            "error": done.error,
        }
        done.cells |= {name: cell_of(value) for name, value in values.items()}
