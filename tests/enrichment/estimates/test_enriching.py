"""The arithmetic of an estimate agrees with the limits played through."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enrichment.estimates.enriching import FLUSH, Clay, Leads, ProviderLoad, sending_time
from enrichment.estimates.lanes import Lane
from enrichment.vendors.limiter import Gauge, Limit
from tests.enrichment.estimates.simulation import HOUR, MINUTE, Budget, Window, play

ROWS, TRIGGERS = 100, 50


def lane(name: str, count: int, seconds: float, used: int = 0) -> Lane:
    gauge = Gauge(count, seconds, used, seconds if used else 0.0)
    return Lane(name, [Limit("w", count, seconds)], [gauge])


def clay(rows: int = ROWS, triggers: int = TRIGGERS) -> Clay:
    return Clay(lane("rows", rows, MINUTE), lane("triggers", triggers, MINUTE), 50, 25, MINUTE)


def asked(name: str, limit: int, calls: int, *, holds: bool, used: int = 0, fill_ins: int = 0) -> ProviderLoad:
    return ProviderLoad(lane(name, limit, HOUR, used), calls, holds, fill_ins)


def window(count: int, seconds: float, used: int = 0) -> Window:
    return Window(count, seconds, [0.0] * used)


def both(leads, rowless, limits, *, rows=ROWS, triggers=TRIGGERS, urgent=False):
    """(estimated, played) of `limits`: {name: (an hour, calls of a batch, holds, used)}."""
    lanes, budgets = [], {}
    for name, (limit, calls, holds, used) in limits.items():
        lanes.append(asked(name, limit, calls, holds=holds, used=used))
        budgets[name] = Budget(window(limit, HOUR, used), calls, holds)
    told = sending_time(Leads(leads, rowless, urgent), Leads(), clay(rows, triggers), lanes, unlimited=True)
    at_clay = {"rows": window(rows, MINUTE), "triggers": window(triggers, MINUTE)}
    played = play(leads, rowless, **at_clay, providers=budgets, urgent=urgent)
    return told, played


def test_under_the_policy_to_wait_502_leads_take_five_hours():
    told, played = both(502, 0, {"BuiltWith": (100, 25, True, 0)})
    assert told.limited_by == "BuiltWith"
    assert told.seconds == pytest.approx(5 * HOUR, abs=2 * MINUTE)
    assert played.sent == pytest.approx(told.seconds, abs=2 * MINUTE)
    assert told.fill_ins == ()


def test_under_the_policy_to_go_on_they_leave_at_once_and_are_filled_in_for_five_hours():
    told, played = both(502, 0, {"BuiltWith": (100, 25, False, 0)})
    assert told.seconds <= 2 * MINUTE
    [fill_in] = told.fill_ins
    assert (
        (fill_in.provider, fill_in.leads)
        == ("BuiltWith", 402)
        == (
            "BuiltWith",
            played.left_out["BuiltWith"],
        )
    )
    assert fill_in.seconds == pytest.approx(5 * HOUR, abs=5 * MINUTE)
    assert played.filled["BuiltWith"] == pytest.approx(fill_in.seconds, abs=5 * MINUTE)


def test_nothing_takes_no_time():
    told = sending_time(Leads(), Leads(), clay(), [], unlimited=True)
    assert (told.seconds, told.limited_by, told.fill_ins) == (0.0, "", ())


def test_a_batch_that_is_not_full_waits_for_company_and_an_urgent_one_does_not():
    told = sending_time(Leads(3), Leads(), clay(), [], unlimited=True)
    assert (told.seconds, told.limited_by) == (MINUTE, FLUSH)
    assert sending_time(Leads(3, 3), Leads(), clay(), [], unlimited=True).seconds == 2 * MINUTE
    assert sending_time(Leads(3, 3, urgent=True), Leads(), clay(), [], unlimited=True).seconds == 0.0


def test_what_waits_already_goes_first():
    ahead = Leads(25 * 100)
    told = sending_time(Leads(25), ahead, clay(), [], unlimited=True)
    assert told.seconds == 2 * MINUTE  # 101 triggers, 50 a minute
    builtwith = asked("BuiltWith", 100, 25, holds=True)
    assert sending_time(Leads(25), Leads(100), clay(), [builtwith], unlimited=True).seconds == HOUR


def test_fill_ins_that_wait_already_go_first():
    alone = asked("BuiltWith", 100, 25, holds=False, used=100)
    behind = asked("BuiltWith", 100, 25, holds=False, used=100, fill_ins=1_000)
    first = sending_time(Leads(100), Leads(), clay(), [alone], unlimited=True).fill_ins[0]
    second = sending_time(Leads(100), Leads(), clay(), [behind], unlimited=True).fill_ins[0]
    assert second.seconds - first.seconds == pytest.approx(10 * HOUR, abs=MINUTE)


def test_a_batch_waits_where_nobody_else_is_left_to_ask():
    alone = asked("BuiltWith", 100, 25, holds=False, used=100)
    assert sending_time(Leads(25), Leads(), clay(), [alone], unlimited=False).seconds == HOUR


def test_what_a_batch_cannot_use_of_an_hour_is_not_counted():
    """90 an hour are three batches of 25, not 3.6."""
    told, played = both(25 * 12, 0, {"BuiltWith": (90, 25, True, 0)})
    assert told.seconds == played.sent == 3 * HOUR


limits = st.tuples(st.integers(10, 400), st.integers(1, 25), st.booleans(), st.integers(0, 40))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    leads=st.integers(1, 1_200), share=st.floats(0, 1), providers=st.lists(limits, max_size=3), urgent=st.booleans(),
    rows=st.integers(2, 100), triggers=st.integers(2, 50),
)  # fmt: skip
def test_the_estimate_is_what_happens(leads, share, providers, urgent, rows, triggers):
    named = {
        f"p{n}": (limit, calls, holds, min(used, limit)) for n, (limit, calls, holds, used) in enumerate(providers)
    }
    told, played = both(leads, round(leads * share), named, rows=rows, triggers=triggers, urgent=urgent)
    # Off by a few minutes; where several budgets hold batches, or take turns at being used up, by a window of them.
    held = [limit for limit, _, holds, _ in named.values() if holds]
    slack = 3 * MINUTE + (HOUR if len(held) > 1 else 0)
    assert played.sent <= told.seconds * 1.2 + slack
    assert told.seconds <= played.sent * 1.15 + 3 * MINUTE + (HOUR if held else 0)
    for fill_in in told.fill_ins:
        end = played.filled.get(fill_in.provider, played.sent)
        assert abs(fill_in.seconds - end) <= 0.2 * end + 2 * HOUR
