"""How many leads were enriched in a span of days, each counted once however often it was tried.

A lead that was tried on two days, or by two people, is one lead; so this cannot be summed up day by day, as money
is (`spending`), and is counted in the attempts. The tier is the lead's as it is now, whenever the attempt was.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from enrichment.overview import remembered

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


def leads(since: datetime.datetime, until: datetime.datetime) -> By:
    """Of the attempts that ended from `since` to before `until`; as `overview.remembered`."""
    found: By = remembered(f"spend-leads:{since:%F}:{until:%F}", lambda: _counted(since, until))
    return found


def _counted(since: datetime.datetime, until: datetime.datetime) -> By:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_MEMORY)
        cursor.execute(_COUNTS, {"since": since, "until": until})
        rows: list[Any] = cursor.fetchall()
    found: dict[str, dict[str, Leads]] = {}
    for by, value, *amounts in rows:
        found.setdefault(by, {})[value] = Leads(*amounts)
    return found
