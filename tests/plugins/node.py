"""JavaScript for tests: one Node process a module, which runs formulas over batches of leads."""

import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# (source of the formula, leads) → (score, tier) of each
Javascript = Callable[[str, list[dict[str, Any]]], list[tuple[float, str]]]

NO_NODE = "no Node found (node on PATH or in .venv/bin)"
SKIPPED = pytest.StashKey[int]()


def node_path() -> str | None:
    """Where the Makefile looks: PATH, then the wheel in .venv."""
    return shutil.which("node") or shutil.which("node", path=str(Path(sys.executable).parent))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What runs JavaScript needs Node; without one it is skipped, or an error with REQUIRE_BROWSER=1."""
    marked = [item for item in items if item.get_closest_marker("node")]
    if not marked or node_path():
        return
    if os.environ.get("REQUIRE_BROWSER") == "1":
        raise pytest.UsageError(f"REQUIRE_BROWSER=1, and {NO_NODE}.")
    config.stash[SKIPPED] = len(marked)
    for item in marked:
        item.add_marker(pytest.mark.skip(reason=NO_NODE))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if count := config.stash.get(SKIPPED, 0):
        terminalreporter.section("JAVASCRIPT TESTS DID NOT RUN", sep="!", red=True, bold=True)
        terminalreporter.line(f"{count} tests did not run: {NO_NODE}.", red=True, bold=True)


def _in_json(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "number:NaN" if math.isnan(value) else f"number:{'-' if value < 0 else ''}Infinity"
    return value


@pytest.fixture(scope="module")
def javascript() -> Iterator[Javascript]:
    """Runs `calculateIcpScore` and `assignTier` of a source over leads, in strict mode."""
    script = Path(__file__).with_name("node_formula.js")
    command = [str(node_path()), str(script)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout

        def run(source: str, leads: list[dict[str, Any]]) -> list[tuple[float, str]]:
            rows = [{key: _in_json(value) for key, value in lead.items()} for lead in leads]
            process.stdin.write(json.dumps({"source": source, "leads": rows}).encode() + b"\n")
            process.stdin.flush()
            answer = process.stdout.readline()
            assert answer, "Node ended before it answered"
            told = json.loads(answer)
            assert isinstance(told, list), told
            return [(score, tier) for score, tier in told]

        yield run
        process.stdin.close()
