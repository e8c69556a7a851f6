"""How long work takes at the vendors' limits: one function, `estimate()`, for every plan, preview and progress.

`lanes` and `enriching` are arithmetic alone; `queue` counts what waits already; `words` says it for people.
"""

from enrichment.estimates.estimating import Estimate, Work, estimate

__all__ = ["Estimate", "Work", "estimate"]
