"""The flow of a lead: taken in, enriched by Clay, mirrored, scored, delivered."""
