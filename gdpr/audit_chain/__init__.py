"""The chain over the audit ledger: sealed by a tick, anchored outside, verified with and without the product."""
