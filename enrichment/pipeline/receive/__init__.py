"""Clay's webhooks: stored as they come and answered, then read by a tick (D13).

store    → the raw body, in one INSERT, by the web process
refused  → what was not kept, counted
events   → a body read
judging  → what can be said of a delivery without asking Clay
reading  → a claim of deliveries: judged, their rows fetched, applied together
leaving  → a delivery given up to its next status, if it is still ours
"""

from enrichment.pipeline.receive.events import Event, Malformed, read
from enrichment.pipeline.receive.reading import claim, process, run_due
from enrichment.pipeline.receive.storing import headers_in, store
from enrichment.pipeline.receive.triage import Judgement, earlier_copies, identities_in, judge, suppressed

__all__ = [
    "Event",
    "Judgement",
    "Malformed",
    "claim",
    "earlier_copies",
    "headers_in",
    "identities_in",
    "judge",
    "process",
    "read",
    "run_due",
    "store",
    "suppressed",
]
