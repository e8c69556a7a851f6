"""Looking for a person in Clay without a search: page by page of whole exports, ten an hour (D14).

Where it stands is kept for days, in Redis, under a keyed hash of who is looked for, and holds ids of rows alone;
were it lost, the reading would begin anew.
"""

from collections.abc import Callable, Sequence
from typing import Any

from django.core.cache import cache

from enrichment.drift.differences import identity_in
from enrichment.stores.people import KnownPerson
from enrichment.vendors.clay.wire import ClayRow
from gdpr.identity import digest, keys

PAGE = 5_000  # rows; Clay gives no more at once
KEPT_SECONDS = 7 * 86_400


def rows_about(
    circle: KnownPerson, tables: Sequence[str], page_of: Callable[[str, str | None], Any]
) -> list[tuple[str, str]]:
    """(table, row id) of every row that holds one of the person's identifiers, in any spelling.

    `page_of(table, cursor)` reads one page and may raise RetryLater: what was read so far is kept, and the next call
    goes on from there.
    """
    key = _key(circle)
    at: dict[str, Any] = cache.get(key) or {"done": [], "cursor": None, "found": []}
    for table in tables:
        if table in at["done"]:
            continue
        while True:
            page = page_of(table, at["cursor"])
            at["found"] += [[table, row.id] for row in page.rows if _is_about(row, circle)]
            at["cursor"] = page.next_cursor
            if page.next_cursor is None:
                at["done"].append(table)
            cache.set(key, at, KEPT_SECONDS)
            if page.next_cursor is None:
                break
    cache.delete(key)
    return [(table, row_id) for table, row_id in at["found"]]


def _is_about(row: ClayRow, circle: KnownPerson) -> bool:
    identity = identity_in(row)
    return bool(circle.kinds(urls=[identity.linkedin_url], emails=identity.emails, phones=[identity.phone]))


def _key(circle: KnownPerson) -> str:
    named = "\n".join([*circle.urls, *circle.emails, *circle.phones])
    return f"clay-export:{digest(named, keys()[0][1])}"
