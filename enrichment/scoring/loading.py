"""Scored leads out of PostgreSQL into a Polars frame, by COPY: the columns a scorecard looks at and a few flags.

Text stays text; a list travels as one text with a separator that no entry holds.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from django.db import connection

from enrichment.documents.scorecard_fields import LIST_FIELDS, NUMBER_FIELDS

SEPARATOR = "\x1f"  # the unit separator of ASCII
# What a lead can be delivered by, and whether it is in the campaign already (see `pipeline.payload.is_deliverable`).
FLAGS = {
    "email": "(email_work <> '' OR email_personal <> '')",
    "reachable": "(email_work <> '' OR email_personal <> '' OR phone <> '')",
    "in_campaign": "(instantly_lead_id <> '')",
}
# Clay's tier as a number, as `pipeline.score.apply.clay_tier` reads it (TIER_SOURCE=clay).
CLAY_TIER = "substring(clay_tier from '(?i)^\\s*tier\\s*([1-9])\\s*$')::int"
SCORED = "icp_score IS NOT NULL AND restriction = ''"


def schema(fields: Sequence[str]) -> dict[str, Any]:
    """Column → type of the frames made here for these fields of a lead."""
    types: dict[str, Any] = {"id": pl.Int64, **dict.fromkeys(FLAGS, pl.Boolean), "clay_tier": pl.UInt8}
    for field in fields:
        is_list = field in LIST_FIELDS
        types[field] = pl.Float64 if field in NUMBER_FIELDS else pl.List(pl.String) if is_list else pl.String
    return types


def load_leads(
    fields: Sequence[str],
    where: str,
    params: Sequence[Any],
    extra: Mapping[str, tuple[str, Any]] | None = None,
    most: int | None = None,
) -> pl.DataFrame:
    """The scored leads that `where` (SQL of ours) chooses, in the order of their keys; at most `most`.

    `extra`: further columns, {name: (SQL expression, Polars type of a number)}.
    """
    columns = [
        "id",
        *(f"{flag} AS {name}" for name, flag in FLAGS.items()),
        f"{CLAY_TIER} AS clay_tier",
        *(f"{EXPRESSIONS.get(field, field)} AS {field}" for field in fields),
        *(f"{expression} AS {name}" for name, (expression, _) in (extra or {}).items()),
    ]
    # Names of our own columns only; what is compared travels as parameters.
    query = f"SELECT {', '.join(columns)} FROM enrichment_lead WHERE {SCORED} AND {where} ORDER BY id"  # noqa: S608
    if most is not None:
        query += f" LIMIT {most}"
    text = _copy(query, params)
    names = schema(fields)
    wire = {name: pl.Int64 if kind == pl.UInt8 else kind for name, kind in names.items()}
    wire = {name: pl.String if kind in (pl.Boolean, pl.List(pl.String)) else kind for name, kind in wire.items()}
    wire |= {name: dtype for name, (_, dtype) in (extra or {}).items()}
    frame = pl.read_csv(io.BytesIO(text), has_header=False, schema=wire, null_values=None)
    return frame.with_columns(
        *((pl.col(flag) == "t").alias(flag) for flag in FLAGS),
        pl.col("clay_tier").cast(pl.UInt8),
        *(_entries(field) for field in fields if field in LIST_FIELDS),
    )


def _entries(field: str) -> pl.Expr:
    return pl.when(pl.col(field) == "").then(pl.lit(None)).otherwise(pl.col(field).str.split(SEPARATOR)).alias(field)


# An entry that holds the separator itself would be read as two; entries that are not text count for nothing.
EXPRESSIONS = {
    "tech_stack": """
CASE WHEN strpos(array_to_string(tech_stack, ''), E'\\x1f') = 0 THEN array_to_string(tech_stack, E'\\x1f')
ELSE (SELECT string_agg(replace(entry, E'\\x1f', ' '), E'\\x1f') FROM unnest(tech_stack) AS entry) END""",
    "recent_posts": """
CASE WHEN jsonb_typeof(recent_posts) = 'array' THEN
(SELECT string_agg(replace(post #>> '{}', E'\\x1f', ' '), E'\\x1f') FROM jsonb_array_elements(recent_posts) AS post
WHERE jsonb_typeof(post) = 'string') END""",
}


def _copy(query: str, params: Sequence[Any]) -> bytes:
    with connection.cursor() as cursor:
        statement = f"COPY ({query}) TO STDOUT (FORMAT csv)"
        with cursor.cursor.copy(statement, params) as copy:
            return b"".join(bytes(block) for block in copy)
