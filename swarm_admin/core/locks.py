"""One process at a time, by PostgreSQL's advisory locks: each ends with its connection, so with a killed worker.

A lock has a text for its name, or a number of its own.
"""

from collections.abc import Callable
from typing import Any

from django.db import connection


def run_exclusively(name: str, work: Callable[[], Any]) -> bool:
    """Run `work` unless a tick of this name is at it in any process; False where one is.

    A courtesy, not a guarantee: it keeps one stage from taking every thread, while claims in the database keep
    two ticks from doing the same thing. The lock is the connection's, so it ends with a killed worker.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [f"tick:{name}"])
        if not cursor.fetchone()[0]:
            return False
    try:
        work()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [f"tick:{name}"])
    return True


def lock(name: str | int) -> None:
    """Until the caller's transaction ends nobody else has the lock of this name; waits for whoever has it."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock({_key(name)})", [name])


def try_lock(name: str | int) -> bool:
    """The same without waiting: False where somebody else has it."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_try_advisory_xact_lock({_key(name)})", [name])
        return bool(cursor.fetchone()[0])


def _key(name: str | int) -> str:
    return "%s" if isinstance(name, int) else "hashtext(%s)"
