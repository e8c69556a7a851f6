"""What enrichment has cost: closed days from their sums, the days since from the attempts themselves.

A day (UTC) is summed up once it is over; an attempt that is told a further cost afterwards opens its day again
(`reopen`). So a month of a million leads is read from a few hundred rows and the attempts of one day.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from enrichment.models import Attempt, SpendBook, SpendEntry
from swarm_admin.core import locks
from swarm_admin.core.cache import cached
from swarm_admin.core.timing import today

LOCK = 7_301_003  # an advisory lock: who closes a day or opens it again, one after the other
ZERO = Decimal(0)
GRACE = datetime.timedelta(minutes=10)  # after midnight, until what was under way then is committed

# What the attempts cost (provider "") and each provider's calls. How many leads that were: see `enriched`.
_SUMS = """
    WITH ended AS (
        SELECT source_type, coalesce(started_by_id, 0) AS by, cost, providers
        FROM enrichment_attempt WHERE finished_at >= %s AND finished_at < %s
    )
    SELECT source_type, '' AS provider, by, sum(cost), 0, 0 FROM ended GROUP BY 1, 3
    UNION ALL
    SELECT source_type, left(e->>'name', 40), by, sum((e->>'cost')::numeric), count(*),
           count(*) FILTER (WHERE jsonb_array_length(e->'fields') > 0)
    FROM ended, jsonb_array_elements(providers) AS e GROUP BY 1, 2, 3
"""


@dataclass(frozen=True)
class SpendSum:
    """One sum; see `SpendEntry` for its columns. `cost` in US dollars."""

    source_type: str
    provider: str
    started_by: int
    cost: Decimal
    asked: int
    hits: int


_COLUMNS = tuple(field.name for field in fields(SpendSum))


def close_days() -> int:
    """Sum up the days that are over and not summed up yet, the oldest first; returns how many."""
    first = Attempt.objects.filter(finished_at__isnull=False).order_by("finished_at").first()
    if first is None or first.finished_at is None:
        return 0
    last = (timezone.now() - GRACE).astimezone(datetime.UTC).date() - datetime.timedelta(days=1)
    # From the first of that month, empty days too: `committed_spend` looks for the first day that is not closed.
    begin = first.finished_at.astimezone(datetime.UTC).date().replace(day=1)
    closed = set(SpendBook.objects.filter(day__gte=begin).values_list("day", flat=True))
    days = [begin + datetime.timedelta(days=n) for n in range((last - begin).days + 1)]
    return sum(_close(day) for day in days if day not in closed)


def _close(day: datetime.date) -> bool:
    with transaction.atomic():
        _lock_day_closing()
        book, made = SpendBook.objects.get_or_create(day=day)
        if not made:
            return False
        SpendEntry.objects.bulk_create(
            SpendEntry(book=book, **vars(each)) for each in _live(midnight(day), midnight(day, after=1))
        )
    return True


def reopen(moments: Iterable[datetime.datetime | None]) -> None:
    """Attempts that ended then are told a further cost in the caller's transaction: their days are summed up anew."""
    days = {moment.astimezone(datetime.UTC).date() for moment in moments if moment is not None}
    days.discard(today().date())
    if days:
        _lock_day_closing()
        SpendBook.objects.filter(day__in=days).delete()


def _lock_day_closing() -> None:
    """Until the transaction ends no day is closed: one closed meanwhile would lack the cost that is being told."""
    locks.lock(LOCK)


def midnight(day: datetime.date, *, after: int = 0) -> datetime.datetime:
    begin = datetime.datetime.combine(day, datetime.time(), datetime.UTC)
    return begin + datetime.timedelta(days=after)


def spend_sums(first: datetime.date, last: datetime.date) -> list[tuple[datetime.date, SpendSum]]:
    """Every sum of those days, both included; days that are not closed are counted from their attempts."""
    closed = set(SpendBook.objects.filter(day__range=(first, last)).values_list("day", flat=True))
    entries = SpendEntry.objects.filter(book__day__range=(first, last)).select_related("book")
    found = [(each.book.day, SpendSum(**{name: getattr(each, name) for name in _COLUMNS})) for each in entries]
    newest = min(last, today().date())
    open_days = [first + datetime.timedelta(days=n) for n in range((newest - first).days + 1)]
    for day in open_days:
        if day not in closed:
            found += [(day, each) for each in _of_open_day(day)]
    return found


def _of_open_day(day: datetime.date) -> list[SpendSum]:
    live: list[SpendSum] = cached(f"spend-day:{day}", lambda: _live(midnight(day), midnight(day, after=1)))
    return live


def _live(since: datetime.datetime, until: datetime.datetime) -> list[SpendSum]:
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, [since, until])
        rows: list[Any] = cursor.fetchall()
    return [SpendSum(*row) for row in rows]


# ---------------------------------------------------------------- what the caps look at


@dataclass(frozen=True)
class CommittedSpend:
    """US dollars of one source: spent since midnight, since the first of the month, and kept back for open attempts."""

    day: Decimal = ZERO
    month: Decimal = ZERO
    reserved: Decimal = ZERO

    def __add__(self, other: CommittedSpend) -> CommittedSpend:
        return CommittedSpend(self.day + other.day, self.month + other.month, self.reserved + other.reserved)


def committed_spend() -> dict[str, CommittedSpend]:
    """{source type: what is spent and kept back}, exact as of one moment: an attempt is in one of the two.

    What an attempt is told while it is open counts as kept back, where it is more than what was.
    """
    day = today()
    month = day.replace(day=1)
    with connection.cursor() as cursor:
        cursor.execute(_COMMITTED, {"day": day.date(), "month": month.date()})
        rows: list[Any] = cursor.fetchall()
    return {source: CommittedSpend(*amounts) for source, *amounts in rows}


# In one statement, so in one snapshot: a webhook that closes an attempt meanwhile is seen wholly or not at all.
# `since`: the first day of the month that is not summed up; from there on the attempts are counted.
_COMMITTED = """
    WITH books AS (SELECT id, day FROM enrichment_spendbook WHERE day >= %(month)s AND day < %(day)s),
    since AS (
        SELECT coalesce(min(d)::date, %(day)s) AS day
        FROM generate_series(%(month)s::timestamp, %(day)s::timestamp - interval '1 day', interval '1 day') AS d
        WHERE NOT EXISTS (SELECT 1 FROM books WHERE books.day = d::date)
    ),
    parts AS (
        SELECT e.source_type, 0::numeric AS day, e.cost AS month, 0::numeric AS reserved
        FROM enrichment_spendentry e JOIN books ON books.id = e.book_id
        WHERE e.provider = '' AND books.day < (SELECT day FROM since)
        UNION ALL
        SELECT source_type, sum(cost) FILTER (WHERE finished_at >= %(day)s::timestamp AT TIME ZONE 'UTC'),
               sum(cost), 0
        FROM enrichment_attempt
        WHERE finished_at >= (SELECT day::timestamp AT TIME ZONE 'UTC' FROM since) GROUP BY 1
        UNION ALL
        SELECT source_type, 0, 0, sum(greatest(reserved, cost))
        FROM enrichment_attempt WHERE status IN ('intended', 'running') GROUP BY 1
    )
    SELECT source_type, coalesce(sum(day), 0), coalesce(sum(month), 0), coalesce(sum(reserved), 0)
    FROM parts GROUP BY 1
"""
