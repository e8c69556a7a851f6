"""Hand-overs to Clay in batches: `plan` freezes them, `rows`, `trigger` and `write_back` make the calls."""
