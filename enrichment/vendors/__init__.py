"""The outside systems: the only code that speaks HTTP to them and knows their words.

A vendor is a folder and a record (`vendor.Vendor` in its `record`), which `registry` keeps: name, limits, error table,
mapping of fields, what staff and data subjects read. Whoever needs to know anything of a vendor asks its record.

`connections` gives the clients (`clay()`, `ghl()`, `instantly()`), `limiter` the slots of their calls, `errors` and
`rules` what can go wrong, `vendor_health` how it has gone, `lead_values` and `reading` what the mappings share. A
caller takes a slot of the call's limit, calls, and on `RateLimited` passes `retry_after` to `limiter.penalise`.
"""
