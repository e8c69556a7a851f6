"""Why a lead has the score it has: worked out when somebody asks, from its values and the card that scored it."""

from typing import Any

from enrichment.models import Lead
from enrichment.scoring.score_version import version_of
from enrichment.scoring.version_engine import engine


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
