"""The planner's statistics: samples of values, kept until a table is analysed anew."""

import re
from collections.abc import Callable, Collection, Iterator

from django.db import DatabaseError, connection, transaction
from psycopg import sql

from gdpr.leftovers.hits import Hit, describe, no_heartbeat
from gdpr.leftovers.names import NameFinder
from gdpr.leftovers.search_patterns import Finder

LOCK_SECONDS = 30
_HEXADECIMAL = re.compile(r"\\\\x((?:[0-9a-f]{2})+)")
# Of tables, of expressions in indexes (under the index's name), and of columns taken together.
_ALL = """
    SELECT coalesce(t.schemaname, s.schemaname), coalesce(t.tablename, s.tablename), s.attname,
           concat_ws(E'\\x1f', s.most_common_vals::text, s.histogram_bounds::text, s.most_common_elems::text)
    FROM pg_stats s LEFT JOIN pg_indexes t ON t.schemaname = s.schemaname AND t.indexname = s.tablename
    UNION ALL
    SELECT schemaname, tablename, statistics_name, most_common_vals::text FROM pg_stats_ext
    UNION ALL
    SELECT schemaname, tablename, statistics_name,
           concat_ws(E'\\x1f', most_common_vals::text, histogram_bounds::text, most_common_elems::text)
    FROM pg_stats_ext_exprs
    ORDER BY 1, 2, 3
"""
CATALOGUES = ("pg_catalog", "information_schema")


def scan(finder: Finder, skip: Collection[str] = ()) -> list[Hit]:
    """Columns whose statistics hold an identifier; `skip` names tables that may hold it, and so may theirs."""
    found = []
    for schema, table, column, text in _samples():
        label = table if schema == "public" else f"{schema}.{table}"
        if label not in skip and (matches := finder.find(text)):
            found.append(
                Hit(
                    f"planner's statistics of {label}.{column}",
                    1,
                    tuple(sorted(describe(pattern) for pattern in matches)),
                )
            )
    return found


def renew_statistics(finder: Finder, names: NameFinder, heartbeat: Callable[[], None] = no_heartbeat) -> list[str]:
    """Analyse every table anew whose statistics hold an identifier, or the last name of a person; their names.

    A table that is locked is left as it is: a search after this finds it.
    """
    holding = {
        (schema, table)
        for schema, table, _, text in _samples()
        if finder.find(text) or names.last_names_in(text.decode("utf-8", "replace"))
    }
    for schema, table in sorted(holding):
        heartbeat()
        analyse(schema, table)
    return [f"{schema}.{table}" for schema, table in sorted(holding)]


def analyse(schema: str, table: str) -> bool:
    """Make its statistics of what it holds now; False where it stayed locked."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
            cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(schema, table)))
    except DatabaseError:
        return False
    return True


def _samples() -> Iterator[tuple[str, str, str, bytes]]:
    """(schema, table, column, the values that are kept), of bytes both the hexadecimal text and what it stands for."""
    with connection.cursor() as cursor:
        cursor.execute(_ALL)
        for schema, table, column, text in cursor.fetchall():
            if text and schema not in CATALOGUES:
                yield schema, table, column, unpack_array(text)


def unpack_array(text: str) -> bytes:
    """The text, and after it what the bytes stand for that it shows as hexadecimal digits."""
    bodies = [bytes.fromhex(digits) for digits in _HEXADECIMAL.findall(text)]
    return b"\x1f".join([text.encode(), *bodies])
