"""The package as JSON, CSV and HTML: whatever a value holds, it stays a value."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from typing import Any

from django.template.loader import render_to_string

from gdpr.package.document import ITEMS
from swarm_admin.core import csv_export


def as_text(value: Any) -> str:
    """A value as people read it: lists by commas, documents as JSON."""
    if isinstance(value, list) and all(not isinstance(each, list | dict) for each in value):
        return ", ".join(as_text(each) for each in value)
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def format_time(stamp: str | None) -> str:
    """2026-01-15T10:00:00Z as people read it; what is no such stamp stays as it is."""
    try:
        moment = datetime.datetime.fromisoformat(stamp or "")
    except ValueError:
        return stamp or ""
    return f"{moment:%-d %B %Y, %H:%M} UTC"


def as_json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=2).encode()


def as_csv(document: Mapping[str, Any]) -> bytes:
    """One row a value, which no spreadsheet takes for a formula; UTF-8 with its mark, as Excel wants it."""
    rows = (
        (record["where"], datum["field"], as_text(datum["value"]), datum.get("source"), datum.get("obtained_at"))
        for record in document["records"]
        for datum in record["data"]
    )
    return "".join(csv_export.lines(("where", "field", "value", "source", "obtained_at"), rows)).encode()


def sections(document: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
    """(letter, heading, content) of items (a) to (h)."""
    return [(letter, heading, document[letter]) for letter, heading in ITEMS]


def readable(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with every value as text, for the two forms people read."""
    records = [{**record, "data": [_as_readable(datum) for datum in record["data"]]} for record in document["records"]]
    rules = [[(name, as_text(value)) for name, value in rule.items()] for rule in document["h"]["rules"]]
    return {
        **document,
        "about": {**document["about"], "made_at": format_time(document["about"]["made_at"])},
        "c": [{**each, "last": format_time(each["last"])} for each in document["c"]],
        "d": [{**each, "until": format_time(each["until"])} for each in document["d"]],
        "records": records,
        "rules": rules,
    }


def _as_readable(datum: Mapping[str, Any]) -> dict[str, Any]:
    return {**datum, "text": as_text(datum["value"]), "obtained_at": format_time(datum.get("obtained_at"))}


def as_html(document: Mapping[str, Any]) -> bytes:
    """One file that needs no other: no script, nothing loaded from anywhere."""
    return render_to_string("gdpr/package/document.html", readable(document)).encode()
