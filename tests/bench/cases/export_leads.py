"""The whole list as a CSV file over HTTP, beside COPY … TO of the same columns in the same order."""

import http.client
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import psutil

from tests.bench import staff
from tests.bench.bench import Bench
from tests.bench.filling import TABLE
from tests.bench.registry import Figure, at_least, at_most, benchmark, ratio_at_most
from tests.bench.servers import HOST, resident, web

PIECE = 1 << 18
MEGABYTE = 1_000_000
PATH = "/leads/export/"


@benchmark("export", aim="≤ 4 times COPY … TO; memory of the process grows < 50 MB")
def export_leads(bench: Bench) -> Iterator[Figure]:
    """Every column of the list, through the real server; memory is watched while the file comes."""
    from enrichment.leads.columns import COLUMNS

    with bench.leads() as database:
        headers = {**staff.cookies(), "Content-Type": "application/x-www-form-urlencoded"}
        with web(bench.environment(database)) as (port, process):
            everything = urlencode([("column", column.key) for column in COLUMNS])
            _post(port, "/leads/columns/", everything, headers)
            _post(port, PATH, urlencode({"query": "status=in_progress"}), headers)  # warm
            seconds, lines, grown = _exported(port, process, headers)
        copied = _copied(bench, database.name)
    yield Figure("export", seconds, "s", reference=copied, aim=ratio_at_most(4.0), note=f"{len(COLUMNS)} columns")
    yield Figure("export, memory", grown / MEGABYTE, "MB", aim=at_most(50.0))
    yield Figure("export, leads in the file", 100 * (lines - 1) / bench.size, "%", aim=at_least(100.0))


def _post(port: int, path: str, body: str, headers: dict[str, str]) -> None:
    connection = http.client.HTTPConnection(HOST, port, timeout=600)
    connection.request("POST", path, body, {**headers, "Origin": f"http://{HOST}:{port}"})
    answer = connection.getresponse()
    answer.read()
    if answer.status not in (200, 302):
        raise RuntimeError(f"{path} answered {answer.status}")
    connection.close()


def _exported(port: int, process: psutil.Process, headers: dict[str, str]) -> tuple[float, int, int]:
    """(seconds, lines, bytes by which the server's memory grew at most)."""
    before = resident(process)
    highest, done = [before], threading.Event()

    def watch() -> None:
        while not done.wait(0.2):
            highest.append(resident(process))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    started = time.perf_counter()
    connection = http.client.HTTPConnection(HOST, port, timeout=600)
    connection.request("POST", PATH, urlencode({"query": ""}), {**headers, "Origin": f"http://{HOST}:{port}"})
    answer = connection.getresponse()
    lines = 0
    while piece := answer.read(PIECE):
        lines += piece.count(b"\n")
    seconds = time.perf_counter() - started
    done.set()
    watcher.join()
    if answer.status != 200:
        raise RuntimeError(f"the export answered {answer.status}")
    return seconds, lines, max(highest) - before


def _copied(bench: Bench, database: str) -> float:
    from enrichment.leads.columns import COLUMNS, fields_of
    from enrichment.models import Lead

    names = ", ".join(str(Lead._meta.get_field(name).column) for name in fields_of(COLUMNS))
    with bench.databases.connect(database) as connection:
        started = time.perf_counter()
        ordered = f"SELECT {names} FROM {TABLE} ORDER BY received_at DESC, id DESC"  # noqa: S608 - names of our own columns
        with connection.cursor().copy(f"COPY ({ordered}) TO STDOUT (FORMAT csv, HEADER)") as out:
            for _ in out:
                pass
        return time.perf_counter() - started
