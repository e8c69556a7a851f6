"""One way to Clay: its capabilities as data, and a method for each call.

A connector overrides the calls that it has and names what it can in `capabilities`; every other call raises
`NotOffered`, which the callers take for a step by hand. `rows_api.RowsApi` has them all.
"""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NoReturn

from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay.wire import (
    ENRICHMENT_COLUMNS,
    EVENTS,
    BulkUpdate,
    ClayRow,
    ClayTable,
    CreatedRow,
    RowIn,
    RowPage,
    RunItem,
    RunPage,
    Source,
)
from enrichment.vendors.errors import NotOffered, Recovery


class ClayConnector:
    """Every method raises `VendorError`; ValueError for our mistakes (too many rows, unknown columns)."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset()
    name: ClassVar[str]  # as people call it
    summary: ClassVar[str]  # one sentence: what somebody has in Clay who uses it
    runs_at_once: ClassVar[int] = 1  # leads that are submitted together at most
    fills_batches: ClassVar[bool] = True  # they share a call, so that a few wait for company

    def __init__(self, workspace_id: str) -> None:
        self.workspace_id = workspace_id

    def close(self) -> None:
        """Its connections; the next call makes them anew."""

    def probe(self) -> None:
        """One small read, never repeated: does Clay answer at all?"""
        self._lacks("probe")

    # ------------------------------------------------------------ setting up

    def list_tables(self) -> list[ClayTable]:
        self._lacks("list_tables")

    def create_table(self, name: str, columns: Sequence[Mapping[str, Any]] = ENRICHMENT_COLUMNS) -> ClayTable:
        self._lacks("create_table")

    def create_webhook(self, url: str, secret: str, events: Sequence[str] = EVENTS) -> str:
        """Asks for deliveries to `url` with the secret in `X-Webhook-Secret`; the webhook's id."""
        self._lacks("create_webhook")

    # ------------------------------------------------------------ enriching

    def create_rows(self, table: str, rows: Sequence[RowIn | Mapping[str, Any]]) -> list[CreatedRow]:
        """At most 100 rows; the ids in the order sent.

        Raises `UnknownOutcome` where they cannot be matched, as `TooFewRows` where fewer were answered than sent.
        """
        self._lacks("create_rows")

    def trigger_enrichment(
        self,
        table: str,
        row_ids: Sequence[str],
        waterfalls: Mapping[str, Any],
        skip_providers: Sequence[str] = (),
    ) -> list[str]:
        """Starts enrichment of at most 50 rows with the waterfall document (D10); the ids Clay accepted."""
        self._lacks("trigger_enrichment")

    def submit_row(self, source: Source, row: Mapping[str, Any]) -> None:
        """Posts one row to a table's webhook. Returning, Clay has acknowledged it, and named nothing.

        What becomes of an `UnknownOutcome` no call can tell: the row's callback may come.
        """
        self._lacks("submit_row")

    def run_routine(self, routine: str, items: Sequence[RunItem], webhook: str = "") -> str:
        """Starts a run over 1 to 100 items; its id. A repeat after an `UnknownOutcome` is charged again."""
        self._lacks("run_routine")

    def run_results(self, run: str, cursor: str | None = None) -> RunPage:
        """A page of what came of a run. `NotFound` for one that is no longer kept."""
        self._lacks("run_results")

    # ------------------------------------------------------------ reading

    def get_row(self, table: str, row_id: str) -> ClayRow:
        """Raises `NotFound` for a row that is not there."""
        self._lacks("get_row")

    def search_rows(
        self, table: str, query: Mapping[str, Any], *, limit: int = 100, cursor: str | None = None
    ) -> RowPage:
        """Rows whose columns equal all of `query`, a page. `NotOffered` where Clay has no search (D14)."""
        self._lacks("search_rows")

    def export_rows(
        self,
        table: str,
        *,
        limit: int = 1000,
        cursor: str | None = None,
        updated_since: datetime.datetime | None = None,
    ) -> RowPage:
        """A page of 1 to 5000 rows, those changed since an aware time if given."""
        self._lacks("export_rows")

    # ------------------------------------------------------------ changing

    def update_row(self, table: str, row_id: str, values: Mapping[str, Any]) -> ClayRow | None:
        """Sets columns of one row; None empties a column. The row as it is answered; None where it is not."""
        self._lacks("update_row")

    def update_rows(self, table: str, updates: Mapping[str, Mapping[str, Any]]) -> BulkUpdate:
        """Sets columns of at most 200 rows, `{row id: {column: value}}`; rows without a slot are `left` for later."""
        self._lacks("update_rows")

    def delete_row(self, table: str, row_id: str) -> bool:
        """True: it was there and Clay says it is deleted; False: it was gone already (404).

        Either word is confirmed only by a read-back (D22).
        """
        self._lacks("delete_row")

    def _lacks(self, call: str) -> NoReturn:
        raise NotOffered("clay", call, code="no_such_call", recovery=Recovery.BY_HAND, sent=False)
