"""Clay's webhooks: stored as they come and answered, then read by a tick (D13).

storing    → the raw body, in one INSERT, by the web process
refused    → what was not kept, counted
events     → a body read
triage     → what can be said of a delivery without asking Clay
reading    → a claim of deliveries: judged, their rows fetched, applied together
finish     → a delivery given up to its next status, if it is still ours
"""
