"""The floor of the house: what every package may use and what knows none of them.

Nothing here imports `enrichment`, `gdpr` or the rest of `swarm_admin`; import-linter holds it.
"""
