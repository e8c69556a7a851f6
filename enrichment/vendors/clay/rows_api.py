"""Clay's table API over HTTP: one method per call, of which callers take the slots first."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.conf import settings

from enrichment.vendors import limiter
from enrichment.vendors.answers import Answer
from enrichment.vendors.calls import Call
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay.calls import (
    CREATE_ROWS,
    CREATE_TABLE,
    CREATE_WEBHOOK,
    DELETE_ROW,
    EXPORT,
    GET_ROW,
    LIST_TABLES,
    PROBE,
    SEARCH_ROWS,
    TRIGGER,
    UPDATE_ROW,
    UPDATE_ROWS,
)
from enrichment.vendors.clay.connector import ClayConnector
from enrichment.vendors.clay.wire import (
    COLUMN_NAMES,
    ENRICHMENT_COLUMNS,
    EVENTS,
    EXPORT_MAX,
    ROWS_MAX,
    TRIGGER_MAX,
    UPDATES_MAX,
    BulkUpdate,
    ClayRow,
    ClayTable,
    CreatedRow,
    RowIn,
    RowPage,
    match_created,
    match_some,
)
from enrichment.vendors.errors import NotFound, NotOffered, Permanent, Recovery, TooFewRows, VendorError
from enrichment.vendors.transport import Transport, segment
from enrichment.vendors.wire import identifier


class RowsApi(ClayConnector):
    """The API of the integration specification: everything by call, row by row."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset(Capability) - {
        Capability.RECEIVE_ROW,
        Capability.POLL,
    }
    name: ClassVar[str] = "Rows API"
    summary: ClassVar[str] = (
        "You have an API that creates, triggers and reads rows: a gateway of your own or a partner API."
    )

    def __init__(self, base_url: str, api_key: str, workspace_id: str) -> None:
        super().__init__(workspace_id)
        headers = {"Authorization": f"Bearer {api_key}"}
        if workspace_id:
            headers["X-Workspace-Id"] = workspace_id
        self._http = Transport("clay", base_url, headers)

    def scope(self, call: Call, table: str = "") -> str:
        """The scope of a call's limit: the table for rows and updates, the workspace for all else."""
        return table if call.limit in ("clay.rows", "clay.updates") else self.workspace_id

    def close(self) -> None:
        self._http.close()

    def list_tables(self) -> list[ClayTable]:
        answer = self._send(LIST_TABLES, "GET", "/tables")
        listed = self._http.document(LIST_TABLES, answer).get("tables")
        if not isinstance(listed, list):
            raise self._http.unreadable(LIST_TABLES, answer)
        return [self._table(LIST_TABLES, answer, document) for document in listed]

    def probe(self) -> None:
        self._http.document(PROBE, self._send(PROBE, "GET", "/tables"))

    def create_table(self, name: str, columns: Sequence[Mapping[str, Any]] = ENRICHMENT_COLUMNS) -> ClayTable:
        body = {"name": name, "columns": [dict(column) for column in columns]}
        answer = self._send(CREATE_TABLE, "POST", "/tables", body)
        return self._table(CREATE_TABLE, answer, answer.body, name)

    def create_rows(self, table: str, rows: Sequence[RowIn | Mapping[str, Any]]) -> list[CreatedRow]:
        self._at_most(ROWS_MAX, rows)
        sent = [RowIn.model_validate(row).body() for row in rows]
        path = f"/tables/{segment(table)}/rows"
        answer = self._send(CREATE_ROWS, "POST", path, {"rows": sent}, table=table, rows=len(sent))
        listed = answer.body.get("rows") if isinstance(answer.body, dict) else None
        urls = [row["linkedin_url"] for row in sent]
        created = match_created(urls, listed)
        if created is None and isinstance(listed, list) and len(listed) < len(sent):
            made = [(row.index, row.id) for row in match_some(urls, listed)]
            message = f"{len(listed)} of {len(sent)} rows answered"
            raise TooFewRows(
                "clay", CREATE_ROWS.name, answer.status, message=message, recovery=Recovery.READ_BACK, made=made
            )
        if created is None:
            raise self._http.unreadable(CREATE_ROWS, answer)
        return created

    def get_row(self, table: str, row_id: str) -> ClayRow:
        answer = self._send(GET_ROW, "GET", self._path(table, row_id))
        return self._row(GET_ROW, answer, answer.body)

    def update_row(self, table: str, row_id: str, values: Mapping[str, Any]) -> ClayRow | None:
        self._known(values)
        answer = self._send(UPDATE_ROW, "PATCH", self._path(table, row_id), dict(values), table=table)
        row = ClayRow.read(answer.body)
        return row if row and row.id == row_id else None

    def update_rows(self, table: str, updates: Mapping[str, Mapping[str, Any]]) -> BulkUpdate:
        """Sets columns of at most 200 rows, `{row id: {column: value}}`, in one call.

        Where Clay lacks that call (assumed of it; 404, 405, 501), row by row, each under a slot of its own
        taken here; rows without a slot are `left` for later. A 404 naming a row's index is raised.
        """
        self._at_most(UPDATES_MAX, list(updates))
        for values in updates.values():
            self._known(values)
        rows = [{"id": row_id, **values} for row_id, values in updates.items()]
        try:
            path = f"/tables/{segment(table)}/rows"
            answer = self._send(UPDATE_ROWS, "PATCH", path, {"rows": rows}, table=table, rows=len(rows))
        except (NotFound, NotOffered) as error:
            if error.row_index is not None:
                raise
            return self._one_by_one(table, updates)
        listed = answer.body.get("rows") if isinstance(answer.body, dict) else None
        read = [ClayRow.read(row) for row in listed] if isinstance(listed, list) else []
        return BulkUpdate(done=list(updates), rows={row.id: row for row in read if row and row.id in updates})

    def delete_row(self, table: str, row_id: str) -> bool:
        try:
            self._send(DELETE_ROW, "DELETE", self._path(table, row_id), table=table)
        except NotFound as error:
            if error.recovery is Recovery.NEEDS_PERSON:  # not Clay's own words: the address may not exist
                raise self._not_offered(error) from None
            return False
        return True

    def search_rows(
        self, table: str, query: Mapping[str, Any], *, limit: int = 100, cursor: str | None = None
    ) -> RowPage:
        if not query:
            raise ValueError("a search without a column would answer the whole table")
        self._known(query)
        body = {"query": dict(query), "limit": limit, **({"cursor": cursor} if cursor else {})}
        answer = self._send(SEARCH_ROWS, "POST", f"/tables/{segment(table)}/rows/search", body)
        return self._page(SEARCH_ROWS, answer, cursor)

    def trigger_enrichment(
        self,
        table: str,
        row_ids: Sequence[str],
        waterfalls: Mapping[str, Any],
        skip_providers: Sequence[str] = (),
    ) -> list[str]:
        self._at_most(TRIGGER_MAX, row_ids)
        body = {
            "row_ids": list(row_ids),
            "waterfalls": dict(waterfalls),
            "skip_providers": list(skip_providers),
        }
        path = f"/tables/{segment(table)}/enrich"
        answer = self._send(TRIGGER, "POST", path, body, rows=len(row_ids))
        accepted = answer.body.get("accepted") if isinstance(answer.body, dict) else None
        if not isinstance(accepted, list):
            raise self._http.unreadable(TRIGGER, answer)
        accepted_ids = {identifier(row_id) for row_id in accepted}
        return [row_id for row_id in row_ids if row_id in accepted_ids]

    def export_rows(
        self,
        table: str,
        *,
        limit: int = 1000,
        cursor: str | None = None,
        updated_since: datetime.datetime | None = None,
    ) -> RowPage:
        if not 1 <= limit <= EXPORT_MAX:
            raise ValueError(f"an export takes 1 to {EXPORT_MAX} rows")
        body: dict[str, Any] = {"format": "json", "limit": limit}
        if cursor:
            body["cursor"] = cursor
        if updated_since:
            body["updated_since"] = updated_since.astimezone(datetime.UTC).isoformat()
        path = f"/tables/{segment(table)}/export"
        answer = self._send(EXPORT, "POST", path, body)
        return self._page(EXPORT, answer, cursor)

    def create_webhook(self, url: str, secret: str, events: Sequence[str] = EVENTS) -> str:
        body = {"webhook_url": url, "events": list(events), "headers": {"X-Webhook-Secret": secret}}
        answer = self._send(CREATE_WEBHOOK, "POST", "/webhooks", body)
        webhook_id = identifier(answer.body.get("id")) if isinstance(answer.body, dict) else ""
        if not webhook_id:
            raise self._http.unreadable(CREATE_WEBHOOK, answer)
        return webhook_id

    # ------------------------------------------------------------ parts

    def _one_by_one(self, table: str, updates: Mapping[str, Mapping[str, Any]]) -> BulkUpdate:
        done: list[str] = []
        rows: dict[str, ClayRow] = {}
        refused: dict[str, VendorError] = {}
        paid = settings.CLAY_LIMIT_UNIT == "rows"  # the caller took a slot per row
        waiting = list(updates)
        while waiting and (paid or limiter.take("clay.updates", table) == 0.0):
            row_id = waiting.pop(0)
            try:
                if row := self.update_row(table, row_id, updates[row_id]):
                    rows[row_id] = row
                done.append(row_id)
            except Permanent as error:
                refused[row_id] = error
            except VendorError as error:  # the service as a whole: the others would fail alike
                refused[row_id] = error
                break
        return BulkUpdate(done=done, left=waiting, refused=refused, rows=rows)

    def _send(
        self, call: Call, method: str, path: str, body: Any = None, *, table: str = "", rows: int | None = None
    ) -> Answer:
        return self._http.send(call, method, path, body=body, scope=self.scope(call, table), rows=rows)

    def _path(self, table: str, row_id: str) -> str:
        return f"/tables/{segment(table)}/rows/{segment(row_id)}"

    def _table(self, call: Call, answer: Answer, document: Any, name: str = "") -> ClayTable:
        table_id = identifier(document.get("id")) if isinstance(document, dict) else ""
        if not table_id:
            raise self._http.unreadable(call, answer)
        return ClayTable(id=table_id, name=identifier(document.get("name")) or name)

    def _row(self, call: Call, answer: Answer, document: Any) -> ClayRow:
        row = ClayRow.read(document)
        if row is None:
            raise self._http.unreadable(call, answer)
        return row

    def _page(self, call: Call, answer: Answer, cursor: str | None) -> RowPage:
        """A missing list, a row without an id or a cursor that stands still would read as "nothing more"."""
        document = self._http.document(call, answer)
        listed, following = document.get("rows"), identifier(document.get("next_cursor")) or None
        if not isinstance(listed, list) or (following and following == cursor):
            raise self._http.unreadable(call, answer)
        return RowPage(rows=[self._row(call, answer, row) for row in listed], next_cursor=following)

    def _known(self, values: Mapping[str, Any]) -> None:
        if unknown := set(values) - COLUMN_NAMES:
            raise ValueError(f"no columns of the Clay table: {', '.join(sorted(unknown))}")

    def _at_most(self, most: int, items: Sequence[Any]) -> None:
        if not 1 <= len(items) <= most:
            raise ValueError(f"{len(items)} in one call; Clay takes 1 to {most}")

    def _not_offered(self, error: VendorError) -> NotOffered:
        return NotOffered(error.vendor, error.call, error.status, error.code, recovery=Recovery.BY_HAND)
