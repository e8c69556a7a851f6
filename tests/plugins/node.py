"""JavaScript for tests: one Node process a module, which runs formulas over batches of leads."""

import json
import math
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.tools import node_path

# (source of the formula, leads) → (score, tier) of each
Javascript = Callable[[str, list[dict[str, Any]]], list[tuple[float, str]]]


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
