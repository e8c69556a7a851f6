"""Migration operations that work beside a running product and may be begun again after they were broken off."""

from collections.abc import Callable
from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import connections, migrations


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
    harm when it is done twice.
    """

    def __init__(self, step: Callable[[Any, int], int | None]) -> None:
        def run(apps: Any, schema_editor: Any) -> None:
            after: int | None = 0
            while after is not None:
                with connections[schema_editor.connection.alias].cursor() as cursor:
                    after = step(cursor, after)

        super().__init__(run, migrations.RunPython.noop)
