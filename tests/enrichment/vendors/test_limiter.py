"""The limits on a real Redis: exact in any window, all or nothing, across processes."""

import subprocess
import sys
import threading
import time

import pytest

from enrichment.vendors import limiter, registry
from enrichment.vendors.errors import Retryable
from enrichment.vendors.limiter import SlotRequest

# One process of several: asks until it was granted fifteen times; prints before and after each grant.
ASKER = """
import sys, time
import django
from django.conf import settings
settings.configure(REDIS_URL=sys.argv[1], CLOCK_SPEED=600.0, VENDOR_LATENCY_SECONDS=0.02,
    CLAY_LIMIT_UNIT="calls", CLAY_ROWS_PER_MINUTE=20)
django.setup()
from enrichment.vendors import limiter
from enrichment.vendors.limits import CallLimit, Window, declare
declare(CallLimit("clay.rows", "New rows", (Window("minute", "CLAY_ROWS_PER_MINUTE", 60.0),), str))
granted = 0
while granted < 15:
    before = time.time()
    if limiter.take("clay.rows", "t", 2) == 0.0:
        print(before, time.time())
        granted += 1
"""


def later(settings, seconds):
    """Lets limiter time pass without waiting: what is held in Redis is moved `seconds` into the past."""
    client = limiter.connection()
    for key in client.scan_iter("limit:*"):
        name = key.decode()
        if name.endswith(":block"):
            client.pexpire(key, max(int(client.pttl(key) - seconds * 1000), 1))
        elif not name.endswith(":n"):
            for slot, free in client.zrange(key, 0, -1, withscores=True):
                moved = f"{free - seconds * 1e6:.0f}"
                n = client.hget(f"{name}:n", slot)
                client.zrem(key, slot)
                client.hdel(f"{name}:n", slot)
                client.zadd(key, {moved: float(moved)})
                client.hincrby(f"{name}:n", moved, int(n))


@pytest.fixture(autouse=True)
def _own_figures(settings):
    settings.CLOCK_SPEED = 1.0
    settings.VENDOR_LATENCY_SECONDS = 1.0
    settings.CLAY_ROWS_PER_MINUTE = 3
    settings.GHL_PER_TEN_SECONDS = 2
    settings.GHL_PER_DAY = 3


class Around:
    """Equal to a wait of so many seconds at the test's beginning, of which those since then are over."""

    def __init__(self, seconds: float, *, margin: float = 1.1) -> None:
        self.began, self.least, self.most = time.monotonic(), seconds, seconds + margin

    def __eq__(self, wait: object) -> bool:
        return isinstance(wait, float) and self.least - (time.monotonic() - self.began) < wait < self.most

    def __repr__(self) -> str:
        return f"Around({self.least})"


def test_no_more_than_the_limit_and_nothing_taken_when_refused():
    wait = Around(60)
    assert [limiter.take("clay.rows", "t") for _ in range(3)] == [0.0] * 3
    assert limiter.take("clay.rows", "t") == wait
    assert limiter.peek("clay.rows", "t").used == 3
    assert limiter.take("clay.rows", "other table") == 0.0


def test_a_slot_is_free_after_the_window_and_the_margin(settings):
    wait, rest = Around(30), Around(10)
    limiter.take("clay.rows", "t", 2)
    later(settings, 30)
    limiter.take("clay.rows", "t", 1)
    assert limiter.take("clay.rows", "t", 1) == wait
    later(settings, 20)
    assert limiter.take("clay.rows", "t", 1) == rest
    later(settings, 11.1)
    assert limiter.peek("clay.rows", "t").used == 1
    assert limiter.take("clay.rows", "t", 3) > 10
    assert limiter.take("clay.rows", "t", 2) == 0.0


def test_both_windows_of_a_call_count(settings):
    wait = Around(10)
    assert limiter.take("ghl.calls", "loc", 2) == 0.0
    assert limiter.take("ghl.calls", "loc") == wait
    later(settings, 12)
    assert limiter.take("ghl.calls", "loc", 2) > 86_000
    assert [gauge.used for gauge in limiter.peek_all("ghl.calls", "loc")] == [0, 2]
    assert limiter.take("ghl.calls", "loc", 1) == 0.0
    assert limiter.peek("ghl.calls", "loc").limit == 3


def test_several_limits_are_taken_all_or_nothing():
    asks = [
        SlotRequest("clay.rows", "t", 2),
        SlotRequest("provider:apollo", "", 5, limit=6),
        SlotRequest("clay.exports", "ws", 0),
    ]
    assert limiter.take_all(asks).wait == 0.0
    assert (
        limiter.take_all([SlotRequest("clay.rows", "t", 1), SlotRequest("provider:apollo", "", 2, limit=6)]).wait > 3000
    )
    assert limiter.peek("clay.rows", "t").used == 2
    assert limiter.peek("provider:apollo", limit=6).used == 5
    assert limiter.peek("clay.exports", "ws").used == 0
    assert limiter.take_all([]).wait == 0.0


def test_what_is_given_back_is_what_was_taken(settings):
    limiter.take("clay.rows", "t", 1)
    later(settings, 50)
    claim = limiter.take_all([SlotRequest("clay.rows", "t", 2), SlotRequest("provider:apollo", "", 5, limit=6)])
    claim.give_back()
    assert limiter.peek("clay.rows", "t").used == 1
    assert limiter.peek("clay.rows", "t").resets_in < 15  # the older one ends when it would have
    assert limiter.peek("provider:apollo", limit=6).used == 0


def test_a_refused_claim_has_nothing_to_give_back():
    limiter.take("clay.rows", "t", 3)
    limiter.take_all([SlotRequest("clay.rows", "t", 2)]).give_back()
    assert limiter.peek("clay.rows", "t").used == 3


def test_asking_when_takes_nothing():
    assert limiter.wait_of(SlotRequest("clay.rows", "t", 3)) == 0.0
    limiter.take("clay.rows", "t", 1)
    assert limiter.wait_of(SlotRequest("clay.rows", "t", 3)) > 50
    assert limiter.wait_of(SlotRequest("clay.rows", "t", 0)) == 0.0
    assert limiter.peek("clay.rows", "t").used == 1


def test_after_a_429_nobody_gets_a_slot(settings):
    wait = Around(39)
    limiter.penalise("clay.rows", "t", 40)
    limiter.penalise("clay.rows", "t", 5)
    assert limiter.take("clay.rows", "t") == wait
    assert limiter.peek("clay.rows", "t").blocked_for == wait
    assert limiter.take("clay.rows", "other table") == 0.0
    later(settings, 40)
    limiter.connection().delete("limit:clay.rows:t:block")
    assert limiter.take("clay.rows", "t") == 0.0


def test_rows_count_where_the_setting_says_so(settings):
    settings.CLAY_ROWS_PER_MINUTE = 100
    limiter.take("clay.rows", "calls", rows=50)
    settings.CLAY_LIMIT_UNIT = "rows"
    limiter.take("clay.rows", "rows", rows=50)
    limiter.take("ghl.calls", "loc", rows=50)
    assert limiter.peek("clay.rows", "calls").used == 1
    assert limiter.peek("clay.rows", "rows").used == 50
    assert limiter.peek("ghl.calls", "loc").used == 1


def test_mistakes_of_ours_are_errors():
    with pytest.raises(ValueError, match="more than"):
        limiter.take("clay.rows", "t", 4)
    with pytest.raises(ValueError, match="unknown"):
        limiter.take("clay.nothing")
    with pytest.raises(ValueError, match="limit per hour"):
        limiter.take("provider:apollo")
    assert limiter.take("provider:apollo", limit=0) == 3600


def test_every_name_has_its_published_figures(settings):
    settings.GHL_PER_TEN_SECONDS, settings.GHL_PER_DAY, settings.CLAY_ROWS_PER_MINUTE = 100, 200_000, 100
    settings.CLOCK_SPEED = 10.0
    names = [limit.name for vendor in registry.registered() for limit in vendor.limits]
    told = {name: [(limit.count, limit.seconds * 10) for limit in limiter.limits_of(name)] for name in names}
    assert told == {
        "clay.rows": [(100, 60)],
        "clay.updates": [(200, 60)],
        "clay.submissions": [(10, 1)],
        "clay.calls": [(300, 60)],
        "clay.triggers": [(50, 60)],
        "clay.exports": [(10, 3600)],
        "ghl.calls": [(100, 10), (200_000, 86_400)],
        "instantly.calls": [(100, 1), (6_000, 60)],
    }


def test_a_day_of_calls_stays_small(settings):
    settings.GHL_PER_TEN_SECONDS = settings.GHL_PER_DAY = 200_000
    for _ in range(300):
        limiter.take("ghl.calls", "loc", 100)
    assert limiter.connection().zcard("limit:ghl.calls:loc:day") <= 2
    assert limiter.peek("ghl.calls", "loc").used == 30_000


def test_threads_never_get_more_than_there_is(settings):
    settings.CLAY_ROWS_PER_MINUTE = 25
    granted = []
    threads = [
        threading.Thread(target=lambda: granted.extend(limiter.take("clay.rows", "t") for _ in range(20)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert granted.count(0.0) == 25


def test_no_window_sees_too_much_across_processes(settings):
    """Four processes, windows of 0.1 s, 20 slots in twos: the eleventh grant is a window after the first."""
    command = [sys.executable, "-c", ASKER, settings.REDIS_URL]
    askers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    outputs = [asker.communicate(timeout=250)[0] for asker in askers]
    assert [asker.returncode for asker in askers] == [0] * 4
    grants = [tuple(map(float, line.split())) for output in outputs for line in output.splitlines()]
    starts, ends = sorted(grant[0] for grant in grants), sorted(grant[1] for grant in grants)
    assert len(grants) == 60  # several windows were used up
    assert all(ends[at + 10] - starts[at] >= 0.1 for at in range(len(grants) - 10))


def test_an_answered_call_frees_its_slot_a_window_after_its_answer(settings):
    settings.VENDOR_LATENCY_SECONDS = 30.0
    wait = Around(59, margin=1.2)
    limiter.take("clay.rows", "t", 2)
    assert limiter.peek("clay.rows", "t").resets_in > 70
    limiter.move_to_arrival("clay.rows", "t")
    assert limiter.peek("clay.rows", "t").used == 2  # the other one is still on its way
    limiter.move_to_arrival("clay.rows", "t")
    assert limiter.peek("clay.rows", "t").used == 2
    assert limiter.peek("clay.rows", "t").resets_in == wait
    limiter.move_to_arrival("clay.rows", "t")  # none is on its way any more
    assert limiter.peek("clay.rows", "t").used == 2
    later(settings, 61)
    assert limiter.peek("clay.rows", "t").used == 0


def test_exactly_what_was_reserved_and_not_used_is_given_back(settings):
    settings.GHL_PER_TEN_SECONDS = 3
    settings.GHL_PER_DAY = 100
    limiter.take("ghl.calls", "loc")
    later(settings, 5)
    slots = limiter.reserve("ghl.calls", "loc", 2)
    slots.use()
    slots.give_back()
    slots.give_back()
    assert limiter.peek_all("ghl.calls", "loc")[0].used == 2
    assert limiter.peek_all("ghl.calls", "loc")[0].resets_in > 10  # the used one of the two is still held
    assert limiter.free_slots("ghl.calls", "loc") == 1
    refused = limiter.reserve("ghl.calls", "loc", 2)
    assert 0 < refused.wait <= 6.1
    assert limiter.free_slots("ghl.calls", "loc") == 1
    with pytest.raises(Retryable):
        [refused.use() for _ in range(2)]


def test_a_reservation_asks_for_no_more_than_the_limit_ever_allows(settings):
    assert limiter.reserve("ghl.calls", "loc", 9).left == 2


def test_waiting_is_for_a_share_of_the_limit(settings):
    settings.CLAY_ROWS_PER_MINUTE = 100
    assert limiter.wait_for("clay.rows", "t", share=0.02) == 0.0
    limiter.take("clay.rows", "t", 99)
    assert 0 < limiter.wait_for("clay.rows", "t", share=0.02) < 61.1
    assert limiter.wait_for("clay.rows", "t", share=0.01) == 0.0
    assert limiter.peek("clay.rows", "t").used == 99


def test_calls_that_were_made_count_although_there_is_no_room():
    limiter.take("provider:apollo", n=5, limit=5)
    limiter.charge(
        [limiter.SlotRequest("provider:apollo", n=3, limit=5), limiter.SlotRequest("provider:hunter", n=0, limit=5)]
    )
    assert limiter.peek("provider:apollo", limit=5).used == 8
    assert limiter.peek("provider:hunter", limit=5).used == 0


def test_ended_slots_are_free_once_and_nobody_elses_are_touched():
    claim = limiter.take_all([limiter.SlotRequest("provider:apollo", n=4, limit=9, longer=600.0)])
    limiter.charge([limiter.SlotRequest("provider:apollo", n=3, limit=9)])
    for _ in range(2):
        claim.end()
        assert limiter.peek("provider:apollo", limit=9).used == 3


def test_what_is_held_longer_outlives_a_later_call_that_is_not():
    limiter.take_all([limiter.SlotRequest("provider:apollo", n=4, limit=9, longer=600.0)])
    limiter.charge([limiter.SlotRequest("provider:apollo", n=1, limit=9)])
    window = limiter.limits_of("provider:apollo", 9)[0].seconds
    assert limiter.connection().pttl("limit:provider:apollo::hour") / 1000 > window + 599


# ------------------------------------------------------------------ lapses and rounding


def test_429s_in_a_row_are_counted_until_none_came_for_the_lapse(redis_server):
    key = "limit:ghl.calls:loc:strikes"
    assert limiter.strikes("ghl.calls", "loc", 20.0001) == 1
    assert 19_900 < redis_server.pttl(key) <= 20_001  # up, to the millisecond
    assert limiter.strikes("ghl.calls", "loc", 60) == 2
    assert 59_900 < redis_server.pttl(key) <= 60_000  # from this one on, not from the first
    assert limiter.strikes("ghl.calls", "elsewhere", 60) == 1
    redis_server.delete(key)  # as it lapses
    assert limiter.strikes("ghl.calls", "loc", 60) == 1


def test_429s_while_a_block_holds_are_of_the_same_one():
    limiter.strikes("ghl.calls", "loc", 60)
    limiter.strikes("ghl.calls", "loc", 60)
    limiter.penalise("ghl.calls", "loc", 30)
    assert [limiter.strikes("ghl.calls", "loc", 60) for _ in range(2)] == [2, 2]
    limiter.penalise("ghl.calls", "new", 30)
    assert limiter.strikes("ghl.calls", "new", 60) == 1


@pytest.mark.parametrize(
    ("asked", "milliseconds"), [(0.0001, 1), (1.0001, 1001), (2, 2000), (1e9, 86_400_000), (0, -2), (-5, -2)]
)
def test_a_block_is_rounded_up_and_a_day_at_most(monkeypatch, asked, milliseconds):
    limiter.penalise("clay.rows", "t", 0)
    told = []
    monkeypatch.setattr(type(limiter.connection()), "set", lambda *args, px: told.append(px))
    limiter.penalise("clay.rows", "t", asked)
    assert told == ([milliseconds] if milliseconds > 0 else [])
    assert limiter.blocked_for("clay.rows", "t") == 0.0


def test_a_block_is_told_in_seconds():
    wait = Around(39.9, margin=0.2)
    limiter.penalise("clay.rows", "t", 40)
    assert limiter.blocked_for("clay.rows", "t") == wait
    assert limiter.free_slots("clay.rows", "t") == 0
    assert limiter.blocked_for("clay.rows", "other table") == 0.0


def test_a_slot_is_held_to_the_end_of_its_grain_and_never_shorter(settings, redis_server):
    """Of a day's window a grain is 86.4 s: the slot is free at a multiple of it, never before its time."""
    hold, grain = 86_400 + settings.VENDOR_LATENCY_SECONDS, 86_400 / limiter.GRAINS
    before = time.time()
    limiter.take("ghl.calls", "loc")
    after = time.time()
    ((_, free),) = redis_server.zrange("limit:ghl.calls:loc:day", 0, -1, withscores=True)
    assert free % round(grain * 1e6) == 0
    assert before + hold <= free / 1e6 <= after + hold + grain


def test_what_a_window_keeps_in_redis_outlives_its_slots_and_not_for_long(redis_server):
    limiter.take("clay.rows", "t")
    for key in ("limit:clay.rows:t:minute", "limit:clay.rows:t:minute:n"):
        assert 61_000 < redis_server.pttl(key) <= 62_100


def test_a_wait_is_never_nothing_and_a_limit_of_none_waits_its_window(settings):
    settings.CLAY_ROWS_PER_MINUTE = 0
    assert limiter.take("clay.rows", "t") == 60.0
    assert limiter._wait(1, [SlotRequest("clay.rows", "t")]) == 0.001
    assert limiter._wait(1500, [SlotRequest("clay.rows", "t")]) == 0.0015
    assert limiter._wait(0, [SlotRequest("ghl.calls", "loc"), SlotRequest("clay.rows", "t")]) == 86_400.0


# ------------------------------------------------------------------ what is kept in Redis


def kept(redis_server, key: str) -> tuple[int, int]:
    """How many times slots become free, and how many numbers there are of them ("used" is one)."""
    return redis_server.zcard(key), redis_server.hlen(f"{key}:n")


def test_nothing_is_kept_of_slots_that_are_free(settings, redis_server):
    key = "limit:clay.rows:t:minute"
    limiter.take("clay.rows", "t")
    later(settings, 30)
    limiter.take("clay.rows", "t")
    assert kept(redis_server, key) == (2, 3)
    later(settings, 35)
    assert limiter.peek("clay.rows", "t").used == 1
    assert kept(redis_server, key) == (1, 2)
    later(settings, 30)
    assert limiter.peek("clay.rows", "t").used == 0
    assert not redis_server.exists(key, f"{key}:n")


def test_nothing_is_kept_of_claims_that_ended_or_were_given_back(settings, redis_server):
    key = "limit:provider:apollo::hour"
    asked = SlotRequest("provider:apollo", n=2, limit=9)
    for over in (limiter.Claim.end, limiter.Claim.give_back):
        first = limiter.take_all([asked])
        later(settings, 100)
        first = limiter.Claim(first.asks, stamps=[int(redis_server.zrange(key, 0, 0)[0])])  # where it was moved to
        second = limiter.take_all([asked])
        over(first)
        assert kept(redis_server, key) == (1, 2)
        assert limiter.peek("provider:apollo", limit=9).used == 2
        over(second)
        assert kept(redis_server, key)[0] == 0
        assert limiter.peek("provider:apollo", limit=9).used == 0
        assert not redis_server.exists(key, f"{key}:n")


def test_of_two_claims_that_are_free_at_the_same_time_one_ends_alone():
    one, _other = (limiter.take_all([SlotRequest("provider:apollo", n=n, limit=9)]) for n in (2, 3))
    one.end()
    assert limiter.peek("provider:apollo", limit=9).used == 3


def test_an_answered_slot_is_held_to_the_end_of_its_grain_too(redis_server):
    limiter.take("ghl.calls", "loc")
    before = time.time()
    limiter.move_to_arrival("ghl.calls", "loc")
    after = time.time()
    ((_, free),) = redis_server.zrange("limit:ghl.calls:loc:day", 0, -1, withscores=True)
    assert free % 86_400_000 == 0
    assert before + 86_400 <= free / 1e6 <= after + 86_400 + 86.4


def test_an_answer_that_no_slot_waits_for_prolongs_none(settings):
    limiter.take("clay.rows", "t")
    limiter.move_to_arrival("clay.rows", "t")
    later(settings, 30)
    limiter.move_to_arrival("clay.rows", "t")
    assert limiter.peek("clay.rows", "t").resets_in < 31


def test_slots_that_are_not_found_at_their_time_are_given_back_from_the_earliest(settings):
    claim = limiter.take_all([SlotRequest("clay.rows", "t", 2)])
    later(settings, 10)  # now they are free sooner than their stamps say
    claim.give_back()
    assert limiter.peek("clay.rows", "t").used == 0
