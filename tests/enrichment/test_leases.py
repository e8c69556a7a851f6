"""Work done together: a poison item is named, and a server that is away is nobody's poison."""

import pytest
import redis

from enrichment.leases import all_or_each
from enrichment.pipeline import fanout
from enrichment.vendors.errors import Permanent, Retryable, UnknownOutcome


def failing(items, error):
    def work(some):
        if set(items) & set(some):
            raise error
        return some

    return work


def test_a_poison_item_is_named_and_the_others_are_done(db):
    named = []
    work = failing([3], ValueError("poison"))
    done = all_or_each([1, 2, 3, 4], work, lambda item, error: named.append((item, type(error))))
    assert (done, named) == ([1, 2, 4], [(3, ValueError)])


@pytest.mark.parametrize("error", [redis.ConnectionError(), redis.TimeoutError(), redis.BusyLoadingError()])
def test_where_redis_is_away_nobody_is_poison(db, error):
    named = []
    with pytest.raises(type(error)):
        all_or_each([1, 2], failing([1, 2], error), lambda item, _: named.append(item))
    assert named == []


@pytest.mark.parametrize(
    ("error", "changes", "kind"),
    [
        (ValueError("p@person.example"), True, UnknownOutcome),
        (ValueError("p@person.example"), False, Permanent),
        (redis.ConnectionError(), True, UnknownOutcome),
        (redis.ConnectionError(), False, Retryable),
    ],
)
def test_a_fault_of_ours_in_one_call_is_that_one_s_answer(error, changes, kind):
    def call(item):
        if item == 2:
            raise error
        return item

    first, second, third = fanout.call_each([1, 2, 3], call, vendor="clay", changes=changes)
    assert (first, third) == (1, 3)
    assert type(second) is kind
    assert "person.example" not in str(second)
