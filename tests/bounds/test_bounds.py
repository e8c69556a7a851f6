"""No text keeps a reader busy: each parser is fed megabytes in a process whose use of the processor is limited."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bounds.parsers import PARSERS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(600)  # of the clock, on a machine that does much else; the limit that counts is the processor's
def test_every_parser_reads_every_text_within_its_limit():
    command = [sys.executable, "-W", "ignore", "-m", "tests.bounds.feed"]
    environment = {**os.environ, "SWARM_MODE": "test", "DJANGO_SETTINGS_MODULE": "swarm_admin.settings"}
    fed = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    told = fed.stdout.splitlines()
    assert told[-1] == "fed", f"killed while it read: {told[-1]}\n{fed.stderr[-2000:]}"
    assert fed.returncode == 0, [line for line in told if line.startswith("RAISED")]


def test_a_parser_that_takes_too_long_is_killed():
    """The limit holds: a search in square time over such a text does not come back."""
    search = "re.findall('[^ @]+@', 'r' * 400_000)"
    slow = f"import re; from tests.bounds import feed; feed.limit(2); {search}; print('back')"
    fed = subprocess.run([sys.executable, "-c", slow], cwd=ROOT, capture_output=True, text=True, check=False)
    assert fed.returncode == -24, "SIGXCPU"
    assert "back" not in fed.stdout


def test_every_module_with_a_regular_expression_is_fed():
    """Whoever reads text from outside in a new place enters it in `tests.bounds.parsers`."""
    files = [path for root in ("enrichment", "gdpr", "swarm_admin/core") for path in (ROOT / root).rglob("*.py")]
    using = {path for path in files if _imports_re(path)}
    fed = {_file(parser.module) for parser in PARSERS.values()}
    assert not {str(path.relative_to(ROOT)) for path in using - fed}
    assert len(using) > 5


def _imports_re(path: Path) -> bool:
    return any(
        isinstance(node, ast.Import) and any(name.name == "re" for name in node.names)
        for node in ast.walk(ast.parse(path.read_text()))
    )


def _file(thing: object) -> Path:
    name = thing.__name__ if hasattr(thing, "__path__") or hasattr(thing, "__file__") else thing.__module__
    return Path(str(sys.modules[name].__file__))
