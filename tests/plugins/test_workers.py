"""Runs beside this one take nothing of it away."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.settings import ROOT

MAKES_ITS_OWN = "def test_of_another_run(tmp_path):\n    assert tmp_path.is_dir()\n"


@pytest.fixture
def open_to_others(tmp_path: Path) -> Path:
    """As the bundled PostgreSQL, which another account runs, needs every directory above its own."""
    for parent in [tmp_path, *tmp_path.parents]:
        if parent.stat().st_mode & 0o001 == 0:
            parent.chmod(parent.stat().st_mode | 0o001)
    return tmp_path


def test_another_run_does_not_close_the_way_to_this_ones_files(open_to_others: Path) -> None:
    test = open_to_others / "test_other.py"
    test.write_text(MAKES_ITS_OWN)
    (open_to_others / "pytest.ini").write_text("[pytest]\n")
    bare = {"PATH": "/nowhere", "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-q", str(test)]
    done = subprocess.run(command, cwd=open_to_others, env=bare, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert all(parent.stat().st_mode & 0o001 for parent in [open_to_others, *open_to_others.parents])
