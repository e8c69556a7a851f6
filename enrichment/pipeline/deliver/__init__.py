"""Deliveries to GoHighLevel and Instantly: planned with the mirror's change, sent by a tick, read back when unsure.

planning  → which deliveries a lead is due for
running   → claim, screen, send
recording → what came of it: done, again, unknown, failed
"""
