"""Large objects live in the catalogue, where the schema's tables do not show them."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.db import connection

from gdpr.leftovers.hits import Hit, nothing, said
from gdpr.leftovers.search_patterns import Finder, Needle

BLOCK = 4 * 1024 * 1024


def scan(needles: Iterable[Needle], beat: Callable[[], None] = nothing) -> Iterator[Hit]:
    """Every large object, a block at a time."""
    finder = Finder(needles)
    with connection.cursor() as cursor:
        cursor.execute("SELECT oid FROM pg_largeobject_metadata ORDER BY oid")
        for (oid,) in cursor.fetchall():
            beat()
            if found := _found_in(cursor, oid, finder, beat):
                yield Hit(f"large object {oid}", 1, tuple(sorted(said(needle) for needle in found)))


def _found_in(cursor: Any, oid: int, finder: Finder, beat: Callable[[], None]) -> set[Needle]:
    found: set[Needle] = set()
    rest, at = b"", 0
    while True:
        cursor.execute("SELECT lo_get(%s, %s, %s)", [oid, at, BLOCK])
        block = bytes(cursor.fetchone()[0])
        if not block:
            return found
        found |= finder.find(rest + block)
        rest, at = (rest + block)[-finder.longest :], at + len(block)
        beat()
