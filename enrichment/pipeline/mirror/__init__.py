"""Clay's full row becomes the lead: columns, status, provenance; then its score and what is due next.

take_over  → the row's values in the mirror's types, and the conflicts of those that are not applied
settle     → how the attempt ended: the status, the error beside it, what the lead is due for
applying   → all of it for many leads at once, in one transaction
preview    → what applying would change
"""

from enrichment.pipeline.clay_scores import RENAMED
from enrichment.pipeline.mirror.apply_row import at_work, identity_values, is_stale
from enrichment.pipeline.mirror.applying import Effect, News, apply, apply_all
from enrichment.pipeline.mirror.preview import Change, Preview, preview
from enrichment.pipeline.mirror.refresh_status import OPEN_ATTEMPT

__all__ = [
    "OPEN_ATTEMPT",
    "RENAMED",
    "Change",
    "Effect",
    "News",
    "Preview",
    "apply",
    "apply_all",
    "at_work",
    "identity_values",
    "is_stale",
    "preview",
]
