"""The due date against a calculation that knows no rule but to count days, one after the other."""

import datetime
import functools
import itertools

import holidays
import pytest

from gdpr.regimes import calendar
from gdpr.regimes.calendar import MONTH, THREE_MONTHS, Pause

Day = datetime.date
ONE = datetime.timedelta(days=1)
FIRST, LAST = Day(2024, 1, 1), Day(2027, 12, 31)
STARTS = [FIRST + n * ONE for n in range((LAST - FIRST).days + 1)]
PLACES = {"DE": holidays.Germany(), "GB-ENG": holidays.UnitedKingdom(subdiv="ENG")}
# (asked after so many days, answered after so many more); None: not answered yet
PAUSES = {
    "none": [],
    "early": [(2, 9)],
    "same day": [(3, 0)],
    "two": [(1, 5), (20, 40)],
    "overlapping": [(4, 20), (10, 30)],
    "late": [(29, 12)],
    "after": [(200, 10)],
    "open": [(5, None)],
}


@functools.cache
def nominal(origin: Day, months: int) -> Day:
    """Walks day by day into the month that is meant, and in it to the same date or to its last day."""
    day, seen, month = origin, 0, (origin.year, origin.month)
    while seen < months:
        day += ONE
        if (day.year, day.month) != month:
            seen, month = seen + 1, (day.year, day.month)
    while day.day != origin.day and (day + ONE).month == day.month:
        day += ONE
    return day


def by_counting(received: Day, place: str, pauses: list[Pause], today: Day, extended: bool) -> Day:
    """A day counts unless an answer is outstanding on it; when all have been counted, the next working day."""
    origin = received
    for pause in pauses:
        if pause.restarts:
            origin = max(origin, pause.answered or today)
    allowed = (nominal(origin, 3 if extended else 1) - origin).days
    still = {
        day
        for pause in pauses
        if not pause.restarts
        for day in days(max(pause.asked, origin), pause.answered or max(today, pause.asked))
    }
    day, counted = origin, 0
    while counted < allowed:
        day += ONE
        counted += day not in still
    last = day
    still = {
        day
        for pause in pauses
        if not pause.restarts and pause.asked <= last
        for day in days(max(pause.asked, origin), pause.answered or max(today, pause.asked))
    }
    while day.weekday() in (5, 6) or day in PLACES[place] or day in still:
        day += ONE
    return day


def days(after: Day, up_to: Day) -> list[Day]:
    return [after + n * ONE for n in range(1, (up_to - after).days + 1)]


def pauses_of(received: Day, shape: list[tuple[int, int | None]], restarts: bool) -> list[Pause]:
    made = []
    for start, length in shape:
        asked = received + start * ONE
        made.append(Pause(asked, None if length is None else asked + length * ONE, restarts, "identity"))
    return made


@pytest.mark.parametrize("shape", PAUSES)
@pytest.mark.parametrize("place", PLACES)
def test_every_start_date_of_four_years(place: str, shape: str):
    """Both regimes, with and without extension: the UK's identity question restarts the time."""
    for received, extended in itertools.product(STARTS, (False, True)):
        today = received + 12 * ONE
        for restarts in (False, True) if place == "GB-ENG" else (False,):
            pauses = pauses_of(received, PAUSES[shape], restarts)
            period = THREE_MONTHS if extended else MONTH
            found = calendar.deadline(received, place=place, today=today, pauses=pauses, period=period)
            expected = by_counting(received, place, pauses, today, extended)
            assert found.due == expected, (received, extended, restarts)
            assert found.waits is (shape == "open")  # asked early: it waits for the answer


@pytest.mark.parametrize("extended", [False, True])
def test_identity_and_clarification_together(extended: bool):
    """UK: the time restarts with the identity, and the clarification asked after it suspends what is left."""
    for received in STARTS[::7]:
        identity = Pause(received + ONE, received + 10 * ONE, restarts=True, reason="identity")
        clarification = Pause(received + 15 * ONE, received + 21 * ONE, reason="clarification")
        pauses = [identity, clarification]
        period = THREE_MONTHS if extended else MONTH
        found = calendar.deadline(received, place="GB-ENG", today=received + 30 * ONE, pauses=pauses, period=period)
        assert found.due == by_counting(received, "GB-ENG", pauses, received + 30 * ONE, extended)


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ("2025-01-31", "2025-02-28"),
        ("2024-01-31", "2024-02-29"),
        ("2026-01-15", "2026-02-16"),  # a Sunday
        ("2025-11-25", "2025-12-29"),  # Christmas, and the weekend after it
        ("2025-12-31", "2026-02-02"),  # 31 January is a Saturday
        ("2026-03-03", "2026-04-07"),  # Good Friday, weekend, Easter Monday
    ],
)
def test_known_dates(received: str, due: str):
    found = calendar.deadline(Day.fromisoformat(received), place="DE", today=Day(2026, 1, 1))
    assert found.due == Day.fromisoformat(due)


def test_extension_counts_from_the_origin_and_not_month_on_month():
    """31 December: by way of 28 February it would be 28 March."""
    assert calendar.months_after(calendar.months_after(Day(2025, 12, 31), 2), 1) == Day(2026, 3, 28)
    found = calendar.deadline(Day(2025, 12, 31), place="DE", today=Day(2026, 1, 5), period=THREE_MONTHS)
    assert found.due == Day(2026, 3, 31)


def test_the_working_names_every_step_and_ends_with_the_due_date():
    pauses = [Pause(Day(2025, 11, 27), Day(2025, 11, 29), reason="identity")]
    found = calendar.deadline(Day(2025, 11, 25), place="DE", today=Day(2025, 12, 1), pauses=pauses)
    assert [line.what for line in found.lines] == [
        "Received",
        "Time allowed",
        "Paused",
        "Next working day",
        "Due",
    ]
    assert "2 days" in found.lines[2].why
    assert "from 27 November 2025 to 29 November 2025" in found.lines[2].why
    assert "27 December is a Saturday" in found.lines[3].why
    assert found.lines[-1].day == found.due == Day(2025, 12, 29)


def test_a_holiday_is_named():
    found = calendar.deadline(Day(2025, 11, 25), place="DE", today=Day(2025, 12, 1))
    shift = next(line for line in found.lines if line.what == "Next working day")
    assert "Christmas Day" in shift.why


@pytest.mark.parametrize("place", ["Atlantis", "GB-NOWHERE", ""])
def test_a_place_without_a_calendar_is_refused(place: str):
    with pytest.raises(ValueError, match="calendar"):
        calendar.check_calendar(place)


# ------------------------------------------------------------------ how the working is said


def why(what: str, received: str, **options) -> str:
    """What one step of the working says, and the day it leads to."""
    given = {"place": "GB-ENG", "today": Day(2026, 3, 20)} | options
    found = calendar.deadline(Day.fromisoformat(received), **given)
    [line] = [line for line in found.lines if line.what == what]
    return f"{line.day}: {line.why}"


@pytest.mark.parametrize(
    ("received", "extended", "said"),
    [
        ("2026-03-02", False, "2026-04-02: The same date one month later."),
        (
            "2026-01-31",
            False,
            ("2026-02-28: The same date one month later; that month has no such day, so its last day counts."),
        ),
        ("2026-03-02", True, "2026-06-02: Extended: three months from the start date."),
        (
            "2025-11-30",
            True,
            (
                "2026-02-28: Extended: three months from the start date; that month has no such day, so its "
                "last day counts."
            ),
        ),
    ],
)
def test_the_time_allowed_says_its_rule(received: str, extended: bool, said: str):
    period = THREE_MONTHS if extended else MONTH
    assert why("Time allowed", received, extended=extended, period=period) == said


def test_the_first_and_the_last_step_say_what_they_are():
    assert why("Received", "2026-03-02") == "2026-03-02: The period runs from the day of receipt."
    assert why("Due", "2026-03-02") == "2026-04-02: Last day to reply on time."


def test_a_new_origin_says_whether_the_proof_has_come():
    come = [Pause(Day(2026, 3, 5), Day(2026, 3, 9), restarts=True), Pause(Day(2026, 3, 6), Day(2026, 3, 8))]
    begins = "The period starts when the requested proof of identity arrives"
    assert why("New start date", "2026-03-02", pauses=come) == f"2026-03-09: {begins}."
    waits = [*come, Pause(Day(2026, 3, 10), None, restarts=True)]
    told = f"2026-03-20: {begins}; it hasn't arrived, so this assumes today."
    assert why("New start date", "2026-03-02", pauses=waits) == told


def test_time_that_stood_still_is_counted_and_named():
    one = [Pause(Day(2026, 3, 5), Day(2026, 3, 6))]
    said = "2026-04-03: 1 day waiting for the person's answer (question, from 5 March 2026 to 6 March 2026)."
    assert why("Paused", "2026-03-02", pauses=one) == said
    two = [Pause(Day(2026, 3, 5), Day(2026, 3, 7), reason="identity"), Pause(Day(2026, 3, 18), None, reason="which")]
    assert why("Paused", "2026-03-02", pauses=two) == (
        "2026-04-06: 4 days waiting for the person's answer "
        "(identity, from 5 March 2026 to 7 March 2026; which, from 18 March 2026 still open)."
    )


def test_every_day_that_is_passed_over_is_named_with_its_reason():
    assert why("Next working day", "2026-03-03") == (
        "2026-04-07: 3 April is Good Friday; 4 April is a Saturday; 5 April is a Sunday; 6 April is Easter Monday."
    )
    asked = [Pause(Day(2026, 3, 28), Day(2026, 3, 31))]
    assert why("Next working day", "2026-02-28", pauses=asked, today=Day(2026, 4, 9)) == (
        "2026-04-01: 28 March is a Saturday; 29 March is a Sunday; 30 March: an answer is outstanding; "
        "31 March: an answer is outstanding."
    )


def test_a_question_asked_after_the_last_day_no_longer_stops_the_clock():
    """The time ended on Saturday the 28th, though the answer is in time until Monday (D38)."""
    for answered in (Day(2026, 3, 31), None):
        asked = [Pause(Day(2026, 3, 29), answered)]
        found = calendar.deadline(Day(2026, 2, 28), place="DE", today=Day(2026, 4, 9), pauses=asked)
        assert (found.due, found.waits) == (Day(2026, 3, 30), False)


def test_whether_a_day_is_a_working_day():
    reasons = [calendar.why_not_working(Day(2026, 4, day), "GB-ENG") for day in range(2, 8)]
    assert reasons == ["", "Good Friday", "a Saturday", "a Sunday", "Easter Monday", ""]
    assert calendar.why_not_working(Day(2026, 3, 27), "GB-ENG") == ""  # a Friday like any other
