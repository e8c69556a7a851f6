"""Leads into the table by COPY: indexes come after the rows, as one would restore a backup."""

import io
from typing import Any

import polars as pl
import psycopg
from django.utils import timezone
from psycopg import sql

CHUNK = 50_000
TABLE = "enrichment_lead"


def fill(connection: psycopg.Connection, size: int) -> None:
    """`size` leads into the empty table behind `connection`, with statistics and a visibility map."""
    from tests.bench.people import people

    indexes = take_away_indexes(connection)
    now = timezone.now()
    more = _defaults(connection)
    for start in range(0, size, CHUNK):
        frame = people(start, min(CHUNK, size - start), now=now, of=size)
        copy_in(
            connection,
            TABLE,
            frame.with_columns(pl.lit(v).alias(n) for n, v in more.items() if n not in frame),
        )
    connection.execute("SET maintenance_work_mem = '512MB'")
    for index in indexes:
        connection.execute(index)
    connection.execute("VACUUM (FREEZE, ANALYZE)")


def copy_in(connection: psycopg.Connection, table: str, frame: pl.DataFrame) -> None:
    """The frame's rows by COPY; its columns are named as the table's."""
    names = sql.SQL(", ").join(map(sql.Identifier, frame.columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, NULL '\\N')").format(sql.Identifier(table), names)
    with connection.cursor().copy(statement) as copy:
        copy.write(as_csv(frame))


def as_csv(frame: pl.DataFrame) -> bytes:
    """Without a header; NULL is \\N, which no quoted text can be taken for."""
    file = io.BytesIO()
    frame.write_csv(
        file,
        include_header=False,
        null_value="\\N",
        quote_style="necessary",
        datetime_format="%Y-%m-%d %H:%M:%S%.6f+00",
    )
    return file.getvalue()


def take_away_indexes(connection: psycopg.Connection) -> list[str]:
    """Drop what no constraint needs; the statements that make it again."""
    rows = connection.execute(
        "SELECT i.indexname, i.indexdef FROM pg_indexes i WHERE i.tablename = %s AND NOT EXISTS "
        "(SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname) ORDER BY 1",
        [TABLE],
    ).fetchall()
    for name, _ in rows:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    return [definition for _, definition in rows]


def _defaults(connection: psycopg.Connection) -> dict[str, Any]:
    """{column: what stands there where the invented lead says nothing}, as COPY reads it."""
    from enrichment.models import Lead

    kept: dict[str, Any] = {}
    for field in Lead._meta.concrete_fields:
        if field.primary_key or field.generated:
            continue
        value = field.get_default()
        kept[field.column] = {list: "{}", dict: "{}"}.get(type(value), value)
        if field.get_internal_type() == "JSONField" and isinstance(value, list):
            kept[field.column] = "[]"
    card = connection.execute("SELECT id FROM enrichment_scorecardversion WHERE status = 'published'").fetchone()
    return {**kept, "scorecard_id": card[0] if card else None}
