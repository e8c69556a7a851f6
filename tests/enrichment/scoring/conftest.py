"""The published formula, run by Node."""

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from enrichment.scoring.engine import Engine
from enrichment.scoring.scorecard import PUBLISHED, Scorecard

Published = Callable[[list[dict[str, Any]]], list[tuple[float, str]]]


def node() -> str:
    found = shutil.which("node") or shutil.which("node", path=str(Path(sys.executable).parent))
    if not found:
        pytest.fail(
            "These tests run the published JavaScript and need Node: no `node` on PATH or in .venv/bin."
        )
    return found


def _in_json(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "number:NaN" if math.isnan(value) else "number:Infinity"
    return value


@pytest.fixture(scope="module")
def published_javascript() -> Iterator[Published]:
    """Scores and tier names of leads by the published JavaScript: one Node process for a whole module."""
    script = Path(__file__).with_name("published_run.js")
    with subprocess.Popen([node(), str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout

        def score(leads: list[dict[str, Any]]) -> list[tuple[float, str]]:
            line = json.dumps([{key: _in_json(value) for key, value in lead.items()} for lead in leads])
            process.stdin.write(line.encode() + b"\n")
            process.stdin.flush()
            answer = process.stdout.readline()
            assert answer, "Node ended before it answered"
            return [(score, tier) for score, tier in json.loads(answer)]

        yield score
        process.stdin.close()


@pytest.fixture(scope="session")
def card() -> Scorecard:
    return Scorecard.model_validate(PUBLISHED)


@pytest.fixture(scope="session")
def engine(card: Scorecard) -> Engine:
    return Engine(card)
