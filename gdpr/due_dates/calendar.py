"""When an answer is due (D21; Art. 12(3) GDPR with Reg. 1182/71; Art. 12A UK GDPR), and the working of it.

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
MONTHS, EXTENDED_MONTHS = 1, 3
LONGEST = 3700  # days looked ahead for a working one: far beyond what any pause makes of it


@dataclass(frozen=True)
class Pause:
    """The days after `asked` up to `answered` count for nothing; `answered` is None while we wait.

    `restarts` is the identity question of the UK: the whole time begins when the answer comes.
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
    received: Day, *, place: str, today: Day, pauses: Sequence[Pause] = (), extended: bool = False
) -> Deadline:
    """When the answer is due, with its working.

    Args:
        received: the day of receipt.
        place: whose public holidays count: a country ("DE") or a country and its part ("GB-ENG").
        today: an outstanding answer is taken to come today.
        pauses: times in which an answer of the person is or was outstanding.
        extended: to three months from the origin, never month on month.
    """
    lines = [CalculationStep("Received", "The period runs from the day of receipt.", received)]
    origin = _origin(received, pauses, today, lines)
    day = months_after(origin, EXTENDED_MONTHS if extended else MONTHS)
    lines.append(CalculationStep("Time allowed", _rule_sentence(origin, day, extended), day))
    stopped = _paused_days(pauses, origin, today)
    day = _with_pauses(origin, day, pauses, stopped, lines)
    day = _to_working(day, place, stopped, lines)
    lines.append(CalculationStep("Due", "Last day to reply on time.", day))
    return Deadline(day, tuple(lines), any(pause.answered is None for pause in pauses))


def _rule_sentence(origin: Day, day: Day, extended: bool) -> str:
    rule = "Extended: three months from the start date" if extended else "The same date one month later"
    return f"{rule}; that month has no such day, so its last day counts." if day.day != origin.day else f"{rule}."


def _origin(received: Day, pauses: Sequence[Pause], today: Day, lines: list[CalculationStep]) -> Day:
    """UK: time begins when the last requested proof of identity has come."""
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
    """The first day from `day` on that is a working day and on which the time does not stand still."""
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
