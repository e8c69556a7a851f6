"""Clay's webhooks: stored as they come and answered, then read by a tick (D13).

storing    → the raw body, in one INSERT, by the web process
refused    → what was not kept, counted
triage     → a body read, and what can be said of its delivery without asking Clay
reading    → a claim of deliveries: judged, their rows fetched, applied together, given up to their next status
unmatched  → people whom no lead is known of
"""
