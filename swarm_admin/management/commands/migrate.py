"""`migrate` beside a running product: it waits only briefly for a lock, and then lets the others pass.

A table's change needs its lock for a moment. While it waits behind a long transaction, everything that comes after
it waits too. So it gives up after LOCK_SECONDS, the queue drains, and it tries again; what was migrated stays.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.core.management.commands import migrate
from django.db import OperationalError, connections

LOCK_SECONDS = 2
PAUSE_SECONDS = 1.0
TRIES = 60


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        using = options["database"]
        for left in reversed(range(TRIES)):
            try:
                with lock_timeout(using):
                    super().handle(*args, **options)
                    return
            except OperationalError as error:
                if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable) or not left:
                    raise
                self.stderr.write(f"A table is in use. Retrying in {PAUSE_SECONDS:g} s.")
                time.sleep(PAUSE_SECONDS)


@contextmanager
def lock_timeout(using: str) -> Iterator[None]:
    """Statements of this connection wait for a lock at most LOCK_SECONDS."""
    connection = connections[using]
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")
