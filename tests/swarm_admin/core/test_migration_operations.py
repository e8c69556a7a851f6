"""Migrations that work beside a running product, broken off and begun again."""

import pytest
from django.db import OperationalError, connection
from psycopg.errors import LockNotAvailable

from swarm_admin.core import migration_operations
from swarm_admin.core.migration_operations import InBatches

pytestmark = pytest.mark.django_db


@pytest.fixture
def written():
    """What the steps wrote down and was kept."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE written (step bigint) ON COMMIT DROP")

    def ask():
        with connection.cursor() as cursor:
            cursor.execute("SELECT step FROM written ORDER BY step")
            return [step for (step,) in cursor.fetchall()]

    return ask


def run(step):
    InBatches(step).code(None, connection.schema_editor())


def steps(*, broken, error):
    """Two steps, of which the second breaks off once after its first statement."""
    left = [broken]

    def step(cursor, after):
        if after == 2:
            return None
        cursor.execute("INSERT INTO written VALUES (%s)", [after])
        if after == 1 and left[0]:
            left[0] -= 1
            raise error
        return after + 1

    return step


def no_lock():
    error = OperationalError("canceling statement due to lock timeout")
    error.__cause__ = LockNotAvailable()
    return error


def test_a_step_that_is_broken_off_leaves_nothing(written):
    with pytest.raises(RuntimeError):
        run(steps(broken=1, error=RuntimeError()))
    assert written() == [0]


def test_a_step_that_waited_too_long_for_a_lock_is_made_again_whole(written, monkeypatch):
    monkeypatch.setattr(migration_operations, "LOCK_PAUSE_SECONDS", 0.0)
    run(steps(broken=2, error=no_lock()))
    assert written() == [0, 1]


def test_it_is_not_made_again_for_ever(written, monkeypatch):
    monkeypatch.setattr(migration_operations, "LOCK_PAUSE_SECONDS", 0.0)
    with pytest.raises(OperationalError):
        run(steps(broken=99, error=no_lock()))
    assert written() == [0]
