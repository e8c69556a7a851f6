"""Many leads scored at once under one version: only those whose score or tier changes are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl
from django.conf import settings
from django.db import OperationalError, connection
from django.utils import timezone

from enrichment.models import Rescore
from enrichment.pipeline.score.engine import Engine, engine
from enrichment.scoring import loading, tier_moves

TRIES = 5
BEFORE = {
    "score_before": ("icp_score", pl.Float64),
    "tier_before": ("icp_tier", pl.Int64),
    "seen": ("xmin::text::bigint", pl.Int64),
}


@dataclass
class Tally:
    """Of some leads: how many were read, written, and went to a better or a worse tier."""

    read: int = 0
    changed: int = 0
    up: int = 0
    down: int = 0
    lifted: int = 0


def score_leads(rescore: Rescore, where: str, params: list[Any]) -> Tally:
    """Score what `where` (SQL of ours) chooses under the rescore's version, inside the caller's transaction."""
    scorer, done = engine(rescore.version_id), Tally()
    for _ in range(TRIES):
        leads = _with_new_score(scorer, loading.load_leads(scorer.columns, where, params, BEFORE))
        done.read = done.read or leads.height
        changed = leads.filter(
            pl.col("score").ne_missing(pl.col("score_before")) | pl.col("tier").ne_missing(pl.col("tier_before"))
        )
        written = changed.filter(pl.col("id").is_in(_write(rescore, changed)))
        _count(done, written)
        tier_moves.record_moves(rescore, written)
        if written.height == changed.height:
            return done
    raise OperationalError("leads kept changing during the rescore")


def _with_new_score(scorer: Engine, leads: pl.DataFrame) -> pl.DataFrame:
    scored = scorer.score_frame(leads)
    tier = pl.coalesce("clay_tier", "tier") if settings.TIER_SOURCE == "clay" else pl.col("tier")
    return scored.select(
        "id",
        "seen",
        "email",
        "reachable",
        "score_before",
        "tier_before",
        score="total",
        tier=tier.cast(pl.Int64),
    )


def _write(rescore: Rescore, changed: pl.DataFrame) -> list[int]:
    """Write the scores of those that are still as they were read; returns which."""
    if changed.is_empty():
        return []
    now = timezone.now()
    statement = (
        "UPDATE enrichment_lead AS lead SET icp_score = new.score, icp_tier = new.tier, scorecard_id = %s, "
        "scored_at = %s, updated_at = %s "
        "FROM unnest(%s::bigint[], %s::float8[], %s::smallint[], %s::text[]) AS new (id, score, tier, seen) "
        "WHERE lead.id = new.id AND lead.id BETWEEN %s AND %s AND lead.xmin = new.seen::xid RETURNING lead.id"
    )
    ids = changed["id"].to_list()
    arrays = [ids, changed["score"].to_list(), changed["tier"].to_list()]
    seen = changed["seen"].cast(pl.String).to_list()
    with connection.cursor() as cursor:
        cursor.execute(statement, [rescore.version_id, now, now, *arrays, seen, min(ids), max(ids)])
        return [row[0] for row in cursor.fetchall()]


def _count(done: Tally, written: pl.DataFrame) -> None:
    done.changed += written.height
    done.up += written.filter(pl.col("tier") < pl.col("tier_before")).height
    done.down += written.filter(pl.col("tier") > pl.col("tier_before")).height
    done.lifted += tier_moves.lifted_leads(written).height
