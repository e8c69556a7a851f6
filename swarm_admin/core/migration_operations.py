"""Migration operations that work beside a running product and may be begun again after they were broken off."""

import time
from collections.abc import Callable
from typing import Any, Final

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import OperationalError, connections, migrations, transaction
from psycopg.errors import LockNotAvailable

LOCK_TRIES: Final = 10  # each waits as long as `migrate` lets a statement wait
LOCK_PAUSE_SECONDS: Final = 1.0


class BuildIndexConcurrently(AddIndexConcurrently):
    """AddIndexConcurrently that clears away what an attempt before left, and keeps what is finished.

    It waits for transactions that are open, but nobody waits behind it: so it may wait longer than `migrate` lets
    other statements wait.
    """

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        name = self.index.name
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(
                "SELECT i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
                "WHERE c.relname = %s AND pg_table_is_visible(c.oid)",
                [name],
            )
            row = cursor.fetchone()
            if row and row[0]:
                return
            cursor.execute("SHOW lock_timeout")
            limit = cursor.fetchone()[0]
            cursor.execute("SET lock_timeout = 0")
            if row:
                cursor.execute(f"DROP INDEX CONCURRENTLY {schema_editor.quote_name(name)}")
        try:
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        finally:
            with schema_editor.connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, false)", [limit])


class InBatches(migrations.RunPython):
    """Calls `step(cursor, after)` until it answers None; each call is a transaction of its own.

    `after` is 0 at first, then what the step before answered: the greatest key it has done. A step must do no
    harm when it is done twice. One that waits too long for a worker's lock is undone and made again.
    """

    def __init__(self, step: Callable[[Any, int], int | None]) -> None:
        def run(apps: Any, schema_editor: Any) -> None:
            after: int | None = 0
            while after is not None:
                after = _whole(schema_editor.connection.alias, step, after)

        super().__init__(run, migrations.RunPython.noop)


def _whole(alias: str, step: Callable[[Any, int], int | None], after: int) -> int | None:
    """One step, all of it or nothing; OperationalError where it had no lock in LOCK_TRIES times."""
    for left in reversed(range(LOCK_TRIES)):
        try:
            with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
                return step(cursor, after)
        except OperationalError as error:
            if not left or not isinstance(error.__cause__, LockNotAvailable):
                raise
            time.sleep(LOCK_PAUSE_SECONDS)
    return None
