import time

import pytest

from enrichment.vendors import limiter, token_bucket

NAME = "clay.submissions"
RATE = {"per_second": 100, "burst": 20}


@pytest.fixture(autouse=True)
def _real_clock(settings):
    settings.CLOCK_SPEED = 1.0


def take(scope: str, wanted: int) -> token_bucket.Grant:
    return token_bucket.take(NAME, scope, wanted, **RATE)


def test_a_full_bucket_gives_its_burst_but_for_what_is_spared_and_then_makes_one_wait():
    first = take("burst", 50)
    assert first == token_bucket.Grant(15)
    after = take("burst", 1)
    assert after.tokens in (0, 1)
    if not after.tokens:
        assert 0 < after.wait <= 0.01


def test_over_a_while_it_gives_the_whole_rate_and_never_more_than_the_burst_besides():
    began, taken = time.monotonic(), 0
    while time.monotonic() - began < 0.5:
        taken += take("steady", 3).tokens
    seconds = time.monotonic() - began
    assert 0.97 * 100 * seconds <= taken <= 15 + 100 * seconds + 1


def test_a_block_after_a_429_stops_everybody():
    limiter.penalise(NAME, "blocked", 5.0)
    refused = take("blocked", 1)
    assert refused.tokens == 0
    assert 4.0 < refused.wait <= 5.0


def test_scopes_are_apart_and_what_was_taken_is_shown():
    assert take("one", 15).tokens == 15
    assert take("two", 15).tokens == 15
    assert limiter.peek(NAME, "one").used == 15


def test_a_rate_of_nothing_gives_nothing():
    assert token_bucket.take(NAME, "none", 1, per_second=0, burst=20) == token_bucket.Grant(0, 1.0)


def test_the_clock_may_be_compressed(settings):
    settings.CLOCK_SPEED = 100.0
    assert take("fast", 15).tokens == 15
    time_to_one = take("fast", 15)
    assert time_to_one.tokens or time_to_one.wait <= 0.0002
