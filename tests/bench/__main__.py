"""`python -m tests.bench [--only list,export] [--size 1000000]`: build the data, measure, tell, judge."""

import argparse
import os
import signal
import sys
from pathlib import Path

from swarm_admin import embedded
from tests.bench import report
from tests.bench.databases import ROOT, Databases
from tests.bench.registry import Benchmark, Figure, registered

SIZE = 1_000_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", default="", help="names, separated by commas; empty is all")
    parser.add_argument("--size", type=int, default=SIZE, help="leads in the table")
    options = parser.parse_args()
    place = Path(os.environ.get("VAR_DIR") or ROOT / "var") / "bench"
    place.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    with embedded.attached(place):
        databases = prepare(place)
        chosen = choose(registered(), options.only)
        return run(chosen, databases, options.size, place / "results.jsonl")


def prepare(place: Path) -> Databases:
    """The server's empty database, and Django set up on it."""
    databases = Databases(place)
    os.environ |= {
        "SWARM_MODE": "test",
        "VAR_DIR": str(place),
        "DATABASE_URL": databases.url(databases.empty),
        "REDIS_URL": embedded.redis_url(place),
        "DJANGO_SETTINGS_MODULE": "swarm_admin.settings",
        "LOG_LEVEL": "ERROR",
    }
    for name in ("vendor", "static", "test"):  # pages only name what is in the first two
        (place / name).mkdir(exist_ok=True)
    databases.build_empty()
    import django

    django.setup()
    return databases


def choose(known: dict[str, Benchmark], only: str) -> list[Benchmark]:
    """Raises SystemExit with a sentence for a name there is no benchmark of."""
    names = [name.strip() for name in only.split(",") if name.strip()]
    if unknown := [name for name in names if name not in known]:
        raise SystemExit(f"No benchmark is called {', '.join(unknown)}; there are {', '.join(known)}.")
    return [known[name] for name in names] or list(known.values())


def run(chosen: list[Benchmark], databases: Databases, size: int, results: Path) -> int:
    """Measure one after the other; the exit status."""
    from tests.bench.bench import Bench

    say(f"{size:,} leads on {report.machine()}")
    say(report.HEADER)
    figures: list[Figure] = []
    broken: list[str] = []
    for each in chosen:
        measured: list[Figure] = []
        try:
            for figure in each.measure(Bench(databases, size)):
                measured.append(figure)
                say(report.line(figure))
        except Exception as error:  # the others are measured all the same
            broken.append(each.name)
            say(f"{each.name}: {type(error).__name__}: {error}")
        report.append(results, measured, size=size)
        figures += measured
    sentence, status = report.verdict(figures, broken)
    say(sentence)
    return status


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
