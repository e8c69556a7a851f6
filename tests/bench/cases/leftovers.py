"""An erasure's last look over a large house: how long it takes, and what it costs those who work meanwhile."""

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import psutil

from tests.bench import staff
from tests.bench.bench import Bench, Database
from tests.bench.clay_rows import KEYS, vendor_addresses
from tests.bench.databases import ROOT
from tests.bench.load import Loaded, load
from tests.bench.registry import Figure, at_least, at_most, benchmark, ratio_at_most
from tests.bench.servers import sandbox, web

DELIVERIES = 2  # of each lead
PAGES = (
    "/leads/?sort=-score",
    "/leads/?status=failed",
    "/leads/?tier=1&source=post_liker",
    "/leads/?q=jansen+software",
)
ASKED = 150
NOBODY = [
    ("email", "nobody.at.all@nowhere.example"),
    ("linkedin_url", "https://www.linkedin.com/in/nobody-at-all-0"),
    ("phone", "+4930123456789"),
    ("name", "Nobody Atall"),
]


@benchmark(
    "leftovers",
    aim="≤ 3 times COPY of the same rows, ≤ 1 core, a page ≤ 20 % slower meanwhile; an erasure ends",
)
def leftovers(bench: Bench) -> Iterator[Figure]:
    with bench.leads_copy() as database:
        _deliver()
        yield from _alone(bench)
        yield from _beside(bench, database)
        yield from _erasure(bench, database)


def _deliver() -> None:
    """What Clay has sent of each lead: its whole row, twice."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO enrichment_webhookdelivery (received_at, headers, body, body_hash, status, verdict, event, "
            "row_id, lead_id, changed_fields, tries, error_kind, error_message, not_before, processed_at) "
            "SELECT received_at, '{}', convert_to(json_build_object('event', 'row.updated', 'number', n, 'row', "
            "json_build_object('id', clay_row_id, 'linkedin_url', linkedin_url, 'first_name', first_name, 'last_name', "
            "last_name, 'email_work', email_work, 'email_personal', email_personal, 'phone', phone, 'title', title, "
            "'company_name', company_name, 'company_domain', company_domain, 'headline', linkedin_headline, "
            "'raw', raw))::text, 'UTF8'), md5(id::text || n), 'processed', 'accepted', 'row.updated', "
            "coalesce(clay_row_id, ''), id, '[]', 1, '', '', received_at, received_at "
            "FROM enrichment_lead CROSS JOIN generate_series(1, %s) n",
            [DELIVERIES],
        )
        cursor.execute("VACUUM (ANALYZE) enrichment_webhookdelivery")


# ---------------------------------------------------------------- the search alone


def _alone(bench: Bench) -> Iterator[Figure]:
    """The tables; the reference reads the same rows with COPY and does nothing with them."""
    from django.db import connection

    from gdpr.leftovers import tables

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        server = psutil.Process(cursor.fetchone()[0])
        copied, length = _timed(lambda: sum(_copied(each.schema, each.name) for each in tables.tables()))
        before = _busy(server)
        taken, found = _timed(_search)
        cores = (_busy(server) - before) / taken
    yield Figure(
        "leftovers, all tables", taken, "s", reference=copied, aim=ratio_at_most(3.0),
        note=f"{length / 1e9:.1f} GB by COPY",
    )  # fmt: skip
    yield Figure("leftovers, cores", cores, "", aim=at_most(1.0), note="the searcher's and the server's together")
    yield Figure("leftovers, found of nobody", float(found), "", aim=at_most(0.0))


def _search() -> int:
    from gdpr.leftovers import database
    from gdpr.leftovers.scan import names_of
    from gdpr.leftovers.search_patterns import patterns_for

    found = database.scan(patterns_for(NOBODY), names=names_of(NOBODY))
    return len(found.rows)


def _copied(schema: str, name: str) -> int:
    """Bytes of COPY … TO STDOUT."""
    from django.db import connection
    from psycopg import sql

    with connection.cursor() as cursor, cursor.copy(
        sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(schema, name))
    ) as copy:  # fmt: skip
        return sum(map(len, copy))


def _timed(work: Callable[[], int]) -> tuple[float, int]:
    started = time.perf_counter()
    told = work()
    return time.perf_counter() - started, told


def _busy(server: psutil.Process) -> float:
    """Seconds of processor that this process and its server have used."""
    times = [each.cpu_times() for each in (psutil.Process(), server)]
    return sum(each.user + each.system for each in times)


# ---------------------------------------------------------------- those who work meanwhile


def _beside(bench: Bench, database: Database) -> Iterator[Figure]:
    with web(bench.environment(database)) as (port, _):
        requests = [{"path": path, "headers": staff.cookies()} for path in PAGES]
        load(port, requests, connections=1, count=20).require(200)
        quiet = _asked(port, requests)
        with _searching():
            busy = _asked(port, requests)
        again = _asked(port, requests)
    for share, name in ((0.5, "p50"), (0.95, "p95")):
        without = (quiet.percentile(share) + again.percentile(share)) / 2
        yield Figure(
            f"leftovers, a page meanwhile, {name}", busy.percentile(share), "ms", reference=without,
            aim=ratio_at_most(1.2),
        )  # fmt: skip


def _asked(port: int, requests: list[dict[str, object]]) -> Loaded:
    return load(port, requests, connections=1, count=ASKED).require(200)


@contextlib.contextmanager
def _searching() -> Iterator[None]:
    """The tables are searched again and again until the block ends."""
    ended = threading.Event()

    def stop() -> None:
        if ended.is_set():
            raise InterruptedError

    def work() -> None:
        from django.db import connection

        from gdpr.leftovers import database
        from gdpr.leftovers.search_patterns import patterns_for

        with contextlib.suppress(InterruptedError):
            while True:
                database.scan(patterns_for(NOBODY), heartbeat=stop)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


# ---------------------------------------------------------------- a whole erasure


def _erasure(bench: Bench, database: Database) -> Iterator[Figure]:
    """A request through all its steps, in a process of its own, with the vendors' stand-ins."""
    with sandbox(**KEYS, limits=False, speed=1_000.0) as vendors:
        more = {**vendor_addresses(vendors), "READ_BACK_SECONDS": "0.1", "EMAIL_URL": "dummymail://"}
        command = [sys.executable, "-m", "tests.bench.erasing", str(bench.size // 2)]
        done = subprocess.run(
            command, env=bench.environment(database, **more), cwd=ROOT, check=True, stdout=subprocess.PIPE
        )
    told = json.loads(done.stdout)
    yield Figure("leftovers, erasure completed", 100.0 * (told["status"] == "completed"), "%", aim=at_least(100.0))
    yield Figure("leftovers, the whole erasure", told["seconds"], "s")
    yield Figure("leftovers, its last look", told["scan"], "s", note=f"in {told['tries']} attempts")
