"""Every table and column of the live schema, whatever program made it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

from django.db import connection

from gdpr.leftovers import tables
from gdpr.leftovers.hits import Hit, describe, no_heartbeat
from gdpr.leftovers.names import MENTION, RECORD, NameFinder
from gdpr.leftovers.progress import Progress
from gdpr.leftovers.search_patterns import Finder, SearchPattern, as_text
from gdpr.leftovers.tables import Table
from gdpr.stores import RetryLater

ROWS_NAMED = 20  # per column
REWRITTEN = 3  # so often a table may be rewritten while it is looked through
NO_NAMES = NameFinder([])


def scan(
    patterns: Iterable[SearchPattern],
    skip: Iterable[str] = (),
    heartbeat: Callable[[], None] = no_heartbeat,
    names: NameFinder = NO_NAMES,
    progress: Progress | None = None,
) -> Progress:
    """Look through all tables, from where `progress` stands; what is found is in its `rows` and `names`.

    `skip` names tables that may hold it, as "auth_user". `heartbeat` is called every second or so, between two
    statements, for whoever has to say that the search is still under way; it may use the connection, and may raise.

    Raises:
        RetryLater: a table is locked, or is rewritten again and again.
    """
    searched, left_out = _Search(Finder(patterns), names, heartbeat), set(skip)
    has_texts = any(pattern.kind == "text" for pattern in searched.finder.patterns)
    progress = progress or Progress()
    try:
        for table in tables.tables():
            heartbeat()
            if table.label not in left_out:
                searched.table(table if has_texts else tables.without_times(table), progress)
    except BaseException:
        if not connection.in_atomic_block:
            connection.close()  # whatever a statement was in the middle of: the next one begins with a new one
        raise
    return progress


@dataclass
class _ColumnHits:
    """Of one table: {column: {row}} and what was found in each column. A row counts once, however often it is read."""

    rows: dict[str, set[str]] = field(default_factory=dict)
    what: dict[str, set[str]] = field(default_factory=dict)

    def add(self, column: str, row: str, kinds: Iterable[str]) -> None:
        self.rows.setdefault(column, set()).add(row)
        self.what.setdefault(column, set()).update(kinds)

    def hits(self, table: Table) -> list[Hit]:
        return [
            Hit(f"{table.label}.{column}", len(rows), tuple(sorted(self.what[column])),
                tuple(sorted(rows, key=lambda row: (len(row), row))[:ROWS_NAMED]), table.label, column)
            for column, rows in self.rows.items()
        ]  # fmt: skip


class _TableHits:
    """What is found in one table, beside what an earlier attempt found in it."""

    def __init__(self, progress: Progress, table: Table) -> None:
        self.progress, self.table = progress, table
        self.rows, self.names = progress.rows, progress.names
        self.identified, self.named = _ColumnHits(), _ColumnHits()

    def note(self) -> None:
        self.progress.rows = _merge_hits(self.rows, self.identified.hits(self.table))
        self.progress.names = _merge_hits(self.names, self.named.hits(self.table))


@dataclass
class _Search:
    finder: Finder
    names: NameFinder
    heartbeat: Callable[[], None]

    def table(self, table: Table, progress: Progress) -> None:
        """All rows stream by; those written meanwhile once more, as they may have moved to a page behind us."""
        found = _TableHits(progress, table)
        try:
            if table.label in progress.done:
                since = progress.done[table.label]
            else:
                self._pages(table, progress, found)
                since = progress.since
            self._blocks(table, tables.changed_rows(table, since), found)
        except tables.TableGone:
            return
        if table.label == progress.table:
            progress.end()

    def _pages(self, table: Table, progress: Progress, found: _TableHits) -> None:
        for _ in range(REWRITTEN):
            pages, file, since = tables.table_state(table)
            if (progress.table, progress.file) != (table.label, file):
                progress.begin(table.label, file, since)
            for upto, blocks in tables.pages_of(table, progress.page, pages):
                self._blocks(table, blocks(), found)
                progress.page = upto
                self.heartbeat()
            if tables.table_state(table)[1] == file:
                return
        raise RetryLater(f"The table {table.label} keeps being rewritten")

    def _blocks(self, table: Table, blocks: Iterator[list[bytes]], found: _TableHits) -> None:
        with closing(blocks):  # type: ignore[type-var]
            for block in blocks:
                together = b"\0".join(block)
                text = as_text(together)
                if self.finder.may_be_in(text):
                    self._identified(table, block, found.identified)
                if self.names.may_be_in(together, text):
                    self._named(table, block, found.named)
        found.note()

    def _identified(self, table: Table, block: list[bytes], found: _ColumnHits) -> None:
        for message, patterns in zip(block, self.finder.find_each(block), strict=True):
            if patterns:
                row, values = tables.parse_row(message)
                for column, value in zip(table.columns, values, strict=True):
                    if value and (kinds := {describe(pattern) for pattern in self.finder.find(value)}):
                        found.add(column.name, row, kinds)

    def _named(self, table: Table, block: list[bytes], found: _ColumnHits) -> None:
        for number in self.names.may_hold(block):
            row, values = tables.parse_row(block[number])
            match = self.names.find(b"\x1f".join(value or b"" for value in values))
            if match == RECORD:
                found.add("(row)", row, [RECORD])
                continue
            for column, value in zip(table.columns, values, strict=True):
                if match and value and self.names.find(value):
                    found.add(column.name, row, [MENTION])


def _merge_hits(before: list[Hit], now: list[Hit]) -> list[Hit]:
    """Hits of one place become one."""
    places = {hit.place: hit for hit in before}
    for hit in now:
        old = places.get(hit.place)
        places[hit.place] = hit if old is None else _merge_hit(old, hit)
    return list(places.values())


def _merge_hit(old: Hit, new: Hit) -> Hit:
    """Of rows read twice, those named count once; of more than are named, nobody knows which they were."""
    twice = len(set(old.where) & set(new.where))
    where = tuple(dict.fromkeys([*old.where, *new.where]))[:ROWS_NAMED]
    what = tuple(sorted({*old.what, *new.what}))
    return Hit(old.place, old.count + new.count - twice, what, where, old.table, old.column)
