"""The outside systems: the only code that speaks HTTP to them and knows their words.

`connections` gives the clients (`clay()`, `ghl()`, `instantly()`), `limiter` the slots of their calls,
`errors` what can go wrong, `vendor_health` how it has gone. A caller takes a slot of the call's limit
(`limiter.take(LIMIT, client.scope())`), calls, and on `RateLimited` passes `retry_after` to `limiter.penalise`.
"""
