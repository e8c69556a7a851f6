"""What happens to a table's row by itself: it is enriched after a while, then its HTTP API column calls us."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from swarm_admin.sandbox.clay_cells import ENRICHED, Cell, Enricher, Enrichment, columns_of
from swarm_admin.sandbox.clay_runs import run_seconds
from swarm_admin.sandbox.clay_table import template
from swarm_admin.sandbox.clay_table.sheets import CALLBACK, HttpColumn, Sheet, SheetRow
from swarm_admin.sandbox.config import Config
from swarm_admin.sandbox.credits import Credits
from swarm_admin.sandbox.delivery import UNREACHABLE, Deliveries, Letter
from swarm_admin.sandbox.faults import Faults
from swarm_admin.sandbox.people import Draw
from swarm_admin.sandbox.stats import Stats

GARBAGE = ("#N/A", "[object Object]", "undefined", "NaN", "-", "1.234,56", "Response", "lots", "\x00", "🚀" * 300)
NAME = "clay_table"


class TableRuns:
    """Starts enrichments, finishes them when their time has come, and calls out."""

    def __init__(self, config: Config, faults: Faults, stats: Stats, enricher: Enricher, credits: Credits) -> None:
        self.config, self.faults = config, faults
        self.enricher, self.credits = enricher, credits
        self.counts = stats.counts[NAME]
        self.deliveries = Deliveries(config, stats.deliveries[NAME])
        self.waiting: set[asyncio.TimerHandle] = set()
        self.slots: dict[str, float] = {}  # table → the moment at which its HTTP API column may call next

    def start(self, sheet: Sheet, row: SheetRow, workspace: str) -> None:
        """Runs the enrichment columns, then the HTTP API column."""
        if not row.url:
            self.counts["rows_without_inputs"] += 1  # no column has what it needs, so none runs
            return
        if self.credits.left(workspace, "actions") <= 0:
            self._queue(sheet, row)
            return
        row.runs += 1
        row.cells |= {name: Cell(None, "running") for name in sheet.columns}

        def finish() -> None:
            self.waiting.discard(handle)
            self.finish(sheet, row, workspace)

        seconds = run_seconds(self.config, row.url, row.runs)
        handle = asyncio.get_running_loop().call_later(seconds, finish)
        self.waiting.add(handle)

    def _queue(self, sheet: Sheet, row: SheetRow) -> None:
        """Without actions nothing runs, and nobody is told."""
        row.cells |= {name: Cell(None, "queued") for name in (*sheet.columns, CALLBACK)}
        self.counts["rows_queued"] += 1

    def finish(self, sheet: Sheet, row: SheetRow, workspace: str) -> None:
        """Fills the columns; a row deleted meanwhile stays deleted."""
        if sheet.rows.get(row.id) is not row:
            return
        chosen = {name: part for name, part in sheet.waterfalls.items() if set(columns_of(name)) & set(sheet.columns)}
        done = self.enricher.run(row.inputs, chosen, workspace, lambda done: self._spoil(sheet, row, done))
        row.cells |= done.cells
        self.counts["enriched"] += 1
        self.call_out(sheet, row, workspace)

    def _spoil(self, sheet: Sheet, row: SheetRow, done: Enrichment) -> None:
        """Takes out columns nobody has set up, and puts in what the faults say."""
        for name in set(ENRICHED) - set(sheet.columns):
            done.cells.pop(name, None)
        for fault in self.faults.on_cells("cell_error", row.url):
            done.error = fault.text or "The provider answered with an error"
            done.cells[str(fault.column)] = Cell(None, "error", done.error)
        for fault in self.faults.on_cells("column_not_run", row.url):
            done.cells |= {name: Cell(None, "queued") for name in ([fault.column] if fault.column else sheet.columns)}

    def call_out(self, sheet: Sheet, row: SheetRow, workspace: str) -> None:
        """Runs the HTTP API column of a row: one action, whatever becomes of it."""
        column = sheet.callback
        if column is None or sheet.rows.get(row.id) is not row:
            return
        lacking = [each for each in column.requires if row.cells.get(each, Cell(status="empty")).status != "success"]
        if lacking or self.credits.left(workspace, "actions") <= 0:
            row.cells[CALLBACK] = Cell(None, "queued")
            self.counts["callbacks_not_run"] += 1
            return
        delay = self._delay(sheet.id, column)
        letter = Letter(
            column.url,
            json.dumps(self._body(column, row), separators=(",", ":")).encode(),
            column.headers,
            self.config.callback_attempts,
            self.config.callback_backoff_seconds,
            delay,
            self._ended(row),
        )
        row.cells[CALLBACK] = Cell(None, "rate_limited" if delay else "awaiting_callback")
        if not self.deliveries.send(letter, self.faults.on_webhook(NAME, row.url)):
            row.cells[CALLBACK] = Cell(None, "queued")
            return
        row.called += 1
        self.counts["callbacks"] += 1
        self.credits.charge(workspace, actions=1)

    def _ended(self, row: SheetRow) -> Callable[[int], None]:
        """What the column shows when the call is over."""

        def ended(status: int) -> None:
            if 200 <= status < 300:
                row.acknowledged += 1
                row.cells[CALLBACK] = Cell(status)
            else:
                words = "No answer" if status == UNREACHABLE else f"Status {status}"
                row.cells[CALLBACK] = Cell(None, "error", words)

        return ended

    def _delay(self, sheet_id: str, column: HttpColumn) -> float:
        """Real seconds until the column's average rate lets the next call go."""
        if not column.rate_limit:
            return 0.0
        now = time.monotonic()
        slot = max(self.slots.get(sheet_id, 0.0), now)
        self.slots[sheet_id] = slot + column.rate_seconds / column.rate_limit / self.config.speed
        return slot - now

    def _body(self, column: HttpColumn, row: SheetRow) -> dict[str, Any]:
        """The template filled; where `untidy`, some lists are JSON in a text; spoilt where a fault says so."""
        hidden = {"swarm_ref"} if self.faults.on_record("no_swarm_ref", row.url) else set()
        is_garbage = bool(self.faults.on_record("garbage_values", row.url))
        draw = Draw("body", row.url, self.config.seed)

        def lookup(name: str) -> Cell | None:
            cell = None if name in hidden else row.cells.get(name)
            if is_garbage and name in ENRICHED and cell is not None:
                return Cell(draw.one(name, GARBAGE))
            if cell is not None and isinstance(cell.value, list) and self.config.untidy and draw.share(name) < 0.15:
                return Cell(json.dumps(cell.value), cell.status)
            return cell

        return template.render(column.body, lookup)

    def stop(self) -> None:
        """Forgets the enrichments that have not ended."""
        for handle in self.waiting:
            handle.cancel()
        self.waiting.clear()

    async def close(self) -> None:
        """Forgets everything on its way."""
        self.stop()
        await self.deliveries.close()
