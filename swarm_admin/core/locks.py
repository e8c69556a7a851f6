"""One process at a time, by PostgreSQL's advisory locks: each ends with its connection, so with a killed worker."""

from collections.abc import Callable
from typing import Any

from django.db import connection


def alone(name: str, work: Callable[[], Any]) -> bool:
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
