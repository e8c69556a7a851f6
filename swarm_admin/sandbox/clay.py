"""Clay: tables, rows, search, export and webhooks (enrichment runs in `clay_runs`)."""

import datetime
import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Any

from swarm_admin.sandbox import icp, waterfall
from swarm_admin.sandbox.clay_runs import Runs
from swarm_admin.sandbox.clay_store import COLUMNS, FORMULAS, Row, Table, shown
from swarm_admin.sandbox.config import Config
from swarm_admin.sandbox.faults import Faults
from swarm_admin.sandbox.limits import Window, retry_after
from swarm_admin.sandbox.people import slug_of
from swarm_admin.sandbox.stats import Stats
from swarm_admin.sandbox.webhooks import Webhooks
from swarm_admin.sandbox.wire import Answer, Call, Vendor

MAX_ROWS, MAX_UPDATES, MAX_TRIGGERS, MAX_EXPORT, MAX_SEARCH = 100, 200, 50, 5000, 100
EVENTS = ("row.enriched", "row.enrichment_failed")
CODES = {
    400: "invalid_input",
    401: "unauthorized",
    402: "credits_exhausted",
    403: "quota_exceeded",
    404: "not_found",
    405: "method_not_allowed",
    422: "invalid_input",
    429: "rate_limited",
    500: "internal_error",
    501: "not_implemented",
    502: "provider_error",
    504: "provider_timeout",
}
Handler = Callable[[Call], Answer]


def moment_of(text: Any) -> datetime.datetime | None:
    """An ISO 8601 time with an offset; None for anything else."""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None


class Clay(Vendor):
    """`/clay/v1`."""

    name = "clay"

    def __init__(self, config: Config, faults: Faults, stats: Stats) -> None:
        super().__init__(config, faults, stats)
        self.tables: dict[str, Table] = {}
        self.webhooks = Webhooks(config, faults, stats)
        self.runs = Runs(config, faults, stats, self.limits, self.webhooks)
        if config.clay_table_id:
            table = Table(config.clay_table_id, "Lead Enrichment Pipeline", dict(COLUMNS), set(FORMULAS))
            self.tables[table.id] = table

    # ------------------------------------------------------------ frame

    def route(self, call: Call) -> tuple[str, Handler]:
        """`tables.*`, `rows.*`, `enrich`, `export`, `webhooks.create`."""
        match (call.method, *call.parts):
            case ("POST", "tables", _, "rows"):
                return "rows.create", self.rows_create
            case ("GET", "tables", _, "rows", _):
                return "rows.get", self.rows_get
            case ("PATCH", "tables", _, "rows", _):
                return "rows.update", self.rows_update
            case ("PATCH", "tables", _, "rows"):
                return "rows.update_many", self.rows_update_many
            case ("DELETE", "tables", _, "rows", _):
                return "rows.delete", self.rows_delete
            case ("POST", "tables", _, "rows", "search"):
                return "rows.search", self.rows_search
            case ("POST", "tables", _, "enrich"):
                return "enrich", self.enrich
            case ("POST", "tables", _, "export"):
                return "export", self.export
            case ("GET", "tables"):
                return "tables.list", self.tables_list
            case ("POST", "tables"):
                return "tables.create", self.tables_create
            case ("POST", "webhooks"):
                return "webhooks.create", self.webhooks_create
        raise self.error(404, "No such path")

    def error(self, status: int, message: str = "", **more: Any) -> Answer:
        """`{"error": {"code", "message", …}}`."""
        if status == 403:
            tomorrow = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1 / self.config.speed)
            more = {"quota_remaining": 0, "resets_at": waterfall.stamp(tomorrow)} | more
        return Answer(status, {"error": {"code": CODES.get(status, "error"), "message": message, **more}})

    def check(self, call: Call) -> None:
        """Bearer key and workspace."""
        expected = f"Bearer {self.config.clay_api_key}"
        if not hmac.compare_digest(call.header(b"authorization").encode(), expected.encode()):
            raise self.error(401, "Invalid API key")
        if call.header(b"x-workspace-id") != self.config.clay_workspace_id:
            raise self.error(401, "Unknown workspace")

    def _limit(self, window: Window, units: int) -> None:
        by_rows = self.config.limit_unit == "rows"
        wait = self.limits.refuse([window], units if by_rows else 1)
        if wait:
            refusal = self.error(429, f"Rate limit: {window.limit} per window")
            refusal.headers["retry-after"] = retry_after(wait)
            raise refusal

    def _table(self, call: Call) -> Table:
        table = self.tables.get(call.parts[1])
        if table is None:
            raise self.error(404, "No such table")
        return table

    def _row(self, call: Call) -> tuple[Table, Row]:
        table = self._table(call)
        row = table.rows.get(call.parts[3])
        if row is None:
            raise self.error(404, "No such row")
        return table, row

    def _batch(self, document: dict[str, Any], name: str, kind: type, most: int) -> list[Any]:
        batch = document.get(name)
        if not isinstance(batch, list) or not batch or not all(isinstance(each, kind) for each in batch):
            raise self.error(400, f"{name} must be a list that is not empty")
        if len(batch) > most:
            raise self.error(400, f"At most {most} {name} in one call")
        return batch

    # ------------------------------------------------------------ tables and webhooks

    def tables_list(self, call: Call) -> Answer:
        return Answer(200, {"tables": [{"id": each.id, "name": each.name} for each in self.tables.values()]})

    def tables_create(self, call: Call) -> Answer:
        document = self.json(call)
        name, columns = document.get("name"), document.get("columns")
        if not isinstance(name, str) or not name or not isinstance(columns, list) or not columns:
            raise self.error(400, "A table needs name and columns")
        kinds: dict[str, str] = {}
        for column in columns:
            if not isinstance(column, dict) or not {"name", "type"} <= column.keys():
                raise self.error(400, "A column needs name and type")
            if column["type"] not in set(COLUMNS.values()) or column["name"] in kinds:
                raise self.error(400, f"Column {column['name']}: unknown type or given twice")
            kinds[column["name"]] = column["type"]
        if "linkedin_url" not in kinds:
            raise self.error(400, "A table needs the column linkedin_url")
        number = hashlib.sha256(f"{self.config.seed} {len(self.tables)} {name}".encode()).hexdigest()[:12]
        formulas = {column["name"] for column in columns if column.get("formula")}
        table = self.tables[f"tbl_{number}"] = Table(f"tbl_{number}", name, kinds, formulas)
        return Answer(201, {"id": table.id, "name": name})

    def webhooks_create(self, call: Call) -> Answer:
        document = self.json(call)
        url, events, headers = (document.get(each) for each in ("webhook_url", "events", "headers"))
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise self.error(400, "webhook_url must be an http(s) address")
        if not isinstance(events, list) or not events or not all(each in EVENTS for each in events):
            raise self.error(400, f"events must be some of {', '.join(EVENTS)}")
        headers = {} if headers is None else headers
        if not isinstance(headers, dict) or not all(isinstance(each, str) for each in headers.values()):
            raise self.error(400, "headers must be texts by name")
        hook = {"webhook_url": url, "events": events, "headers": headers}
        return Answer(201, {"id": self.webhooks.register(hook)})

    # ------------------------------------------------------------ rows

    def _values(self, table: Table, values: dict[str, Any], **more: Any) -> None:
        """Refuses columns the table has not, formula columns, and what is no profile's URL."""
        for name, value in values.items():
            if name not in table.columns:
                raise self.error(400, f"No such column: {name}", **more)
            if name in table.formulas:
                raise self.error(400, f"A formula fills the column {name}", **more)
            if name == "linkedin_url" and not slug_of(value):
                raise self.error(400, "linkedin_url is not a LinkedIn profile URL", **more)

    def rows_create(self, call: Call) -> Answer:
        table = self._table(call)
        rows = self._batch(self.json(call), "rows", dict, MAX_ROWS)
        self._limit(self.limits.window(f"rows {table.id}", self.config.rows_per_minute, 60), len(rows))
        for index, values in enumerate(rows):
            self._values(table, {"linkedin_url": values.get("linkedin_url"), **values}, row_index=index)
        made = [table.add(values, self.config) for values in rows]
        kept = sum(row.id in table.rows for row in made)
        self.counts["rows_created"] += kept
        self.counts["rows_over_capacity"] += len(made) - kept
        told = [row for row in made if row.id in table.rows or self.config.over_capacity != "fewer"]
        answer = [{"id": row.id, "linkedin_url": row.values["linkedin_url"]} for row in told]
        return Answer(201, {"rows": answer})

    def rows_get(self, call: Call) -> Answer:
        return Answer(200, shown(self._row(call)[1]))

    def _updates_limit(self, table: Table, units: int) -> None:
        self._limit(self.limits.window(f"updates {table.id}", self.config.updates_per_minute, 60), units)

    def _change(self, table: Table, row: Row, values: dict[str, Any]) -> dict[str, Any]:
        table.change(row, values)
        if icp.COLUMNS & values.keys() and row.runs:
            self.runs.formula(table, row)
        return shown(row)

    def rows_update(self, call: Call) -> Answer:
        table, row = self._row(call)
        values = self.json(call)
        self._updates_limit(table, 1)
        self._values(table, values)
        return Answer(200, self._change(table, row, values))

    def rows_update_many(self, call: Call) -> Answer:
        if not self.config.patch_many:
            raise self.error(405, "Rows are updated one by one")
        table = self._table(call)
        updates = self._batch(self.json(call), "rows", dict, MAX_UPDATES)
        self._updates_limit(table, len(updates))
        pairs: list[tuple[Row, dict[str, Any]]] = []
        for index, update in enumerate(updates):
            row = table.rows.get(str(update.get("id")))
            if row is None:
                raise self.error(404, "No such row", row_index=index)
            values = {name: value for name, value in update.items() if name != "id"}
            self._values(table, values, row_index=index)
            pairs.append((row, values))
        return Answer(200, {"rows": [self._change(table, row, values) for row, values in pairs]})

    def rows_delete(self, call: Call) -> Answer:
        if not self.config.row_delete:
            raise self.error(self.config.row_delete_status, "Rows cannot be deleted")
        table, row = self._row(call)
        if not self.config.delete_lies:
            table.remove(row)
            self.counts["rows_deleted"] += 1
        return Answer(204)

    def rows_search(self, call: Call) -> Answer:
        if self.config.row_search != "on":
            raise self.error(int(self.config.row_search.removeprefix("off")), "No search")
        table, document = self._table(call), self.json(call)
        query = document.get("query")
        if not isinstance(query, dict) or not query:
            raise self.error(400, "query must name a column")
        for name in query:
            if name not in table.columns:
                raise self.error(400, f"No such column: {name}")
        seen = time.monotonic() - self.config.search_lag_seconds / self.config.speed
        rows = table.find(query, seen)
        return self._page(rows, document, MAX_SEARCH, MAX_SEARCH)

    def export(self, call: Call) -> Answer:
        table, document = self._table(call), self.json(call)
        if document.get("format") != "json":
            raise self.error(400, "format must be json")
        since = document.get("updated_since")
        rows = list(table.rows.values())
        if since is not None:
            edge = moment_of(since)
            if edge is None:
                raise self.error(400, "updated_since must be a time with an offset")
            rows = [row for row in rows if row.changed >= edge]
        self._limit(self.limits.window("exports", self.config.exports_per_hour, 3600), 1)
        return self._page(rows, document, 1000, MAX_EXPORT)

    def _page(self, rows: list[Row], document: dict[str, Any], usual: int, most: int) -> Answer:
        limit, cursor = document.get("limit", usual), document.get("cursor")
        if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= most:
            raise self.error(400, f"limit must be 1 to {most}")
        if cursor is not None:
            if not isinstance(cursor, str) or not cursor.removeprefix("after_").isdecimal():
                raise self.error(400, "cursor is not one of ours")
            rows = [row for row in rows if row.number > int(cursor.removeprefix("after_"))]
        more = f"after_{rows[limit - 1].number}" if len(rows) > limit else None
        return Answer(200, {"rows": [shown(row) for row in rows[:limit]], "next_cursor": more})

    # ------------------------------------------------------------ enrichment

    def enrich(self, call: Call) -> Answer:
        table, document = self._table(call), self.json(call)
        ids = self._batch(document, "row_ids", str, MAX_TRIGGERS)
        falls = document.get("waterfalls", waterfall.DEFAULT)
        complaint = waterfall.complaint(falls)
        if complaint:
            raise self.error(400, complaint)
        skip = document.get("skip_providers") or []
        if not isinstance(skip, list) or not all(isinstance(each, str) for each in skip):
            raise self.error(400, "skip_providers must be a list of names")
        self._limit(self.limits.window("triggers", self.config.triggers_per_minute, 60), len(ids))
        rows = [table.rows[each] for each in ids if each in table.rows]
        if not rows:
            raise self.error(404, "No such rows")
        for row in rows:
            self.runs.start(table, row, falls, set(skip))
        self.counts["enrichments_accepted"] += len(rows)
        return Answer(202, {"accepted": [row.id for row in rows]})
