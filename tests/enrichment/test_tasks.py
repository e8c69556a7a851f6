"""One tick of a kind at a time, or as many as there are places, in whatever process."""

from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection

from enrichment import tasks


@pytest.fixture
def other_worker(db: None) -> Iterator[psycopg.Connection]:
    """Another process's connection to the same database."""
    parameters = connection.get_connection_params()
    names = ("dbname", "host", "port", "user", "password")
    with psycopg.connect(**{name: parameters[name] for name in names if parameters.get(name)}) as other:
        yield other


def hold(other: psycopg.Connection, name: str) -> None:
    other.execute("SELECT pg_advisory_lock(hashtext(%s))", [f"tick:{name}"])


def test_a_tick_waits_for_nobody_and_does_not_run_twice(other_worker):
    ran: list[str] = []
    assert tasks.run_exclusively("rows", lambda: ran.append("first")) is True
    hold(other_worker, "rows")
    assert tasks.run_exclusively("rows", lambda: ran.append("second")) is False
    assert ran == ["first"]


def test_a_killed_workers_tick_is_free_at_once(other_worker):
    hold(other_worker, "rows")
    other_worker.close()
    ran: list[str] = []
    for _ in range(1000):  # the server notices within moments
        if tasks.run_exclusively("rows", lambda: ran.append("again")):
            break
    assert ran == ["again"]


def test_a_tick_that_fails_leaves_its_place_free(db):
    def broken() -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        tasks.run_exclusively("rows", broken)
    assert tasks.run_exclusively("rows", lambda: None) is True


def test_a_busy_stage_has_as_many_places_as_configured(other_worker, settings):
    settings.TICK_SLOTS = 2
    ran: list[int] = []
    hold(other_worker, "webhooks:0")
    tasks.run_in_free_slot("webhooks", lambda: ran.append(1))
    hold(other_worker, "webhooks:1")
    tasks.run_in_free_slot("webhooks", lambda: ran.append(2))
    assert ran == [1]
