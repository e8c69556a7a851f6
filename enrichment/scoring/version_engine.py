"""The scoring engine of a stored version of the scorecard."""

import functools

from enrichment.models import ScorecardVersion
from enrichment.scoring.engine import Engine
from enrichment.scoring.scorecard import Scorecard


@functools.lru_cache(maxsize=8)
def engine(version_id: int) -> Engine:
    """The engine of a version, built once per process: a published document never changes."""
    return Engine(Scorecard.model_validate(ScorecardVersion.objects.get(pk=version_id).document))
