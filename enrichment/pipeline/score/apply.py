"""The active scorecard gives points and a tier (D1, D2, D23); why is told by `score.explained`."""

import re
from collections.abc import Sequence

from django.conf import settings
from django.utils import timezone

from enrichment.models import Lead, ScorecardVersion
from enrichment.pipeline.score.engine import engine


def apply(lead: Lead) -> bool:
    """Score `lead` under the active version, on the object only; True when its score or tier changed."""
    return apply_all([lead])[0]


def apply_all(leads: Sequence[Lead]) -> list[bool]:
    """`apply` of each, in their order, in one call of the engine. One that is only kept is not scored."""
    version = ScorecardVersion.active()
    scorer = engine(version.pk)
    now = timezone.now()
    scores = scorer.score_leads([lead.values(*scorer.columns) for lead in leads])
    changed = []
    for lead, scored in zip(leads, scores, strict=True):
        if lead.restriction:
            changed.append(False)
            continue
        tier = clay_tier(lead.clay_tier) or scored.tier if settings.TIER_SOURCE == "clay" else scored.tier
        changed.append((lead.icp_score, lead.icp_tier) != (scored.points, tier))
        lead.icp_score, lead.icp_tier = scored.points, tier
        lead.scorecard, lead.scored_at = version, now
    return changed


def clay_tier(name: str) -> int | None:
    """ "Tier 2" → 2; None for anything else."""
    match = re.fullmatch(r"\s*tier\s*([1-9])\s*", name, re.IGNORECASE)
    return int(match.group(1)) if match else None
