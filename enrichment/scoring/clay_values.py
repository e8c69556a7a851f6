"""What Clay's own row held of the fields a scorecard looks at, where that is other than the mirror's values."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from enrichment.documents.scorecard_fields import NUMBER_FIELDS, TEXT_FIELDS
from enrichment.models import Lead, WaterfallVersion
from enrichment.vendors.clay.fields import normalise, readers
from swarm_admin.core.identifiers.text import is_missing

PINNED, UNREADABLE, OTHER_VALUES = "pinned", "unreadable", "other_values"


@dataclass(frozen=True)
class ClayValues:
    """`values` as the mirror would write them, what is missing or unreadable as None; personal data.

    `fields`: the names of those that differ. `reason`: PINNED, UNREADABLE or OTHER_VALUES.
    """

    lead_id: int
    values: dict[str, Any]
    fields: tuple[str, ...]
    reason: str


def read_clay_values(ids: Sequence[int], fields: Sequence[str]) -> list[ClayValues]:
    """One for each of these leads whose last row from Clay holds other values in these fields; one query."""
    country = WaterfallVersion.active().phone_country
    known = frozenset(readers(country))
    differing = []
    for lead in _rows_that_may_differ(ids, fields):
        row = _clay_values(lead, fields, country, known)
        if row.fields:
            differing.append(row)
    return differing


def _rows_that_may_differ(ids: Sequence[int], fields: Sequence[str]) -> list[dict[str, Any]]:
    """Leads whose raw row is not, letter by letter, what the mirror holds: {id, pinned_fields, mirror, raw}."""
    names = [field for field in fields if field in {each.name for each in Lead._meta.get_fields()}]
    if not names or not ids:
        return []
    differs = " OR ".join(_differs(name) for name in names)
    mirrored = ", ".join(f"'{name}', {name}" for name in names)
    raw = ", ".join(f"'{name}', raw->'{name}'" for name in names)
    query = (  # the names are those of our own columns
        f"SELECT id, pinned_fields, jsonb_build_object({mirrored}), jsonb_build_object({raw}) "  # noqa: S608
        f"FROM enrichment_lead WHERE id = ANY(%s) AND ({differs})"
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [list(ids)])
        return [
            {"id": pk, "pinned": set(pinned), "mirror": _loaded(mirror), "raw": _loaded(held)}
            for pk, pinned, mirror, held in cursor.fetchall()
        ]


def _loaded(value: Any) -> dict[str, Any]:
    loaded = json.loads(value) if isinstance(value, str) else value
    return dict(loaded)


def _differs(name: str) -> str:
    if name in TEXT_FIELDS:
        return f"coalesce(raw->>'{name}', '') <> {name}"
    return f"raw->'{name}' IS DISTINCT FROM to_jsonb({name})"


def _clay_values(lead: Mapping[str, Any], fields: Sequence[str], country: str, known: Collection[str]) -> ClayValues:
    """`known`: the columns that the mirror has a reader for."""
    raw, mirror = lead["raw"], lead["mirror"]
    read, unreadable = normalise(raw, country)
    values: dict[str, Any] = {}
    for field in fields:
        # What no reader is for came with the lead and went to Clay as it is.
        given = read.get(field) if field in known else raw.get(field)
        values[field] = None if is_missing(given) else given
    differing = tuple(field for field in fields if not _same(field, values[field], mirror.get(field)))
    if set(differing) & lead["pinned"]:
        reason = PINNED
    else:
        reason = UNREADABLE if set(differing) & set(unreadable) else OTHER_VALUES
    return ClayValues(lead["id"], values, differing, reason)


def _same(field: str, clays: Any, own_value: Any) -> bool:
    if is_missing(clays) or is_missing(own_value):
        return is_missing(clays) and is_missing(own_value)
    return float(clays) == float(own_value) if field in NUMBER_FIELDS else bool(clays == own_value)
