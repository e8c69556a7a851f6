"""The machinery of the benchmarks: what is written, how it is judged, and that the real ones run at all."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bench import report
from tests.bench.__main__ import choose, run
from tests.bench.bench import Bench
from tests.bench.databases import ROOT, Databases
from tests.bench.load import percentile
from tests.bench.registry import (
    Aim,
    Benchmark,
    Figure,
    at_least,
    at_most,
    ratio_at_least,
    ratio_at_most,
    registered,
)
from tests.settings import TEST_DIR

SIZE = 2_000


def measuring(*figures: Figure, fails: bool = False) -> Benchmark:
    def measure(bench: Bench) -> Iterator[Figure]:
        yield from figures
        if fails:
            raise RuntimeError("the server went away")

    return Benchmark("invented", "an aim", measure)


def judged(tmp_path: Path, *chosen: Benchmark) -> tuple[int, list[dict[str, Any]]]:
    """The exit status, and what was written."""
    results = tmp_path / "results.jsonl"
    status = run(list(chosen), Databases(tmp_path), SIZE, results)
    return status, [json.loads(line) for line in results.read_text().splitlines()]


@pytest.mark.parametrize(
    ("aim", "met"),
    [
        (at_most(10.0), True),
        (at_most(9.9), False),
        (at_least(10.0), True),
        (at_least(10.1), False),
        (ratio_at_most(2.0), True),
        (ratio_at_most(1.9), False),
        (ratio_at_least(2.0), True),
        (ratio_at_least(2.1), False),
    ],
)
def test_an_aim_bounds_the_value_or_the_ratio(aim: Aim, met: bool) -> None:
    assert Figure("f", 10.0, "ms", reference=5.0, aim=aim).met is met


def test_a_ratio_without_a_reference_is_not_met() -> None:
    assert not Figure("f", 1.0, "ms", aim=ratio_at_most(5.0)).met


def test_every_aim_met_is_exit_status_0_and_the_last_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figure = Figure("quick", 2.0, "ms", reference=4.0, aim=at_most(3.0), note="one person")
    status, written = judged(tmp_path, measuring(figure, Figure("told only", 9.0, "s")))
    assert status == 0
    assert capsys.readouterr().out.splitlines()[-1] == "MET: all 1 aims."
    assert written[0] | {"at": "", "machine": ""} == {
        "at": "", "name": "quick", "value": 2.0, "unit": "ms", "reference": 4.0, "ratio": 0.5, "aim": "≤ 3",
        "met": True, "note": "one person", "size": SIZE, "machine": "",
    }  # fmt: skip
    assert written[0]["machine"] == report.machine()
    assert written[1]["met"] is None


def test_a_missed_aim_is_exit_status_1_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, written = judged(tmp_path, measuring(Figure("slow", 5.0, "ms", aim=at_most(3.0))))
    assert status == 1
    assert capsys.readouterr().out.splitlines()[-1] == "NOT MET: 1 of 1 aims missed: slow."
    assert written[0]["met"] is False


def test_a_benchmark_that_breaks_is_not_met_and_keeps_what_it_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = Figure("quick", 1.0, "ms", aim=at_most(3.0))
    status, written = judged(tmp_path, measuring(good, fails=True), measuring(good))
    assert status == 1
    assert capsys.readouterr().out.splitlines()[-1] == "NOT MET: did not run to the end: invented."
    assert len(written) == 2


def test_nothing_measured_is_not_met(tmp_path: Path) -> None:
    assert run([measuring()], Databases(tmp_path), SIZE, tmp_path / "results.jsonl") == 1


def test_benchmarks_are_chosen_by_name() -> None:
    known = registered()
    assert {"list", "webhook", "pipeline", "import", "export", "locate"} <= known.keys()
    assert [each.name for each in choose(known, "import, list")] == ["import", "list"]
    with pytest.raises(SystemExit, match="No benchmark is called speed"):
        choose(known, "speed")


def test_percentiles_are_values_that_were_measured() -> None:
    assert [percentile([4.0, 1.0, 3.0, 2.0], share) for share in (0.5, 0.95, 1.0)] == [2.0, 4.0, 4.0]


def test_the_real_ones_measure_what_is_there(tmp_path: Path) -> None:
    """Every lead is exported, taken in and found; whether that was quick enough is not asked here."""
    environment = {**os.environ, "VAR_DIR": str(TEST_DIR)}
    results = TEST_DIR / "bench" / "results.jsonl"
    command = [sys.executable, "-m", "tests.bench", "--only", "export,import,locate", "--size", str(SIZE)]
    with (TEST_DIR / "bench.lock").open("w") as lock:  # its tables are kept, and so everybody's
        fcntl.flock(lock, fcntl.LOCK_EX)
        results.unlink(missing_ok=True)
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
        written = {each["name"]: each for each in map(json.loads, results.read_text().splitlines())}
    assert written["export, leads in the file"]["value"] == 100, done.stderr
    assert written["import, rows accounted for"]["value"] == 100
    assert {name: written[f"locate by {name}, found"]["value"] for name in ("e-mail", "phone", "URL")} == {
        "e-mail": 100, "phone": 100, "URL": 100,
    }  # fmt: skip
    missed = [each for each in written.values() if each["met"] is False]
    assert done.returncode == (1 if missed else 0)
    assert done.stdout.splitlines()[-1].startswith("NOT MET: " if missed else "MET: ")
