"""Each row of the error table as a next step."""

import datetime

import pytest
from django.utils import timezone

from enrichment import holds
from enrichment.models import ServiceHold
from enrichment.recovery import next_step
from enrichment.vendors import limiter
from enrichment.vendors.errors import Misconfigured, Paused, Permanent, RateLimited, Retryable, UnknownOutcome


def step(error, tries=1):
    return next_step(error, tries=tries, limit="clay.rows", scope="tbl")


@pytest.fixture(autouse=True)
def real_time(settings):
    settings.CLOCK_SPEED = 1.0


def seconds_until(moment):
    return (moment - timezone.now()).total_seconds()


def test_a_429_obeys_its_retry_after_for_every_worker(db):
    found = step(RateLimited("clay", "create_rows", 429, retry_after=17))
    assert (found.action, found.counted) == ("again", False)
    assert seconds_until(found.not_before) == pytest.approx(17, abs=1)
    assert limiter.take("clay.rows", "tbl") == pytest.approx(17, abs=1)


def test_a_429_without_retry_after_backs_off_exponentially(db, settings):
    waits = [
        seconds_until(step(RateLimited("clay", "create_rows", 429), tries=n).not_before) for n in (1, 2, 3)
    ]
    assert waits == pytest.approx([30, 60, 120], abs=1)


def test_each_429_that_does_not_say_how_long_doubles_the_wait_of_work_that_is_not_counted(db, redis_server):
    error = RateLimited("clay", "create_rows", 429)
    waits = []
    for _ in range(3):
        waits.append(seconds_until(step(error).not_before))
        assert seconds_until(step(error).not_before) == pytest.approx(
            waits[-1], abs=1
        )  # called before the block
        redis_server.delete("limit:clay.rows:tbl:block")  # its time is over
    assert waits == pytest.approx([30, 60, 120], abs=1)


def test_the_longest_wait_after_a_429_is_an_hour(db):
    found = step(RateLimited("clay", "create_rows", 429), tries=30)
    assert seconds_until(found.not_before) == pytest.approx(3600, abs=1)


def test_a_passing_error_is_tried_three_times_then_a_person_sees_it(db):
    error = Retryable("clay", "create_rows", 502)
    assert [step(error, tries=n).action for n in (1, 2, 3)] == ["again", "again", "give_up"]


def test_an_unknown_outcome_is_read_back_and_not_for_ever(db):
    error = UnknownOutcome("clay", "create_rows")
    assert [step(error, tries=n).action for n in (1, 5, 6)] == ["read_back", "read_back", "give_up"]


def test_what_is_refused_is_not_tried_again(db):
    assert step(Permanent("clay", "create_rows", 400)).action == "give_up"


def test_a_refused_key_holds_the_vendor_until_a_person_lifts_it(db):
    found = step(Misconfigured("clay", "create_rows", 401))
    assert (found.action, found.counted) == ("again", False)
    hold = holds.held("clay")
    assert hold.until is None
    assert holds.lift(hold) is True
    assert holds.held("clay") is None
    assert holds.lift(hold) is False


def test_a_used_up_quota_holds_until_it_resets(db):
    resets = timezone.now() + datetime.timedelta(hours=3)
    step(Paused("clay", "trigger_enrichment", 403, resets_at=resets))
    assert holds.held("clay").until == resets


def test_a_quota_that_does_not_say_when_is_tried_in_an_hour(db):
    step(Paused("clay", "trigger_enrichment", 402))
    assert seconds_until(holds.held("clay").until) == pytest.approx(3600, abs=2)


def test_a_hold_whose_time_is_over_lifts_itself(db):
    step(Paused("clay", "trigger_enrichment", 403, resets_at=timezone.now()))
    assert holds.held("clay")
    ServiceHold.objects.update(until=timezone.now())
    assert holds.held("clay") is None
    assert ServiceHold.objects.get().lifted_at


def test_a_reset_before_now_is_no_call_at_every_tick(db):
    """The vendor's clock is behind, or its quota was not given back: each pause is twice the last."""
    waits = []
    for _ in range(3):
        past = timezone.now() - datetime.timedelta(days=1)
        step(Paused("clay", "trigger_enrichment", 403, resets_at=past))
        waits.append(seconds_until(holds.held("clay").until))
        ServiceHold.objects.filter(lifted_at=None).update(until=timezone.now())
        assert holds.held("clay") is None
    assert waits == pytest.approx([60, 120, 240], abs=2)


def test_a_vendor_is_held_once(db):
    for _ in range(2):
        step(Misconfigured("ghl", "upsert_contact", 401))
    assert ServiceHold.objects.count() == 1
