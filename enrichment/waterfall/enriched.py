"""How many leads were enriched in a span of days, each counted once however often it was tried.

A lead that was tried on two days, or by two people, is one lead; so this cannot be summed up day by day, as money
is (`spending`), and is counted in the attempts. The tier is the lead's as it is now, whenever the attempt was.
A million attempts take half a minute, so no page waits for them: a tick counts.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.cache import cache
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from psycopg.errors import QueryCanceled

from swarm_admin.core.cache import FRESH_SECONDS, LOCK_SECONDS, SHARE

AT_ONCE_SECONDS = 0.7  # a page waits so long for a count
KEPT_SECONDS = 86_400
SLOW = "spend-leads:slow"  # how many days are too many to be counted while a page waits
LOCK = "spend-leads:lock"

# Attempts that brought an answer or cost something: a lead that nobody was asked about was not enriched.
# `once` has a row for each lead, or deleted lead, and each value; `hit`: one of its attempts found a field.
_COUNTS = """
    WITH ended AS MATERIALIZED (
        SELECT a.lead_id AS lead, a.deleted_lead AS gone, a.source_type AS source, a.cost,
               coalesce(l.icp_tier, a.tier, 0) AS tier, coalesce(a.started_by_id, 0) AS person,
               (a.finished_at AT TIME ZONE 'UTC')::date AS day,
               jsonb_path_exists(a.providers, '$[*].fields[*]') AS hit
        FROM enrichment_attempt a LEFT JOIN enrichment_lead l ON l.id = a.lead_id
        WHERE a.finished_at >= %(since)s AND a.finished_at < %(until)s AND (a.status = 'succeeded' OR a.cost > 0)
    ),
    once AS (
        SELECT 'whole' AS by, '' AS value, sum(cost) AS cost, bool_or(hit) AS hit FROM ended GROUP BY lead, gone
        UNION ALL
        SELECT 'source', source, sum(cost), bool_or(hit) FROM ended GROUP BY lead, gone, source
        UNION ALL
        SELECT 'tier', tier::text, sum(cost), bool_or(hit) FROM ended GROUP BY lead, gone, tier
        UNION ALL
        SELECT 'person', person::text, sum(cost), bool_or(hit) FROM ended GROUP BY lead, gone, person
        UNION ALL
        SELECT 'day', day::text, sum(cost), bool_or(hit) FROM ended GROUP BY lead, gone, day
    )
    SELECT by, value, sum(cost), count(*), count(*) FILTER (WHERE hit) FROM once GROUP BY 1, 2
"""
_MEMORY = "SET LOCAL work_mem = '64MB'"  # for a million leads; less is written to disk and read five times


@dataclass(frozen=True)
class Leads:
    """Leads of one value: what they cost in US dollars, how many they are, and how many of them had a hit."""

    cost: Decimal
    asked: int
    hits: int


NONE = Leads(Decimal(0), 0, 0)
By = Mapping[str, Mapping[str, Leads]]  # {"whole", "source", "tier", "person" or "day": {value: its leads}}


@dataclass(frozen=True)
class LeadCounts:
    """`by` as it was `at` that time; both None where a tick has still to count for the first time."""

    by: By | None = None
    at: datetime.datetime | None = None


@dataclass(frozen=True)
class _CachedCounts:
    counted: LeadCounts
    fresh_until: float  # seconds since 1970

    @property
    def is_fresh(self) -> bool:
        return self.fresh_until > time.time()


def enriched_leads(since: datetime.datetime, until: datetime.datetime) -> LeadCounts:
    """Of the attempts that ended from `since` to before `until`, in AT_ONCE_SECONDS at most.

    What takes longer a tick counts (`refresh_counts`); until it has, what was counted last is told, with its time.
    """
    cached: _CachedCounts | None = cache.get(_key(since, until))
    if not (cached and cached.is_fresh) and not _is_slow(since, until) and cache.add(LOCK, "1", LOCK_SECONDS):
        try:
            cached = _count(since, until, at_most=AT_ONCE_SECONDS)
        except OperationalError as error:
            if not isinstance(error.__cause__, QueryCanceled):
                raise
            cache.set(SLOW, (until - since).days, KEPT_SECONDS)
        finally:
            cache.delete(LOCK)
    return cached.counted if cached else LeadCounts()


def refresh_counts(spans: Iterable[tuple[datetime.datetime, datetime.datetime]]) -> int:
    """Count those of `spans` that no page waits for and whose count is not fresh; returns how many."""
    due = [span for span in spans if _is_slow(*span)]
    counted = 0
    for since, until in due:
        cached: _CachedCounts | None = cache.get(_key(since, until))
        if not (cached and cached.is_fresh):
            _count(since, until)
            counted += 1
    return counted


def _key(since: datetime.datetime, until: datetime.datetime) -> str:
    return f"spend-leads:{since:%F}:{until:%F}"


def _is_slow(since: datetime.datetime, until: datetime.datetime) -> bool:
    """Whether a page has given up on a span of so many days, or on a shorter one."""
    days: int | None = cache.get(SLOW)
    return days is not None and (until - since).days >= days


def _count(since: datetime.datetime, until: datetime.datetime, *, at_most: float = 0) -> _CachedCounts:
    """Count, and keep it fresh for SHARE times as long as that took. `at_most`: seconds; 0 is without an end.

    Raises:
        OperationalError: it took longer; PostgreSQL broke it off.
    """
    began, at = time.time(), timezone.now()
    by = _counted(since, until, at_most)
    ended = time.time()
    counts = _CachedCounts(LeadCounts(by, at), ended + max(FRESH_SECONDS, SHARE * (ended - began)))
    cache.set(_key(since, until), counts, KEPT_SECONDS)
    return counts


def _counted(since: datetime.datetime, until: datetime.datetime, at_most: float) -> By:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_MEMORY)
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{round(at_most * 1000)}ms"])
        cursor.execute(_COUNTS, {"since": since, "until": until})
        rows: list[Any] = cursor.fetchall()
        cursor.execute("SET LOCAL statement_timeout TO DEFAULT")  # the caller's transaction may go on
    counts: dict[str, dict[str, Leads]] = {}
    for by, value, *amounts in rows:
        counts.setdefault(by, {})[value] = Leads(*amounts)
    return counts
