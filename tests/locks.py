"""Who waits for whom in the database."""

import time

from django.db import connection

PATIENCE_SECONDS = 120.0


def wait_until_blocked() -> None:
    """Until another connection stands before a lock of this one, in whose transaction this may be called."""
    end = time.monotonic() + PATIENCE_SECONDS
    with connection.cursor() as cursor:
        while time.monotonic() < end:
            cursor.execute(
                # Not pg_stat_activity, which stays as it was first seen in a transaction.
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if cursor.fetchone()[0]:
                return
    raise AssertionError("nobody waits for a lock of this connection")
