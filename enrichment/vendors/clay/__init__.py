"""Clay: its record, the ways to it (`connector`), what goes over its wire, its table, its columns and our types.

What else knows Clay, because it has rules of the pipeline or of the law's side and so stands above: rows, triggers,
write-backs and deliveries (`pipeline.dispatch`, `pipeline.receive`), drift (`drift`), its score and formula
(`scoring.clay_formula`, `pipeline.clay_scores`), its own pauses (`vendor_pauses`), its store (`stores.clay`).
"""
