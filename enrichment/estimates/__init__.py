"""How long work takes at the vendors' limits: one function, `estimating.estimate()`, for every plan and progress.

`lanes` and `enriching` are arithmetic alone; `queue` counts what waits already; `words` says it for people.
"""
