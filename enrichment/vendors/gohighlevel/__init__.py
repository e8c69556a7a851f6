"""GoHighLevel: its record, the client with what goes over its wire, and a lead in its words (`fields`).

What else knows it, because it has rules of the pipeline or of the law's side and so stands above: whose a contact is
(`pipeline.contacts`), the hand-over (`pipeline.hand_ghl`), its store (`stores.ghl`, `stores.shared_contacts`).
"""
