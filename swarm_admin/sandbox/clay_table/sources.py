"""`POST /clay/v3/sources/webhook/<slug>`: a row goes in, an acknowledgement that names nothing comes back."""

import hmac
from collections import Counter
from collections.abc import Callable
from typing import Any

from swarm_admin.sandbox.clay_cells import Cell, Enricher, cell_of
from swarm_admin.sandbox.clay_table.runs import NAME, TableRuns
from swarm_admin.sandbox.clay_table.sheets import CALLBACK, Sheet, SheetRow, Source
from swarm_admin.sandbox.config import Config
from swarm_admin.sandbox.credits import Credits
from swarm_admin.sandbox.faults import Faults
from swarm_admin.sandbox.limits import retry_after
from swarm_admin.sandbox.people import canonical
from swarm_admin.sandbox.stats import Stats
from swarm_admin.sandbox.wire import Answer, Call, Vendor

SUBMISSION_BYTES = 100_000  # Clay: 100 KB a payload
TABLE = "t_leads"  # of a source that names none


class ClayTable(Vendor):
    """The sources, the tables behind them, and what a person does with them in Clay."""

    name = NAME

    def __init__(self, config: Config, faults: Faults, stats: Stats, credits: Credits) -> None:
        super().__init__(config, faults, stats)
        self.enricher = Enricher(config, faults, stats, self.limits, credits)
        self.runs = TableRuns(config, faults, stats, self.enricher, credits)
        self.sources: dict[str, Source] = {}
        self.sheets: dict[str, Sheet] = {}
        self.refs: Counter[str] = Counter()  # swarm_ref → acknowledged submissions
        self._set_up()

    def _set_up(self) -> None:
        """What is configured to be there from the start; a source that was deleted since stays deleted."""
        gone = {slug for slug, source in self.sources.items() if source.deleted}
        for sheet_id, document in self.config.clay_tables.items():
            self.set_table(sheet_id, document)
        for slug, document in self.config.clay_sources.items():
            self.set_source(slug, document).deleted = slug in gone

    # ------------------------------------------------------------ the call

    def route(self, call: Call) -> tuple[str, Callable[[Call], Answer]]:
        """There is one."""
        if call.method == "POST" and len(call.parts) == 1:
            return "submit", self.submit
        raise self.error(404, "Not found")

    def error(self, status: int, message: str = "", **more: Any) -> Answer:
        """`{"message"}`; the status decides."""
        return Answer(status, {"message": message})

    def check(self, call: Call) -> None:
        """The source, its token, the size, and the workspace's limit."""
        source = self.sources.get(call.parts[0])
        if source is None or source.deleted:
            raise self.error(404, "Source not found")
        given = call.header(b"x-clay-webhook-auth")
        if source.token and not hmac.compare_digest(given.encode(), source.token.encode()):
            raise self.error(403 if given else 401, "Invalid webhook token")
        if len(call.raw) > SUBMISSION_BYTES:
            raise self.error(413, "Payload too large")
        rate, burst = self.config.submissions_per_second, self.config.submissions_burst
        wait = self.limits.refuse([self.limits.bucket(f"submissions {source.workspace}", rate, burst)])
        if wait:
            refusal = self.error(429, "Too many requests")
            refusal.headers["retry-after"] = retry_after(wait)
            raise refusal

    def submit(self, call: Call) -> Answer:
        """One row. That a source is used up, a table full or a row a duplicate is told to nobody."""
        source, inputs = self.sources[call.parts[0]], self.json(call)
        self.counts["acknowledged"] += 1
        self.refs[str(inputs.get("swarm_ref", ""))] += 1
        if source.take(self.config):
            self._add(source, inputs)
        body = self.config.source_body.encode()
        return Answer(self.config.source_status, body, {"content-type": "text/plain; charset=utf-8"})

    def _add(self, source: Source, inputs: dict[str, Any]) -> None:
        if self.faults.on_record("lost_submission", canonical(inputs.get("linkedin_url"))):
            self.counts["lost"] += 1
            return
        sheet = self.sheet(source.table)
        row = sheet.add(source.slug, inputs, self.config)
        if row is None:
            self.counts["rows_dropped"] += 1
            return
        self.counts["rows_created"] += 1
        if sheet.auto_update:
            self.runs.start(sheet, row, source.workspace)

    # ------------------------------------------------------------ what a person does in Clay

    def sheet(self, sheet_id: str) -> Sheet:
        """The table, made where it is new."""
        return self.sheets.setdefault(sheet_id, Sheet(sheet_id))

    def set_table(self, sheet_id: str, document: dict[str, Any]) -> Sheet:
        """Makes or changes a table. Raises ValueError."""
        self.sheet(sheet_id).set_up(document)
        return self.sheets[sheet_id]

    def set_source(self, slug: str, document: dict[str, Any]) -> Source:
        """Makes or changes a source, and its table where that is new. Raises ValueError."""
        source = self.sources.get(slug) or Source(slug, TABLE, self.config.clay_workspace_id)
        source.set_up(document)
        self.sources[slug] = source
        self.sheet(source.table)
        return source

    def press_run(self, sheet_id: str, column: str, rows: list[str] | None) -> int:
        """Runs a column again: `enrichment` or `callback`, of these rows or of all. Returns how many rows."""
        sheet = self.sheets[sheet_id]
        chosen = [row for row in list(sheet.rows.values()) if rows is None or row.id in rows]
        act = {"enrichment": self.runs.start, "callback": self.runs.call_out}[column]
        for row in chosen:
            act(sheet, row, self.sources[row.source].workspace)
        return len(chosen)

    def delete_row(self, sheet_id: str, row_id: str) -> None:
        """By hand. It frees nothing of a source's life. Raises KeyError."""
        del self.sheets[sheet_id].rows[row_id]

    def correct_row(self, sheet_id: str, row_id: str, values: dict[str, Any]) -> SheetRow:
        """By hand: cells of a row, none of which runs again for it. Raises KeyError."""
        row = self.sheets[sheet_id].rows[row_id]
        row.cells |= {name: cell_of(value) for name, value in values.items()}
        row.inputs |= {name: value for name, value in values.items() if name in row.inputs}
        return row

    def take_up(self, sources: dict[str, Source], sheets: dict[str, Sheet], refs: Counter[str] | None = None) -> None:
        """Records of an earlier process; what was cut short begins anew. What is configured holds as it is now."""
        self.sources |= sources
        self.sheets |= sheets
        self.refs += refs or Counter()
        self._set_up()
        for source in sources.values():
            source.first = source.last = 0.0
        for sheet in sheets.values():
            for row in sheet.rows.values():
                workspace = self.sources[row.source].workspace
                if any(cell.status == "running" for cell in row.cells.values()):
                    self.runs.start(sheet, row, workspace)
                elif row.cells.get(CALLBACK, Cell()).status in ("awaiting_callback", "rate_limited"):
                    self.runs.call_out(sheet, row, workspace)

    # ------------------------------------------------------------ figures

    def figures(self) -> dict[str, Any]:
        """`GET /_stats`."""
        rows = [row for sheet in self.sheets.values() for row in sheet.rows.values()]
        people = Counter(row.url for row in rows if row.url)
        return {
            "acknowledged": 0,
            "rows_created": 0,
            "rows_dropped": 0,
            "callbacks": 0,
            **self.stats.vendor(self.name),
            "rows": len(rows),
            "running": len(self.runs.waiting),
            "ignored": sum(source.ignored for source in self.sources.values()),
            "duplicates_by_linkedin_url": sum(count - 1 for count in people.values()),
            "refs_twice": sum(count - 1 for ref, count in self.refs.items() if ref),
            "rows_called_back": sum(row.acknowledged > 0 for row in rows),
            "rows_called_back_twice": sum(row.acknowledged > 1 for row in rows),
            "cost_called_back": round(sum(row.cost for row in rows if row.acknowledged), 4),
            "deliveries": {"sent": 0, "acknowledged": 0, **self.stats.deliveries[self.name]},
            "per_second": {slug: source.per_second(self.config.speed) for slug, source in self.sources.items()},
        }

    def state(self) -> dict[str, Any]:
        """`GET /_state/clay_table`."""
        return {
            "sources": [source.shown(self.config) for source in self.sources.values()],
            "tables": {
                sheet.id: {**sheet.shown(), "rows": [row.shown() for row in sheet.rows.values()]}
                for sheet in self.sheets.values()
            },
        }
