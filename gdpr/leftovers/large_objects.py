"""Large objects live in the catalogue, where the schema's tables do not show them."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.db import connection

from gdpr.leftovers.hits import Hit, describe, no_heartbeat
from gdpr.leftovers.search_patterns import Finder, SearchPattern

BLOCK = 4 * 1024 * 1024


def scan(patterns: Iterable[SearchPattern], heartbeat: Callable[[], None] = no_heartbeat) -> Iterator[Hit]:
    """Every large object, a block at a time."""
    finder = Finder(patterns)
    with connection.cursor() as cursor:
        cursor.execute("SELECT oid FROM pg_largeobject_metadata ORDER BY oid")
        for (oid,) in cursor.fetchall():
            heartbeat()
            if found := _patterns_in(cursor, oid, finder, heartbeat):
                yield Hit(f"large object {oid}", 1, tuple(sorted(describe(pattern) for pattern in found)))


def _patterns_in(cursor: Any, oid: int, finder: Finder, heartbeat: Callable[[], None]) -> set[SearchPattern]:
    found: set[SearchPattern] = set()
    rest, at = b"", 0
    while True:
        cursor.execute("SELECT lo_get(%s, %s, %s)", [oid, at, BLOCK])
        block = bytes(cursor.fetchone()[0])
        if not block:
            return found
        found |= finder.find(rest + block)
        rest, at = (rest + block)[-finder.longest :], at + len(block)
        heartbeat()
