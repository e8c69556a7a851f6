"""A transaction that PostgreSQL breaks off for another is done again, and not for ever."""

import threading

import pytest
from django.contrib.auth.models import Group
from django.db import OperationalError, connection, transaction

from swarm_admin.core.deadlocks import ATTEMPTS, is_deadlock, retried

pytestmark = pytest.mark.django_db(transaction=True)


def lock(pk: int) -> None:
    Group.objects.select_for_update().get(pk=pk)


def test_two_who_lock_in_opposite_orders_both_come_through():
    first, second = (Group.objects.create(name=name).pk for name in ("first", "second"))
    both, tries, errors = threading.Barrier(2), [], []

    def work(order: list[int]) -> None:
        tries.append(order)
        with transaction.atomic():
            lock(order[0])
            if len(tries) <= 2:
                both.wait()
            lock(order[1])

    def run(order: list[int]) -> None:
        try:
            retried(lambda: work(order))
        except BaseException as error:  # told below
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[order]) for order in ([first, second], [second, first])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert 3 <= len(tries) <= 1 + ATTEMPTS, "the one that is tried again may meet the other once more"


def broken_off() -> None:
    """A transaction that ends as a deadlock does."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$")


def test_it_is_tried_a_bounded_number_of_times():
    tries = []

    def work() -> None:
        tries.append(1)
        broken_off()

    with pytest.raises(OperationalError) as last:
        retried(work)
    assert is_deadlock(last.value)
    assert len(tries) == ATTEMPTS


def test_within_another_transaction_it_is_tried_once():
    tries = []

    def work() -> None:
        tries.append(1)
        broken_off()

    with pytest.raises(OperationalError), transaction.atomic():
        retried(work)
    assert len(tries) == 1


def test_another_error_is_not_tried_again():
    tries = []

    def work() -> None:
        tries.append(1)
        with connection.cursor() as cursor:
            cursor.execute("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53200'; END $$")

    with pytest.raises(OperationalError):
        retried(work)
    assert len(tries) == 1
