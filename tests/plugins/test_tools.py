"""A missing browser is told in red at the end, or fails the run, in one process or in several."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.settings import ROOT

TWO_TESTS = """
import pytest

@pytest.mark.browser
def test_in_a_browser():
    raise AssertionError("this machine has none")

def test_without():
    pass
"""


def run(directory: Path, processes: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """The two tests, by the suite's own plugin, on a machine without a Chromium."""
    (directory / "test_two.py").write_text(TWO_TESTS)
    (directory / "pytest.ini").write_text("[pytest]\nmarkers = browser\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "xdist",
        "-p",
        "tests.plugins.tools",
        "-n",
        processes,
        ".",
    ]
    bare = {"PATH": "/nowhere", "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(
        command, cwd=directory, env={**bare, **environment}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("processes", ["0", "2"])
def test_without_a_browser_its_tests_are_skipped_loudly(tmp_path: Path, processes: str) -> None:
    done = run(tmp_path, processes)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "!! BROWSER TESTS DID NOT RUN !!" in done.stdout
    assert "1 browser tests did not run: no Chromium found" in done.stdout
    assert "1 passed, 1 skipped in" in done.stdout.splitlines()[-1]


@pytest.mark.parametrize("processes", ["0", "2"])
def test_where_a_browser_is_required_the_run_fails_without_one(tmp_path: Path, processes: str) -> None:
    done = run(tmp_path, processes, REQUIRE_BROWSER="1")
    assert done.returncode == 1
    assert "REQUIRE_BROWSER=1, and no Chromium found" in done.stdout
    assert "1 passed, 1 error in" in done.stdout.splitlines()[-1]
