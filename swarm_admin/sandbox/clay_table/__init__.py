"""Clay's tables as customers have them: rows in through a webhook source, results out through an HTTP API column."""
