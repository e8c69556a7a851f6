"""The law: who must be forgotten, what was done, and the proof. Knows no vendor and no lead.

Three doors are open to the rest of the product: `audit.record`, `gate.screen` and the protocol
`stores.PersonalDataStore`.
"""
