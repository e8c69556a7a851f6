"""Clay's words: the columns of our table, and what goes out and comes in."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from pydantic import AwareDatetime, field_serializer

from enrichment.vendors.errors import VendorError
from enrichment.vendors.wire import Incoming, Outgoing, identifier

ROWS_MAX: Final = 100  # Clay: rows created in one call
UPDATES_MAX: Final = 200
TRIGGER_MAX: Final = 50
EXPORT_MAX: Final = 5000

# The table of the integration specification, all columns of its table section in that section's order.
ENRICHMENT_COLUMNS: Final[list[dict[str, Any]]] = [
    {"name": "linkedin_url", "type": "url", "required": True},
    {"name": "first_name", "type": "text"},
    {"name": "last_name", "type": "text"},
    {"name": "company_name", "type": "text"},
    {"name": "source_type", "type": "text"},
    {"name": "source_name", "type": "text"},
    {"name": "scraped_at", "type": "datetime"},
    {"name": "email_personal", "type": "email", "enrichment": "waterfall"},
    {"name": "email_work", "type": "email", "enrichment": "waterfall"},
    {"name": "phone", "type": "phone", "enrichment": "waterfall"},
    {"name": "title", "type": "text", "enrichment": "linkedin"},
    {"name": "company_domain", "type": "url", "enrichment": "clearbit"},
    {"name": "company_industry", "type": "text", "enrichment": "clearbit"},
    {"name": "company_size", "type": "number", "enrichment": "clearbit"},
    {"name": "company_revenue", "type": "text", "enrichment": "clearbit"},
    {"name": "company_location", "type": "text", "enrichment": "clearbit"},
    {"name": "tech_stack", "type": "list", "enrichment": "builtwith"},
    {"name": "funding_stage", "type": "text", "enrichment": "crunchbase"},
    {"name": "funding_amount", "type": "text", "enrichment": "crunchbase"},
    {"name": "linkedin_headline", "type": "text", "enrichment": "linkedin"},
    {"name": "linkedin_summary", "type": "text", "enrichment": "linkedin"},
    {"name": "linkedin_connections", "type": "number", "enrichment": "linkedin"},
    {"name": "recent_posts", "type": "list", "enrichment": "linkedin"},
    {"name": "mutual_connections", "type": "number", "enrichment": "linkedin"},
    {"name": "icp_score", "type": "number", "formula": "custom_icp_formula"},
    {"name": "icp_tier", "type": "text", "formula": "tier_formula"},
    {"name": "enrichment_status", "type": "text"},
    {"name": "enriched_at", "type": "datetime"},
    {"name": "provenance", "type": "json"},
    {"name": "ghl_contact_id", "type": "text"},
    {"name": "instantly_lead_id", "type": "text"},
]
COLUMN_NAMES: Final = frozenset(column["name"] for column in ENRICHMENT_COLUMNS)
EVENTS: Final = ("row.enriched", "row.enrichment_failed")


class RowIn(Outgoing):
    """The input fields of a row; the fields Clay's table lacks are not sent (D6)."""

    linkedin_url: str
    first_name: str | None = None
    last_name: str | None = None
    company_name: str | None = None
    source_type: str | None = None
    source_name: str | None = None
    scraped_at: AwareDatetime | None = None

    @field_serializer("scraped_at", when_used="unless-none")
    def _as_utc(self, value: datetime.datetime) -> str:
        return value.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")


class ClayTable(Incoming):
    id: str
    name: str = ""


class CreatedRow(Incoming):
    """The row made for the `index`-th row of the request."""

    index: int
    id: str


class ClayRow(Incoming):
    """A row as Clay answered it: `values` is everything but the id, of whatever types; `raw` the whole."""

    id: str
    values: dict[str, Any]
    raw: dict[str, Any]

    @classmethod
    def read(cls, document: Any) -> "ClayRow | None":
        """None for what is no row: no object, or one without an id."""
        if not isinstance(document, dict) or not (row_id := identifier(document.get("id"))):
            return None
        values = {name: value for name, value in document.items() if name != "id"}
        return cls(id=row_id, values=values, raw=document)


class RowPage(Incoming):
    """`next_cursor` None: the last page."""

    rows: list[ClayRow]
    next_cursor: str | None = None


@dataclass(frozen=True)
class Source:
    """A table's webhook: where its rows are posted, and the token it asks for ("" without authentication)."""

    url: str
    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class RunItem:
    """One lead of a routine's run: `id` is our reference, which its result carries; `inputs` by the routine's names."""

    id: str
    inputs: Mapping[str, Any]


@dataclass(frozen=True)
class RunResult:
    """What came of one item: `status` as told ("complete" alone is success), `result` by the routine's names."""

    id: str
    status: str
    result: Mapping[str, Any]
    error: str = ""


@dataclass(frozen=True)
class RunPage:
    """`status` as told; `is_running`: nothing is final yet. `cursor` None: the last page."""

    status: str
    is_running: bool
    results: Sequence[RunResult] = ()
    cursor: str | None = None


@dataclass(frozen=True)
class FilePage:
    """How far a run over a file is: `address` of its results once it is complete, for a few minutes.

    `error`, and `invalid` {line number from 1: what is wrong with it}, of a file that Clay did not take.
    """

    status: str
    is_running: bool
    address: str = ""
    error: str = ""
    invalid: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BulkUpdate:
    """What became of a bulk update: ids done, left for want of slots, and refused with their error.

    `rows`: of those done, as Clay answered them, where it did.
    """

    done: list[str]
    left: list[str] = field(default_factory=list)
    refused: dict[str, VendorError] = field(default_factory=dict)
    rows: dict[str, ClayRow] = field(default_factory=dict)


def match_created(sent: Sequence[str], answered: Any) -> list[CreatedRow] | None:
    """Which answered row belongs to which sent `linkedin_url`; in the order sent. None: cannot be told.

    Positions count where each answered address, if any, is the one sent there; otherwise the addresses
    decide, if all are given and each was sent once.
    """
    if not isinstance(answered, list) or len(answered) != len(sent):
        return None
    ids = [identifier(row.get("id")) if isinstance(row, dict) else "" for row in answered]
    if "" in ids or len(set(ids)) != len(ids):
        return None
    answered_urls = [_same(row.get("linkedin_url")) for row in answered]
    wanted = [_same(url) for url in sent]
    if all(is_told in ("", want) for is_told, want in zip(answered_urls, wanted, strict=True)):
        return [CreatedRow(index=index, id=row_id) for index, row_id in enumerate(ids)]
    if len(set(wanted)) != len(wanted) or set(answered_urls) != set(wanted):
        return None
    by_url = dict(zip(answered_urls, ids, strict=True))
    return [CreatedRow(index=index, id=by_url[url]) for index, url in enumerate(wanted)]


def match_some(sent: Sequence[str], answered: Sequence[Any]) -> list[CreatedRow]:
    """Of fewer rows than were sent, those whose address was sent exactly once; the others are told by nothing."""
    wanted = [_same(url) for url in sent]
    row_ids: dict[int, str] = {}
    for row in answered:
        answered_url, row_id = (
            (_same(row.get("linkedin_url")), identifier(row.get("id"))) if isinstance(row, dict) else ("", "")
        )
        if answered_url and row_id and wanted.count(answered_url) == 1 and row_id not in row_ids.values():
            row_ids.setdefault(wanted.index(answered_url), row_id)
    return [CreatedRow(index=index, id=row_id) for index, row_id in sorted(row_ids.items())]


def _same(url: Any) -> str:
    """An address without what a vendor may rewrite in an echo: scheme, www, case, escapes, last slash."""
    if not isinstance(url, str):
        return ""
    bare = unquote(url.strip()).casefold().partition("?")[0].rstrip("/")
    return bare.removeprefix("https://").removeprefix("http://").removeprefix("www.")
