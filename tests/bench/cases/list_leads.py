"""The list of leads as a person opens it: whole pages over HTTP, beside the stock admin's over the same table."""

import math
from collections.abc import Iterator, Sequence
from urllib.parse import urlencode

from tests.bench import staff
from tests.bench.bench import Bench, Database
from tests.bench.load import Loaded, load
from tests.bench.registry import Figure, at_least, at_most, benchmark
from tests.bench.servers import STOCK_ADMIN, web

OURS, STOCK = "/leads/", "/admin/enrichment/lead/"
ROUNDS = 60  # requests of the product's page; the stock admin is asked fewer times, it takes seconds
STOCK_ROUNDS = 8
DEEP = 1_000
# Words as people type them: beginnings, in any order. Of usual names, rare ones, and in between.
TWO_WORDS = (
    "abadi silver",
    "maria vertex",
    "jansen software",
    "gruber north",
    "chen sato",
    "kowal amber",
    "khan cloud",
)
COMMON = ("sales", "director", "software", "data", "manager")
NOBODY = ("zzyzx", "qqqq wwww", "xylophonist", "wrzeszcz")

FILTERS = ("status filter", "tier and source filter")

Queries = Sequence[dict[str, str]]
# case → (the product's queries, the stock admin's). Where nothing is said of it, both sort by time of receipt.
CASES: dict[str, tuple[Queries, Queries]] = {
    "first page by score": ([{"sort": "-score"}], [{"o": "-5"}]),
    "status filter": (
        [{"status": each} for each in ("completed", "failed", "partial")],
        [{"enrichment_status__exact": each} for each in ("completed", "failed", "partial")],
    ),
    "tier and source filter": (
        [{"tier": tier, "source": "post_liker"} for tier in "12"],
        [{"icp_tier__exact": tier, "source_type__exact": "post_liker"} for tier in "12"],
    ),
    "two-word search": ([{"q": words} for words in TWO_WORDS], [{"q": words} for words in TWO_WORDS]),
    "common-word search": ([{"q": words} for words in COMMON], [{"q": words} for words in COMMON]),
    "deep page": ([{"page": "{deep}", "sort": "-score"}], [{"p": "{deep}", "o": "-5"}]),
    "no hit": ([{"q": words} for words in NOBODY], [{"q": words} for words in NOBODY]),
}
# Told beside the seven: a filter in an order that no index gives together with it.
BESIDE = "filters, sorted by score"
ALL = {
    **CASES,
    BESIDE: (
        [{**query, "sort": "-score"} for case in FILTERS for query in CASES[case][0]],
        [{**query, "o": "-5"} for case in FILTERS for query in CASES[case][1]],
    ),
}


@benchmark("list", aim="p95 ≤ 50 ms each; ≥ 20 times stock Django admin in the geometric mean of the seven")
def list_leads(bench: Bench) -> Iterator[Figure]:
    """One request at a time: what one person waits. Ours has no cursor of a page before it, as a link has none."""
    with bench.leads() as database:
        ours = _measured(bench, database, stock=False)
        stock = _measured(bench, database, stock=True)
    for case in ALL:
        yield Figure(f"list, {case}, p50", ours[case].percentile(0.5), "ms", reference=stock[case].percentile(0.5))
        yield Figure(
            f"list, {case}, p95",
            ours[case].percentile(0.95),
            "ms",
            reference=stock[case].percentile(0.95),
            aim=at_most(50.0) if case in CASES else None,
        )
    faster = [stock[case].percentile(0.5) / ours[case].percentile(0.5) for case in CASES]
    mean = math.exp(sum(map(math.log, faster)) / len(faster))
    yield Figure("list, faster than stock", mean, "times", aim=at_least(20.0), note="geometric mean of the medians")


def _measured(bench: Bench, database: Database, *, stock: bool) -> dict[str, Loaded]:
    headers = staff.cookies(stock=stock)
    path, rounds = (STOCK, STOCK_ROUNDS) if stock else (OURS, ROUNDS)
    deep = str(min(DEEP, max(bench.size // 50, 1)))
    found = {}
    with web(bench.environment(database), *([STOCK_ADMIN] if stock else [])) as (port, _):
        load(port, [{"path": path, "headers": headers}], connections=1, count=5).require(200)
        for case, both in ALL.items():
            queries = [{name: value.format(deep=deep) for name, value in query.items()} for query in both[stock]]
            requests = [{"path": f"{path}?{urlencode(query)}", "headers": headers} for query in queries]
            found[case] = load(port, requests, connections=1, count=max(rounds, len(requests))).require(200)
    return found
