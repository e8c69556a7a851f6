"""When an answer is due (D21), and the working of it; how long there is says the regime (`regimes`).

Everything here counts whole days of COMPLIANCE_TIME_ZONE and reads no table.
"""

import calendar
import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import holidays

Day = datetime.date
ONE_DAY = datetime.timedelta(days=1)
LONGEST = 3700  # days looked ahead for a working one: far beyond what any pause makes of it


@dataclass(frozen=True)
class Period:
    """A length of time in one unit: calendar months, calendar days, or days on which one works."""

    months: int = 0
    days: int = 0
    working_days: int = 0

    def end(self, origin: Day, place: str) -> Day:
        """Its last day; the day of origin is not counted."""
        if self.months:
            return months_after(origin, self.months)
        day, left = origin + self.days * ONE_DAY, self.working_days
        while left:
            day += ONE_DAY
            left -= not why_not_working(day, place)
        return day

    def __str__(self) -> str:
        if self.months:
            return "one month" if self.months == 1 else f"{_WORDS.get(self.months, self.months)} months"
        return f"{self.days} days" if self.days else f"{self.working_days} business days"


_WORDS = {2: "two", 3: "three"}
MONTH, THREE_MONTHS = Period(months=1), Period(months=3)


@dataclass(frozen=True)
class Pause:
    """The days after `asked` up to `answered` count for nothing; `answered` is None while we wait.

    `restarts`: the whole time begins when the answer comes, as with the identity question of the UK.
    """

    asked: Day
    answered: Day | None
    restarts: bool = False
    reason: str = ""


@dataclass(frozen=True)
class CalculationStep:
    """One step of the working: what, by which rule, and the day it leads to."""

    what: str
    why: str
    day: Day


@dataclass(frozen=True)
class Deadline:
    """`due` is the last day in time. `waits`: an answer is outstanding, and `due` is what it would be if the
    answer came on the day the calculation was made."""

    due: Day
    lines: tuple[CalculationStep, ...]
    waits: bool = False


def months_after(origin: Day, months: int) -> Day:
    """The same date `months` later; where that month has no such day, its last."""
    month = origin.month - 1 + months
    year, month = origin.year + month // 12, month % 12 + 1
    return Day(year, month, min(origin.day, calendar.monthrange(year, month)[1]))


@lru_cache(maxsize=32)
def _holidays(place: str) -> holidays.HolidayBase:
    country, _, subdivision = place.partition("-")
    return holidays.country_holidays(country, subdiv=subdivision or None, language="en_US")


def check_calendar(place: str) -> None:
    """Raises ValueError for a country or subdivision the library does not know."""
    try:
        _holidays(place)
    except NotImplementedError:
        raise ValueError(f"No public holiday calendar for {place!r}.") from None


def why_not_working(day: Day, place: str) -> str:
    """The public holiday or the day of the weekend it is there; "" for a working day."""
    if name := _holidays(place).get(day):
        return name
    return f"a {calendar.day_name[day.weekday()]}" if day.weekday() >= 5 else ""


def deadline(
    received: Day,
    *,
    place: str,
    today: Day,
    pauses: Sequence[Pause] = (),
    period: Period = MONTH,
    extended: bool = False,
    rolls: bool = True,
) -> Deadline:
    """When the answer is due, with its working.

    Args:
        received: the day of receipt.
        place: whose public holidays count: a country ("DE") or a country and its part ("GB-ENG").
        today: an outstanding answer is taken to come today.
        pauses: times in which an answer of the person is or was outstanding.
        period: from the origin, an extension included: never one period after the other.
        extended: whether it is the longer one; for the words alone.
        rolls: a time that would end on a day off ends on the next working day.
    """
    lines = [CalculationStep("Received", "The period runs from the day of receipt.", received)]
    origin = _origin(received, pauses, today, lines)
    day = period.end(origin, place)
    lines.append(CalculationStep("Time allowed", _rule_sentence(period, origin, day, extended), day))
    stopped = _paused_days(pauses, origin, today)
    day = _with_pauses(origin, day, pauses, stopped, lines)
    in_time = [pause for pause in pauses if pause.asked <= day]
    if rolls:
        day = _to_working(day, place, _paused_days(in_time, origin, today), lines)
    lines.append(CalculationStep("Due", "Last day to reply on time.", day))
    return Deadline(day, tuple(lines), any(pause.answered is None for pause in in_time))


def _rule_sentence(period: Period, origin: Day, day: Day, extended: bool) -> str:
    rule = "The same date one month later" if period == MONTH else f"{period} from the start date"
    rule = f"Extended: {rule}" if extended else rule[:1].upper() + rule[1:]
    short = period.months and day.day != origin.day
    return f"{rule}; that month has no such day, so its last day counts." if short else f"{rule}."


def _origin(received: Day, pauses: Sequence[Pause], today: Day, lines: list[CalculationStep]) -> Day:
    """The receipt, or where proof of identity restarts the time, the day the last requested one came."""
    asked = [pause for pause in pauses if pause.restarts]
    if not asked:
        return received
    origin = max(received, *(pause.answered or today for pause in asked))
    waits = any(pause.answered is None for pause in asked)
    why = "The period starts when the requested proof of identity arrives" + (
        "; it hasn't arrived, so this assumes today." if waits else "."
    )
    lines.append(CalculationStep("New start date", why, origin))
    return origin


def _paused_days(pauses: Iterable[Pause], origin: Day, today: Day) -> set[Day]:
    """The days after the origin that do not count; a day in two pauses is left out once."""
    days: set[Day] = set()
    for pause in pauses:
        if not pause.restarts:
            first, last = max(pause.asked, origin), pause.answered or max(today, pause.asked)
            days.update(first + n * ONE_DAY for n in range(1, (last - first).days + 1))
    return days


def _with_pauses(
    origin: Day, day: Day, pauses: Sequence[Pause], stopped: set[Day], lines: list[CalculationStep]
) -> Day:
    """Moved on by every day on which the time stood still, those that come to lie in the longer time included."""
    left, moved = ((day - origin).days, origin) if stopped else (0, day)
    while left:
        moved += ONE_DAY
        left -= moved not in stopped
    if moved != day:
        described = "; ".join(_describe_pause(pause) for pause in pauses if not pause.restarts)
        days = (moved - day).days
        counted = f"{days} day{'s' if days != 1 else ''}"
        lines.append(CalculationStep("Paused", f"{counted} waiting for the person's answer ({described}).", moved))
    return moved


def _describe_pause(pause: Pause) -> str:
    end = f"to {pause.answered:%-d %B %Y}" if pause.answered else "still open"
    return f"{pause.reason or 'question'}, from {pause.asked:%-d %B %Y} {end}"


def _to_working(day: Day, place: str, stopped: set[Day], lines: list[CalculationStep]) -> Day:
    """The first day from `day` on that is a working day and on which the time does not stand still.

    A question asked only after `day` came too late to stop anything (D38): it is not among `stopped`.
    """
    reasons: list[str] = []
    for _ in range(LONGEST):
        why = why_not_working(day, place) or ("an answer is outstanding" if day in stopped else "")
        if not why:
            break
        reasons.append(f"{day:%-d %B} is {why}" if not why.startswith("an ") else f"{day:%-d %B}: {why}")
        day += ONE_DAY
    if reasons:
        lines.append(CalculationStep("Next working day", "; ".join(reasons) + ".", day))
    return day
