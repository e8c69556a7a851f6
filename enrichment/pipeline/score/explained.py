"""Why a lead has the score it has: worked out when somebody asks, from its values and the card that scored it.

A rescore writes only leads whose score or tier changes; the others have the score of the new version already,
and keep the key of the one that wrote it. So a lead's score is of the newest version whose rescore has passed it,
or of the version that wrote it, whichever is newer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from enrichment.models import Lead, Rescore, ScorecardVersion
from enrichment.pipeline.score.engine import engine


def explanation_of(lead: Lead) -> list[dict[str, Any]]:
    """One entry per component, as `engine.Score.explanation`; empty for a lead that was never scored.

    Personal data. Not stored: a million explanations would weigh more than the leads. Two queries, and one
    where the card is not in this process's memory.
    """
    version = version_of(lead)
    if version is None or lead.icp_score is None:
        return []
    scorer = engine(version.pk)
    return scorer.score_leads([lead.values(*scorer.columns)])[0].explanation


def versions_of(leads: Iterable[Lead]) -> dict[int, ScorecardVersion]:
    """{lead: the version its score is of}; a lead that was never scored is left out. Two queries."""
    asked = [lead for lead in leads if lead.scorecard_id is not None]
    if not asked:
        return {}
    rescores = list(Rescore.objects.select_related("version").order_by("-version__number"))
    wrote = ScorecardVersion.objects.in_bulk({lead.scorecard_id for lead in asked})
    return {lead.pk: _newest_version(lead, wrote[lead.scorecard_id], rescores) for lead in asked}


def version_of(lead: Lead) -> ScorecardVersion | None:
    """The version this lead's score is of; None where it was never scored."""
    return versions_of([lead]).get(lead.pk)


def _newest_version(lead: Lead, wrote: ScorecardVersion, rescores: list[Rescore]) -> ScorecardVersion:
    if lead.restriction:  # no rescore touches it
        return wrote
    for rescore in rescores:
        if rescore.version.number <= wrote.number:
            return wrote
        if lead.pk <= rescore.cursor:
            return rescore.version
    return wrote
