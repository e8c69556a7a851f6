"""Publishing a scorecard: what it would do, where it would send, then the version, its rescore and the choice made."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from django.db import transaction

from enrichment import versions
from enrichment.documents.scorecard import Scorecard
from enrichment.estimates.estimating import Work, estimate
from enrichment.models import AfterRescore, Lead, Rescore, ScorecardVersion
from enrichment.models.handover import System
from enrichment.pipeline.deliver.redeliver import suppressed_ids
from enrichment.scoring import preview, rescore
from enrichment.scoring.preview import Effect
from enrichment.vendors import registry
from enrichment.versions import published
from swarm_admin.core.errors import ActionNotAllowed

ASKED = 5_000  # people looked up in the suppression list for a plan; of more, each is looked up before it is sent


@dataclass(frozen=True)
class Destination:
    """`count` leads to one system, and how long that takes at today's limits behind what waits already."""

    system: str
    name: str
    count: int
    duration: str


@dataclass(frozen=True)
class DeliveryPlan:
    """Leads that come into a campaign tier. `lifted`: those of them that can be handed over."""

    entering: int
    lifted: int
    destinations: list[Destination]
    left_out: dict[str, int] = field(default_factory=dict)
    caveat: str = ""


def delivery_plan(found: Effect) -> DeliveryPlan:
    """What delivering the leads that `found` lifts would take. One look-up per person, up to ASKED."""
    came = preview.entering_campaign(found)
    flags = came.select(both=pl.col("email"), reachable=pl.col("reachable"), already=pl.col("in_campaign"))
    reachable = int(flags["reachable"].sum())
    mailable = int(flags["both"].sum())
    left_out = Counter({"has neither e-mail nor phone": came.height - reachable})
    left_out["has only a phone: goes to GoHighLevel, not to the campaign"] = reachable - mailable
    blocked, caveat = _blocked(came.filter(pl.col("reachable")))
    left_out["is suppressed"] = len(blocked)
    sent = came.filter(pl.col("reachable") & ~pl.col("id").is_in(blocked))
    to_campaign = int(sent["email"].sum())
    places = [
        Destination(system, registry.name_of(system), count, estimate(Work(deliveries={system: count})).words)
        for system, count in ((System.INSTANTLY, to_campaign), (System.GHL, sent.height))
    ]
    return DeliveryPlan(came.height, sent.height, places, dict(+left_out), caveat)


def _blocked(leads: pl.DataFrame) -> tuple[list[int], str]:
    if leads.height > ASKED:
        return (
            [],
            "Each person is checked against the suppression list before sending; these aren't counted here.",
        )
    chosen = Lead.objects.filter(pk__in=leads["id"].to_list())
    return sorted(suppressed_ids(chosen.only("linkedin_url", "email_work", "email_personal", "phone"))), ""


def publish(draft: ScorecardVersion, *, revision: int, over: int, note: str, after: str, by: Any) -> Rescore:
    """Publish the draft in place of version number `over` and start the rescore; `after` is an AfterRescore.

    Raises:
        StaleDraft, InvalidDocument, ActionNotAllowed: see `versions.publish`.
    """
    with transaction.atomic():
        version = versions.publish(draft, revision=revision, over=over, note=note, by=by)
        return rescore.begin_rescore(version, over=over, after=_choice(after), by=by)


def roll_back(old: ScorecardVersion, *, over: int, note: str, after: str, by: Any) -> Rescore:
    """Publish a copy of `old` in place of version number `over` and start the rescore.

    Raises:
        ActionNotAllowed: see `versions.roll_back`.
    """
    with transaction.atomic():
        version = versions.roll_back(old, over=over, note=note, by=by)
        return rescore.begin_rescore(version, over=over, after=_choice(after), by=by)


def _choice(after: str) -> str:
    if after not in AfterRescore.values:
        raise ActionNotAllowed("Choose what happens to leads entering Tier 1 or 2.")
    return after


def effect_of(document: dict[str, Any]) -> Effect:
    """The effect of a valid document in place of the published one."""
    live = Scorecard.model_validate(published(ScorecardVersion).document)
    return preview.effect_of_draft(live, Scorecard.model_validate(document))
