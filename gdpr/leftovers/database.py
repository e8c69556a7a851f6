"""Every table and column of the live schema, whatever program made it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from psycopg import sql

from gdpr.leftovers.needles import Finder, Needle

ROWS_NAMED = 20  # per table
AT_ONCE = 200
BLOCK = 8 * 1024 * 1024
# PostgreSQL, "COPY: Binary Format": the head of the stream and its end.
SIGNATURE = b"PGCOPY\n\xff\r\n\0"
HEAD = len(SIGNATURE) + 8
END = b"\xff\xff"


def nothing() -> None:
    """For who need not be told that the search goes on."""


@dataclass(frozen=True)
class Hit:
    """One place where something was found: which one, how often, and in which kinds and encodings. Nothing personal."""

    place: str
    count: int
    what: tuple[str, ...]
    where: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    schema: str
    name: str
    columns: tuple[str, ...]

    @property
    def label(self) -> str:
        return self.name if self.schema == "public" else f"{self.schema}.{self.name}"


def tables() -> list[Table]:
    """All ordinary, partitioned and materialised tables outside the catalogue, with all their columns."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT n.nspname, c.relname, array_agg(a.attname::text ORDER BY a.attnum) FROM pg_class c "
            "JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid "
            "WHERE c.relkind IN ('r', 'm') AND a.attnum > 0 AND NOT a.attisdropped "
            "AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_toast%%' "
            "GROUP BY 1, 2 ORDER BY 1, 2"
        )
        return [Table(schema, name, tuple(columns)) for schema, name, columns in cursor.fetchall()]


def scan(
    needles: Iterable[Needle], skip: Iterable[str] = (), beat: Callable[[], None] = nothing
) -> list[Hit]:
    """What is found in which table. `skip` names tables that may hold it, as "auth_user".

    `beat` is called every second or so, for whoever has to say that the search is still under way.
    """
    finder, left_out = Finder(needles), set(skip)
    hits: list[Hit] = []
    for table in tables():
        beat()
        if table.label not in left_out:
            hits.extend(_in_table(table, finder, beat))
    return [*hits, *_large_objects(finder)]


def _in_table(table: Table, finder: Finder, beat: Callable[[], None]) -> Iterator[Hit]:
    """All rows stream by; those that hold something are fetched again and told apart column by column."""
    counts, seen, rows = Counter[str](), dict[str, set[str]](), dict[str, list[str]]()
    found = list(_places(table, finder, beat))
    for places in (found[at : at + AT_ONCE] for at in range(0, len(found), AT_ONCE)):
        for row in _rows(table, places):
            for column, told in _by_column(finder, table.columns, row[1:]):
                counts[column] += 1
                seen.setdefault(column, set()).update(told)
                rows.setdefault(column, []).append(_name(row[0], row[1]))
    for column, count in counts.items():
        named = tuple(rows[column][:ROWS_NAMED])
        yield Hit(f"{table.label}.{column}", count, tuple(sorted(seen[column])), named)


def _places(table: Table, finder: Finder, beat: Callable[[], None]) -> Iterator[str]:
    """The places (ctid) of rows that hold something. COPY in its binary form: nothing in it is escaped."""
    query = sql.SQL(
        "COPY (SELECT t.ctid::text, concat_ws(E'\\x1f', {}) FROM {} t) TO STDOUT (FORMAT BINARY)"
    ).format(
        sql.SQL(", ").join(sql.SQL("t.{}::text").format(sql.Identifier(c)) for c in table.columns),
        sql.Identifier(table.schema, table.name),
    )
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        block: list[bytes] = []
        size = 0
        for message in copy:
            block.append(bytes(message))
            size += len(block[-1])
            if size >= BLOCK:
                yield from _of_block(finder, block)
                block, size = [], 0
                beat()
        yield from _of_block(finder, block)


def _of_block(finder: Finder, messages: list[bytes]) -> Iterator[str]:
    """A message is a row, the first after the format's head; a match across two rows finds neither."""
    if not messages or not finder.may_hold(b"\0".join(messages)):
        return
    for message in messages:
        row = message[HEAD:] if message.startswith(SIGNATURE) else message
        if row.startswith(END) or not finder.find(row):
            continue
        length = int.from_bytes(row[2:6], "big")
        yield row[6 : 6 + length].decode()


def _rows(table: Table, places: list[str]) -> list[tuple[Any, ...]]:
    query = sql.SQL("SELECT t.ctid::text, {} FROM {} t WHERE t.ctid = ANY(%s::tid[])").format(
        sql.SQL(", ").join(sql.SQL("t.{}::text").format(_quoted(c)) for c in table.columns),
        _quoted(table.schema, table.name),
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [places])
        return list(cursor.fetchall())


def _quoted(*names: str) -> sql.Identifier:
    """A name within a query that has parameters: a percent sign in it is no placeholder."""
    return sql.Identifier(*(name.replace("%", "%%") for name in names))


def _name(place: str, first: str | None) -> str:
    """A row by its number, else by its place in the table: any other key may tell of the person."""
    return first if first and first.isdecimal() and len(first) < 10 else place


def _by_column(
    finder: Finder, columns: tuple[str, ...], values: tuple[str | None, ...]
) -> Iterator[tuple[str, set[str]]]:
    """(column, what was found in it). A match across two columns is reported under both names."""
    any_found = False
    for column, value in zip(columns, values, strict=True):
        told = {said(needle) for needle in finder.find(_bytes(value))} if value else set()
        if told:
            any_found = True
            yield column, told
    if not any_found:
        yield "(row)", {"across columns"}


def _bytes(value: str) -> bytes:
    """A column's text; of bytes, which come in hexadecimal, both the text and what it stands for."""
    plain = value.encode()
    if value.startswith("\\x"):
        try:
            return plain + b"\n" + bytes.fromhex(value[2:])
        except ValueError:
            return plain
    return plain


def said(needle: Needle) -> str:
    return needle.kind if needle.encoding == "plain" else f"{needle.kind} ({needle.encoding})"


def _large_objects(finder: Finder) -> Iterator[Hit]:
    """Large objects live in the catalogue, where the schema's tables do not show them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT oid FROM pg_largeobject_metadata ORDER BY oid")
        for (oid,) in cursor.fetchall():
            cursor.execute("SELECT lo_get(%s)", [oid])
            if found := finder.find(bytes(cursor.fetchone()[0])):
                yield Hit(f"large object {oid}", 1, tuple(sorted(said(needle) for needle in found)))
