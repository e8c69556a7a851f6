"""Instantly: its record, the client with what goes over its wire, and a lead in its words (`fields`).

What else knows it, because it has rules of the pipeline or of the law's side and so stands above: leads whose address
changes (`pipeline.campaign_moves`), the hand-over (`pipeline.hand_instantly`), its store (`stores.instantly`).
"""
