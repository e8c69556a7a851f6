"""What the product costs in time, measured beside what it is compared with: `make bench`.

A benchmark is a module of `cases/` with one function:

    @benchmark("preview", aim="≤ 1 s, warm")
    def preview(bench: Bench) -> Iterator[Figure]:
        with bench.leads():                     # Django works on `bench.size` leads; only to be read
            ...
            yield Figure("preview", seconds, "s", reference=counted, aim=at_most(1.0))

`bench.leads()` is for reading, `bench.leads_copy()` and `bench.empty()` are databases of the benchmark's own that are
dropped afterwards. `aim` of a figure decides the exit status; a figure without one is told and decides nothing.
"""
