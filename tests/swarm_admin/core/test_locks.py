"""One at a time: who waits, who is sent away, and who is not in anybody's way."""

import psycopg
import pytest
from django.db import connection, transaction

from swarm_admin.core import locks


@pytest.fixture
def other(db):
    """Another process's connection to the same database."""
    parameters = connection.get_connection_params()
    names = ("dbname", "host", "port", "user", "password")
    with psycopg.connect(**{name: parameters[name] for name in names if parameters.get(name)}) as opened:
        yield opened


@pytest.mark.parametrize(("name", "key"), [("a tick", "hashtext('a tick')"), (7_301_009, "7301009")])
def test_a_turn_lasts_to_the_end_of_the_transaction(transactional_db, other, name, key):
    with transaction.atomic():
        locks.lock(name)
        assert other.execute(f"SELECT pg_try_advisory_lock({key})").fetchone() == (False,)
    assert other.execute(f"SELECT pg_try_advisory_lock({key})").fetchone() == (True,)
    with transaction.atomic():
        assert not locks.try_lock(name)
        assert locks.try_lock(f"{name} of another kind")


def test_whoever_has_the_turn_may_ask_again(db):
    with transaction.atomic():
        assert locks.try_lock("mine")
        assert locks.try_lock("mine")
        locks.lock("mine")


def test_work_alone_gives_its_lock_back_even_when_it_fails(db, other):
    with pytest.raises(ZeroDivisionError):
        locks.run_exclusively("mine", lambda: 1 / 0)
    assert other.execute("SELECT pg_try_advisory_lock(hashtext('tick:mine'))").fetchone() == (True,)
    assert not locks.run_exclusively("mine", lambda: 1 / 0)
