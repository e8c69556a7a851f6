"""Hand-overs to Clay in batches: `plan` freezes them, `rows`, `trigger` and `write_back` make the calls.

plan           → who is due, whom the budget has room for, what the mirror knows already
company_cache  → that: data of the same company, taken over instead of being bought again
batch          → a batch of leads: frozen, and what its end means for them
flush          → the loop that all three calls share, and who may not go after all
rows           → creating rows
trigger        → starting enrichments; `missing_rows`: rows that turn out not to be there
write_back     → our references and verdict in Clay's rows
"""
