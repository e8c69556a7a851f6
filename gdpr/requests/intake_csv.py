"""A list of requests: one a row, each with what is wrong with it, before anything is opened."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.db import transaction
from pydantic import ValidationError

from gdpr import audit
from gdpr.identity.validation import sentences
from gdpr.models import Channel, SubjectRequest
from gdpr.requests.intake import RequestIn, read
from gdpr.requests.pipeline.open import open_request
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed

COLUMNS = (
    "kind", "received_at", "name", "contact_email", "linkedin_url", "emails", "phone", "text", "regime", "calendar",
    "concerns",
)  # fmt: skip
VALUE = "value:"  # a column "value:title" is the new value of the field "title"
MOST, LONGEST = 500, 5_000_000  # rows, bytes
MOST_COLUMNS = 200  # ours, and a new value for each field there is


@dataclass(frozen=True)
class Row:
    """`number` as a spreadsheet counts, the head being 1. `entry` is None where `errors` has (field, sentence)s."""

    number: int
    entry: RequestIn | None
    errors: list[tuple[str, str]] = field(default_factory=list)


def parse(content: bytes) -> list[Row]:
    """Every row of a CSV file with a head of COLUMNS, by comma or semicolon, in UTF-8.

    Raises:
        ActionNotAllowed: it is no such file.
    """
    if len(content) > LONGEST:
        raise ActionNotAllowed(f"The file is larger than {LONGEST:,} bytes.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ActionNotAllowed("The file isn't UTF-8. Save it as “CSV UTF-8”.") from None
    head = text.split("\n", 1)[0]
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=_delimiter(head), strict=True)
        if len(reader.fieldnames or ()) > MOST_COLUMNS:
            raise ActionNotAllowed(f"The header has more than {MOST_COLUMNS} columns.")
        rows = list(islice(reader, MOST + 1))
    except csv.Error:
        raise ActionNotAllowed("Invalid CSV: a quotation mark is unclosed or misplaced.") from None
    if not rows:
        raise ActionNotAllowed("The file has no rows below the header.")
    if len(rows) > MOST:
        raise ActionNotAllowed(f"You can import up to {MOST:,} requests at once.")
    _check_head(rows[0])
    return [_row(number, row) for number, row in enumerate(rows, start=2)]


def _delimiter(head: str) -> str:
    return ";" if head.count(";") > head.count(",") else ","


def _check_head(row: Mapping[str | None, Any]) -> None:
    names = [name.strip() for name in row if name is not None]
    if "kind" not in names:
        raise ActionNotAllowed("The header has no “kind” column.")
    unknown = [name for name in names if name not in COLUMNS and not name.startswith(VALUE)]
    if unknown:
        raise ActionNotAllowed(f"Unknown column “{unknown[0][:40]}”. Allowed: {', '.join(COLUMNS)}.")


def _row(number: int, row: Mapping[str | None, Any]) -> Row:
    if None in row or any(value is None for value in row.values()):
        return Row(number, None, [("", "The row and the header have different numbers of cells.")])
    cells = {str(name).strip(): str(value).strip() for name, value in row.items()}
    values = {name.removeprefix(VALUE): cell for name, cell in cells.items() if name.startswith(VALUE) and cell}
    given: dict[str, Any] = {name: cell for name, cell in cells.items() if not name.startswith(VALUE)}
    if values:
        given["values"] = values
    given["kind"] = given.get("kind", "").casefold()
    try:
        return Row(number, read(given))
    except ValidationError as error:
        return Row(number, None, sentences(error))


def open_requests(rows: list[Row], *, by: Any) -> list[SubjectRequest]:
    """Open the good rows, all or none; rows with faults are left out.

    Raises:
        ActionNotAllowed: there is none, or one cannot be opened; its number is named.
    """
    good = [row for row in rows if row.entry is not None]
    if not good:
        raise ActionNotAllowed("None of these rows is valid.")
    opened = []
    with transaction.atomic():
        for row in good:
            try:
                opened.append(open_request(row.entry, channel=Channel.CSV, by=by))  # type: ignore[arg-type]
            except ActionNotAllowed as impossible:
                raise ActionNotAllowed(f"Row {row.number}: {impossible}") from None
        counts = {"rows": len(rows), "opened": len(opened)}
        audit.record(Verb.IMPORT_REQUESTS, by=by, object_type="subjectrequest", counts=counts)
    return opened
