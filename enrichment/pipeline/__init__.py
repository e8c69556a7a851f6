"""The way of a lead, one module per arrow, in this order:

    intake    → what the Hunter agent sends becomes a lead
    dispatch  → rows are created in Clay, enrichment is triggered, references are written back
    receive   → Clay's webhooks are stored, then read
    mirror    → the full row becomes the lead's columns, its status and its provenance
    score     → the active scorecard gives points and a tier
    deliver   → GoHighLevel, and Instantly for the first two tiers

A lead never goes back up: a retry puts it at `dispatch` again. Truth is in PostgreSQL: every unit of work is
a row with a status, a `not_before` and a lease; a tick claims what is due, and takes back the work of killed
workers. No call to a vendor is made inside a transaction: the intent is committed before, the outcome after.
"""
