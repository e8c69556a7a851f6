"""Clay's full row becomes the lead: columns, status, provenance; then its score and what is due next.

apply_row       → the row's values in the mirror's types, and the conflicts of those that are not applied
run             → what went wrong in the run, the status it gives the lead, how far it came
refresh_status  → how the attempt ended: the status, the error beside it, what the lead is due for
applying        → all of it for many leads at once, in one transaction
refusing        → a row that may not be mirrored
preview         → what applying would change
"""
