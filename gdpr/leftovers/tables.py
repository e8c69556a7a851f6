"""The tables of the live schema, and their rows a few megabytes at a time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from django.db import OperationalError, connection, transaction
from psycopg import sql

from gdpr.stores import RetryLater

BLOCK = 8 * 1024 * 1024
FIRST_PAGES, MOST_PAGES = 64, 4_096  # of one statement
AIMED_AT = 2 * BLOCK  # bytes of one statement
STATEMENT_SECONDS, LOCK_SECONDS = 120, 5  # one that takes longer waits for something
# PostgreSQL, "COPY: Binary Format": the head of the stream and its end.
SIGNATURE = b"PGCOPY\n\xff\r\n\0"
HEAD = len(SIGNATURE) + 8
END = b"\xff\xff"
AS_IT_IS = ("bytea", "text", "varchar", "bpchar", "json")  # sent as the bytes they are
TELLS_NOTHING = ("bool",)
# No e-mail, profile or phone stands in one; any other text might, such as a date of birth.
TIMES = ("timestamptz", "timestamp", "date", "time", "timetz", "interval")
KEYS = ("int2", "int4", "int8", "uuid")  # a key of another type may tell of the person
Row = tuple[str, list[bytes | None]]


@dataclass(frozen=True)
class Column:
    """`type` as pg_type has it."""

    name: str
    type: str


@dataclass(frozen=True)
class Table:
    """`key`: the one column that names a row and tells nothing; empty: rows are named by their place (ctid)."""

    oid: int
    schema: str
    name: str
    columns: tuple[Column, ...]
    key: str = ""

    @property
    def label(self) -> str:
        return self.name if self.schema == "public" else f"{self.schema}.{self.name}"

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)


def tables() -> list[Table]:
    """All ordinary tables, partitions and materialised views outside the catalogue, with all their columns."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.oid, n.nspname, c.relname, "
            "array_agg(a.attname::text ORDER BY a.attnum), array_agg(y.typname::text ORDER BY a.attnum), "
            "(SELECT k.attname FROM pg_index i JOIN pg_attribute k ON k.attrelid = c.oid AND k.attnum = i.indkey[0] "
            "JOIN pg_type t ON t.oid = k.atttypid "
            "WHERE i.indrelid = c.oid AND i.indisprimary AND i.indnkeyatts = 1 AND t.typname = ANY(%s)) "
            "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type y ON y.oid = a.atttypid "
            "WHERE c.relkind IN ('r', 'm') AND a.attnum > 0 AND NOT a.attisdropped "
            "AND (c.relpersistence <> 't' OR pg_my_temp_schema() = n.oid) "
            "AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_toast%%' "
            "GROUP BY 1, 2, 3 ORDER BY 2, 3",
            [list(KEYS)],
        )
        return [
            Table(oid, schema, name, tuple(map(Column, columns, types)), key or "")
            for oid, schema, name, columns, types, key in cursor.fetchall()
        ]


def without_times(table: Table) -> Table:
    """The table as it is read where no time is looked for."""
    return replace(table, columns=tuple(column for column in table.columns if column.type not in TIMES))


class TableGone(Exception):
    """The table is not there any more, or has other columns by now."""


def table_state(table: Table) -> tuple[int, int, int]:
    """(pages, file, transaction): how long it is, which file it is in, and since when it may have changed.

    Raises:
        RetryLater: the table is locked.
        TableGone: it is not there any more.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
            cursor.execute(
                "SELECT pg_relation_size(%s::oid) / current_setting('block_size')::int, "
                "pg_relation_filenode(%s::oid), pg_snapshot_xmin(pg_current_snapshot())::xid::text::bigint",
                [table.oid, table.oid],
            )
            pages, file, transaction_id = cursor.fetchone()
    except OperationalError:
        raise share_locked(table) from None
    if pages is None or file is None:
        raise TableGone
    return pages, file, transaction_id


def share_locked(table: Table) -> RetryLater:
    return RetryLater(f"The table {table.label} is locked by another process")


def pages_of(table: Table, first: int, beyond: int) -> Iterator[tuple[int, Callable[[], Iterator[list[bytes]]]]]:
    """(next page, what reads the blocks before it), again and again until `beyond`.

    Each is a statement of its own, so that nothing is held while the caller does something else.
    """
    at, size = first, FIRST_PAGES
    while at < beyond:
        upto = min(at + size, beyond)
        read = 0

        def blocks(at: int = at, upto: int = upto) -> Iterator[list[bytes]]:
            nonlocal read
            where = sql.SQL("t.ctid >= {}::tid AND t.ctid < {}::tid").format(
                sql.Literal(f"({at},0)"), sql.Literal(f"({upto},0)")
            )
            for block in copy_rows(table, where):
                read += sum(map(len, block))
                yield block

        yield upto, blocks
        size = max(1, min(MOST_PAGES, size * 4, size * AIMED_AT // max(read, 1)))
        at = upto


def changed_rows(table: Table, since: int) -> Iterator[list[bytes]]:
    """Blocks of the rows that transaction `since` or a later one wrote: they may have moved to where we were before."""
    return copy_rows(table, sql.SQL("age(t.xmin) <= age({}::xid)").format(sql.Literal(str(since))))


def copy_rows(table: Table, where: sql.Composable) -> Iterator[list[bytes]]:
    """The rows' messages in blocks. COPY in its binary form: nothing in it is escaped.

    Whoever takes a block does nothing with the connection before the next one: it is in the middle of COPY.

    Raises:
        RetryLater: the table is locked, or the statement took too long.
        TableGone: the table is not what it was.
    """
    columns: list[sql.Composable] = [
        sql.SQL("t.ctid::text") if not table.key else sql.SQL("t.{}::text").format(sql.Identifier(table.key))
    ]
    columns += [_selected(column) for column in table.columns]
    query = sql.SQL("COPY (SELECT {} FROM ONLY {} t WHERE {}) TO STDOUT (FORMAT BINARY)").format(
        sql.SQL(", ").join(columns), table.identifier, where
    )
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'")
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
            with cursor.copy(query) as copy:
                yield from _blocks(copy)
    except (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled):
        raise share_locked(table) from None
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
        raise TableGone from None


def _selected(column: Column) -> sql.Composable:
    name = sql.Identifier(column.name)
    if column.type in TELLS_NOTHING:
        return sql.SQL("NULL")
    return sql.SQL("t.{}" if column.type in AS_IT_IS else "t.{}::text").format(name)


def _blocks(copy: Any) -> Iterator[list[bytes]]:
    block: list[bytes] = []
    size = 0
    for message in copy:
        row = bytes(message)
        if row.startswith(SIGNATURE):
            row = row[HEAD:]
        if row.startswith(END) or not row:
            continue
        block.append(row)
        size += len(row)
        if size >= BLOCK:
            yield block
            block, size = [], 0
    if block:
        yield block


def parse_row(message: bytes) -> Row:
    """(the row's name, the columns' bytes) of one message."""
    fields: list[bytes | None] = []
    at = 2
    for _ in range(int.from_bytes(message[:2], "big")):
        length = int.from_bytes(message[at : at + 4], "big", signed=True)
        at += 4
        fields.append(None if length < 0 else message[at : at + length])
        at += max(length, 0)
    return (fields[0] or b"").decode(), fields[1:]
