"""The active scorecard gives points and a tier, with the explanation kept (D1, D2, D23)."""

import functools
import re

from django.conf import settings
from django.utils import timezone

from enrichment.models import Lead, ScorecardVersion
from enrichment.scoring.engine import Engine
from enrichment.scoring.scorecard import Scorecard


@functools.lru_cache(maxsize=8)
def engine(version_id: int) -> Engine:
    """The engine of a version, built once per process: a published document never changes."""
    return Engine(Scorecard.model_validate(ScorecardVersion.objects.get(pk=version_id).document))


def apply(lead: Lead) -> bool:
    """Score `lead` under the active version, on the object only; True when its score or tier changed."""
    version = ScorecardVersion.active()
    scorer = engine(version.pk)
    scored = scorer.score_leads([lead.values(*scorer.columns)])[0]
    tier = clay_tier(lead.clay_tier) or scored.tier if settings.TIER_SOURCE == "clay" else scored.tier
    before = (lead.icp_score, lead.icp_tier)
    lead.icp_score, lead.icp_tier = scored.points, tier
    lead.score_explanation = scored.explanation
    lead.scorecard, lead.scored_at = version, timezone.now()
    return before != (lead.icp_score, lead.icp_tier)


def clay_tier(name: str) -> int | None:
    """ "Tier 2" → 2; None for anything else."""
    found = re.fullmatch(r"\s*tier\s*([1-9])\s*", name, re.IGNORECASE)
    return int(found.group(1)) if found else None
