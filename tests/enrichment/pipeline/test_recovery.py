"""Each row of the error table as a next step."""

import datetime
import time

import pytest
from django.utils import timezone

from enrichment.connections import probing
from enrichment.models import Alert, ServiceHold
from enrichment.monitoring import watch
from enrichment.pipeline import recovery
from enrichment.pipeline.recovery import next_step
from enrichment.vendor_pauses import pauses
from enrichment.vendor_pauses import words as hold_words
from enrichment.vendors import limiter, outages
from enrichment.vendors.errors import (
    Misconfigured,
    Paused,
    Permanent,
    RateLimited,
    Recovery,
    Retryable,
    UnknownOutcome,
)


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
    waits = [seconds_until(step(RateLimited("clay", "create_rows", 429), tries=n).not_before) for n in (1, 2, 3)]
    assert waits == pytest.approx([30, 60, 120], abs=1)


def test_each_429_that_does_not_say_how_long_doubles_the_wait_of_work_that_is_not_counted(db, redis_server):
    error = RateLimited("clay", "create_rows", 429)
    waits = []
    for _ in range(3):
        waits.append(seconds_until(step(error).not_before))
        assert seconds_until(step(error).not_before) == pytest.approx(waits[-1], abs=1)  # called before the block
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
    hold = pauses.open_pause("clay")
    assert hold.until is None
    assert pauses.end_pause(hold) is True
    assert pauses.open_pause("clay") is None
    assert pauses.end_pause(hold) is False


def unanswered(times, call="create_rows"):
    for _ in range(times):
        outages.count_failure("clay", call)


GATEWAY = Retryable("clay", "create_rows", 502, recovery=Recovery.DELAY)
CUT = UnknownOutcome("clay", "create_rows", code="connection_lost", recovery=Recovery.READ_BACK)


def test_so_many_calls_in_a_row_without_an_answer_pause_the_vendor(db):
    unanswered(4)
    assert (step(GATEWAY).counted, pauses.open_pause("clay")) == (True, None)
    unanswered(1)
    assert [(found.action, found.counted) for found in (step(GATEWAY), step(CUT))] == [
        ("again", False),
        ("read_back", False),
    ]
    hold = ServiceHold.objects.get()
    assert (hold.reason, hold.message) == ("vendor_down", "status 502")
    assert seconds_until(hold.until) == pytest.approx(60, abs=1)


def test_the_last_try_of_work_that_nobody_has_answered_is_none(db):
    unanswered(3)
    assert step(GATEWAY, tries=3).counted is False
    assert pauses.open_pause("clay").reason == "vendor_down"


def test_an_answer_between_ends_the_row(db):
    unanswered(9)
    outages.clear_failures("clay", "create_rows")
    unanswered(1)
    assert step(GATEWAY, tries=3).action == "give_up"
    assert not ServiceHold.objects.exists()


def test_an_answer_that_was_on_its_way_when_it_began_does_not(db):
    unanswered(5)
    outages.clear_failures("clay", "get_row")
    assert step(GATEWAY).counted is False
    assert pauses.open_pause("clay").reason == "vendor_down"


@pytest.fixture
def others_answered(db, settings):
    """Another call is answered while those of a kind are not."""
    settings.VENDOR_TIMEOUT_SECONDS = 0.0

    def answered(times, call, vendor="clay"):
        for _ in range(times):
            outages.count_failure(vendor, call)
        time.sleep(0.01)
        outages._told.clear()
        outages.clear_failures(vendor, "probe")

    return answered


def test_what_only_looks_pauses_nothing_while_others_are_answered(others_answered):
    error = Retryable("clay", "export_rows", code="timeout", recovery=Recovery.DELAY, reads=True)
    others_answered(9, "export_rows")
    assert [step(error, tries=n).action for n in (1, 2, 3)] == ["again", "again", "give_up"]
    assert not ServiceHold.objects.exists()


@pytest.mark.parametrize(
    ("call", "system", "words"),
    [
        ("create_rows", "clay.creates", "Clay doesn't respond to new rows, but to other calls"),
        (
            "trigger_enrichment",
            "clay.triggers",
            "Clay doesn't respond to enrichment triggers, but to other calls",
        ),
    ],
)
def test_a_kind_of_call_that_is_never_answered_is_paused_alone(others_answered, call, system, words):
    others_answered(5, call)
    found = step(Retryable("clay", call, 502, recovery=Recovery.DELAY))
    assert (found.action, found.counted) == ("again", False)
    hold = ServiceHold.objects.get()
    assert (hold.system, hold_words.reason(hold)) == (system, f"{words} (status 502)")
    assert pauses.open_pause("clay") is None
    assert Alert.objects.get(kind="no_answer").closed_at is None
    watch.check_conditions()
    assert Alert.objects.get(kind="no_answer").closed_at is None
    ServiceHold.objects.update(until=timezone.now())
    assert (probing.run_due(), pauses.open_pause(system)) == (0, None)  # its time is over, and it is tried again
    assert Alert.objects.get(kind="no_answer").closed_at


def test_after_a_day_a_person_sees_what_one_kind_of_call_left(others_answered, monkeypatch):
    others_answered(5, "create_rows")
    monkeypatch.setattr(recovery, "ALONE_SECONDS", 0.0)
    assert [step(GATEWAY, tries=n).action for n in (1, 3)] == ["again", "give_up"]
    assert not ServiceHold.objects.exists()


def test_one_record_that_is_never_answered_is_given_up_and_pauses_nobody(others_answered):
    """In a quiet hour its vendor is probed, and answers; that tells that it is the record."""
    error = Retryable("ghl", "upsert_contact", 500, recovery=Recovery.DELAY)
    others_answered(6, "upsert_contact", "ghl")
    assert step(error, tries=3).action == "give_up"
    assert not ServiceHold.objects.exists()


def test_many_that_one_kind_of_call_leaves_wait(others_answered):
    error = Retryable("ghl", "upsert_contact", 500, recovery=Recovery.DELAY)
    others_answered(10, "upsert_contact", "ghl")
    found = step(error, tries=3)
    assert (found.action, found.counted) == ("again", False)
    assert not ServiceHold.objects.exists()


def test_while_it_is_down_no_try_counts_whatever_the_call(db):
    unanswered(5)
    step(GATEWAY)
    other = Retryable("clay", "get_row", code="timeout", recovery=Recovery.DELAY)
    assert [step(other, tries=n).counted for n in (1, 9)] == [False, False]
    assert ServiceHold.objects.count() == 1


@pytest.mark.parametrize(
    "error",
    [
        Retryable("clay", "trigger_enrichment", 504, provider="apollo", recovery=Recovery.NEXT_PROVIDER),
        Retryable("clay", "trigger_enrichment", 502, provider="apollo", recovery=Recovery.DELAY),
        RateLimited("clay", "create_rows", 429, recovery=Recovery.BACKOFF),
        Permanent("clay", "create_rows", 400, recovery=Recovery.SET_ASIDE),
        Permanent("clay", "create_rows", 599, recovery=Recovery.NEEDS_PERSON),
    ],
)
def test_an_answer_is_no_sign_of_an_outage(error):
    assert not outages.is_sign(error)


def test_a_vendor_that_is_down_is_asked_again_less_and_less_often(db):
    waits = []
    unanswered(5)
    step(GATEWAY)
    for minutes in (1, 4, 20, 2000):
        since = timezone.now() - datetime.timedelta(minutes=minutes)
        ServiceHold.objects.update(since=since)
        pauses.still_down(ServiceHold.objects.get(), GATEWAY)
        waits.append(seconds_until(pauses.open_pause("clay").until))
    assert waits == pytest.approx([60, 120, 600, 900], abs=2)
    ServiceHold.objects.update(until=timezone.now())
    assert pauses.open_pause("clay")  # only an answer ends it


def test_pauses_that_follow_each_other_get_longer(db):
    waits = []
    for _ in range(3):
        unanswered(5)
        step(GATEWAY)
        waits.append(seconds_until(pauses.open_pause("clay").until))
        pauses.end_pause(pauses.open_pause("clay"))
    assert waits == pytest.approx([60, 90, 135], abs=1)


def test_a_used_up_quota_holds_until_it_resets(db):
    resets = timezone.now() + datetime.timedelta(hours=3)
    step(Paused("clay", "trigger_enrichment", 403, resets_at=resets))
    assert pauses.open_pause("clay").until == resets


def test_a_quota_that_does_not_say_when_is_tried_in_an_hour(db):
    step(Paused("clay", "trigger_enrichment", 402))
    assert seconds_until(pauses.open_pause("clay").until) == pytest.approx(3600, abs=2)


def test_a_hold_whose_time_is_over_lifts_itself(db):
    step(Paused("clay", "trigger_enrichment", 403, resets_at=timezone.now()))
    assert pauses.open_pause("clay")
    ServiceHold.objects.update(until=timezone.now())
    assert pauses.open_pause("clay") is None
    assert ServiceHold.objects.get().lifted_at


def test_a_reset_before_now_is_no_call_at_every_tick(db):
    """The vendor's clock is behind, or its quota was not given back: each pause is twice the last."""
    waits = []
    for _ in range(3):
        past = timezone.now() - datetime.timedelta(days=1)
        step(Paused("clay", "trigger_enrichment", 403, resets_at=past))
        waits.append(seconds_until(pauses.open_pause("clay").until))
        ServiceHold.objects.filter(lifted_at=None).update(until=timezone.now())
        assert pauses.open_pause("clay") is None
    assert waits == pytest.approx([60, 120, 240], abs=2)


def test_a_vendor_is_held_once(db):
    for _ in range(2):
        step(Misconfigured("ghl", "upsert_contact", 401))
    assert ServiceHold.objects.count() == 1
