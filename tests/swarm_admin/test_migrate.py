"""Migrations beside running work: they wait briefly for a lock, let others pass, and try again."""

import threading
from collections.abc import Iterator

import psycopg
import pytest
from django.core.management import call_command
from django.core.management.commands import migrate as django_migrate
from django.db import OperationalError, connection

from swarm_admin.management.commands import migrate

pytestmark = pytest.mark.django_db(transaction=True)
TABLE = "enrichment_bulkjob"
READ = "SELECT count(*) FROM enrichment_bulkjob"


@pytest.fixture
def changes_a_table(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A migration that adds a column; what happened, in order."""
    told: list[str] = []

    def handle(self: django_migrate.Command, *args: object, **options: object) -> None:
        told.append("tried")
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {TABLE} ADD COLUMN probe integer")
        told.append("done")

    monkeypatch.setattr(django_migrate.Command, "handle", handle)
    monkeypatch.setattr(migrate, "LOCK_SECONDS", 1)
    yield told
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {TABLE} DROP COLUMN IF EXISTS probe")


@pytest.fixture
def reader(changes_a_table: list[str]) -> Iterator[psycopg.Connection]:
    """A worker in a transaction that has read the table."""
    values = connection.get_connection_params()
    address = {name: values[name] for name in ("dbname", "user", "host") if values.get(name)}
    with psycopg.connect(**address) as other:
        other.execute(READ)
        yield other
        other.rollback()


def test_it_tries_again_until_the_table_is_free(
    reader: psycopg.Connection, changes_a_table: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader goes on working between two tries: nobody waits behind the migration."""

    def pause(seconds: float) -> None:
        reader.execute(READ)
        if changes_a_table.count("tried") == 2:
            reader.rollback()

    monkeypatch.setattr(migrate.time, "sleep", pause)
    call_command("migrate", verbosity=0, skip_checks=True)
    assert changes_a_table == ["tried", "tried", "tried", "done"]


def test_it_gives_up_in_the_end(
    reader: psycopg.Connection, changes_a_table: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "TRIES", 2)
    monkeypatch.setattr(migrate.time, "sleep", lambda seconds: None)
    with pytest.raises(OperationalError, match="lock timeout"):
        call_command("migrate", verbosity=0, skip_checks=True)
    assert changes_a_table == ["tried", "tried"]


def test_another_connection_keeps_no_timeout(changes_a_table: list[str]) -> None:
    call_command("migrate", verbosity=0, skip_checks=True)
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)


def test_two_at_once_do_not_meet(changes_a_table: list[str]) -> None:
    """Nothing of it is shared between threads: each has its own connection."""
    seen: list[str] = []

    def look() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            seen.append(cursor.fetchone()[0])
        connection.close()

    with migrate.lock_timeout("default"):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert seen == ["0"]
