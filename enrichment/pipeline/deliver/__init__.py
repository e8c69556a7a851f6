"""Deliveries to GoHighLevel and Instantly: planned with the mirror's change, sent by a tick, read back when unsure.

planning  → which deliveries a lead is due for
channels  → the systems: their limit, their calls, what tells the lead there
running   → claim, screen, send
recording → what came of it: done, again, unknown, failed
"""

from enrichment.pipeline.deliver.channels import CHANNELS, Channel
from enrichment.pipeline.deliver.planning import OPEN, plan, plan_again, plan_all
from enrichment.pipeline.deliver.recording import give_up
from enrichment.pipeline.deliver.running import run_due, waits

__all__ = ["CHANNELS", "OPEN", "Channel", "give_up", "plan", "plan_again", "plan_all", "run_due", "waits"]
