"""Which leads a rescore lifts into a campaign tier, recorded with their new scores."""

from __future__ import annotations

import polars as pl
from django.db.models import QuerySet

from enrichment.models import AfterRescore, Rescore, TierMove
from enrichment.states import MoveStatus
from enrichment.vendors.instantly.fields import CAMPAIGN_TIERS
from swarm_admin.core.states import advance


def waiting_moves() -> QuerySet[TierMove]:
    return TierMove.objects.filter(status=MoveStatus.WAITING)


def lifted_leads(leads: pl.DataFrame) -> pl.DataFrame:
    """Those of a rescore's leads that come into a campaign tier and can be reached."""
    came = ~pl.col("tier_before").fill_null(0).is_in(CAMPAIGN_TIERS) & pl.col("tier").is_in(CAMPAIGN_TIERS)
    return leads.filter(came & pl.col("reachable"))


def record_moves(rescore: Rescore, leads: pl.DataFrame) -> None:
    """Note who was lifted, where the publisher wants to know; who waits and has fallen out waits no more."""
    fallen = leads.filter(pl.col("tier_before").is_in(CAMPAIGN_TIERS) & ~pl.col("tier").is_in(CAMPAIGN_TIERS))
    if not fallen.is_empty():
        advance(waiting_moves().filter(lead__in=fallen["id"].to_list()), MoveStatus.OVERTAKEN)
    if rescore.after == AfterRescore.NOTHING:
        return
    rows = lifted_leads(leads).select("id", "tier_before", "tier", "score").iter_rows()
    TierMove.objects.bulk_create(
        (
            TierMove(rescore=rescore, lead_id=lead, before=before, after=after, score=score)
            for lead, before, after, score in rows
        ),
        ignore_conflicts=True,  # it waits already, from the version before
        batch_size=2_000,
    )
