"""Clay's tables and rows in memory."""

import datetime
import hashlib
import time
from typing import Any

from swarm_admin.sandbox.config import Config
from swarm_admin.sandbox.people import canonical

# Columns of the specification's table, for a table that exists from the start.
COLUMNS = {
    "linkedin_url": "url",
    "first_name": "text",
    "last_name": "text",
    "company_name": "text",
    "source_type": "text",
    "source_name": "text",
    "scraped_at": "datetime",
    "email_personal": "email",
    "email_work": "email",
    "phone": "phone",
    "title": "text",
    "company_domain": "url",
    "company_industry": "text",
    "company_size": "number",
    "company_revenue": "text",
    "company_location": "text",
    "tech_stack": "list",
    "funding_stage": "text",
    "funding_amount": "text",
    "linkedin_headline": "text",
    "linkedin_summary": "text",
    "linkedin_connections": "number",
    "recent_posts": "list",
    "mutual_connections": "number",
    "icp_score": "number",
    "icp_tier": "text",
    "enrichment_status": "text",
    "enriched_at": "datetime",
    "provenance": "json",
    "ghl_contact_id": "text",
    "instantly_lead_id": "text",
}
FORMULAS = {"icp_score", "icp_tier"}


def now() -> datetime.datetime:
    """Aware UTC."""
    return datetime.datetime.now(datetime.UTC)


class Row:
    """A row: its column values, and what the answers carry beside them."""

    __slots__ = ("born", "changed", "error", "id", "number", "providers_used", "runs", "values")

    def __init__(self, row_id: str, number: int, values: dict[str, Any]) -> None:
        self.id = row_id
        self.number = number
        self.values = values
        self.providers_used: list[dict[str, Any]] = []
        self.error: dict[str, Any] | None = None
        self.born = time.monotonic()
        self.changed = now()
        self.runs = 0


class Table:
    """A table with its rows by id and by LinkedIn URL."""

    def __init__(self, table_id: str, name: str, columns: dict[str, str], formulas: set[str]) -> None:
        self.id = table_id
        self.name = name
        self.columns = columns
        self.formulas = formulas
        self.rows: dict[str, Row] = {}
        self.by_url: dict[Any, dict[str, Row]] = {}
        self.people: dict[str, int] = {}
        self.removed: list[tuple[float, Row]] = []
        self.made = 0

    def add(self, values: dict[str, Any], config: Config) -> Row:
        """A new row; beyond the capacity it gets an id and is not kept."""
        self.made += 1
        digest = hashlib.sha256(f"{self.id} {config.seed} {self.made}".encode()).hexdigest()
        row = Row(f"row_{digest[:16]}", self.made, dict.fromkeys(self.columns) | values)
        row.values["enrichment_status"] = row.values.get("enrichment_status") or "pending"
        if len(self.rows) < config.table_capacities.get(self.id, config.table_capacity):
            self.rows[row.id] = row
            self._index(row)
        return row

    def change(self, row: Row, values: dict[str, Any]) -> None:
        """Sets columns of a row."""
        if "linkedin_url" in values:
            self._forget(row)
        row.values.update(values)
        row.changed = now()
        if "linkedin_url" in values:
            self._index(row)

    def remove(self, row: Row) -> None:
        """Takes a row out for good."""
        del self.rows[row.id]
        self._forget(row)
        self.removed.append((time.monotonic(), row))

    def find(self, query: dict[str, Any], seen: float) -> list[Row]:
        """Rows in which every named column has exactly that value, oldest first, as they stood at `seen`."""
        if "linkedin_url" in query:
            rows = list(self.by_url.get(query["linkedin_url"], {}).values())
        else:
            rows = list(self.rows.values())
        rows = [row for row in rows if row.born <= seen]
        self.removed = [(at, row) for at, row in self.removed if at > seen]
        rows += [row for _, row in self.removed]
        return [row for row in rows if all(row.values.get(name) == value for name, value in query.items())]

    def duplicates(self) -> int:
        """Rows beyond the first of the same person."""
        return sum(count - 1 for count in self.people.values() if count > 1)

    def _index(self, row: Row) -> None:
        url = row.values["linkedin_url"]
        self.by_url.setdefault(url, {})[row.id] = row
        self.people[canonical(url)] = self.people.get(canonical(url), 0) + 1

    def _forget(self, row: Row) -> None:
        url = row.values["linkedin_url"]
        self.by_url.get(url, {}).pop(row.id, None)
        self.people[canonical(url)] -= 1


def shown(row: Row) -> dict[str, Any]:
    """A row as the API answers it: flat."""
    flat = {"id": row.id, **row.values, "providers_used": row.providers_used}
    if row.error:
        flat["error"] = row.error
    return flat
