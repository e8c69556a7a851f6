"""What some tests need of this machine: without it they are skipped, loudly, or fail with REQUIRE_BROWSER=1."""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


def chromium_path() -> str | None:
    """The browser the browser tests drive; None if this machine has none."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if name and (path := shutil.which(name))), None)


def node_path() -> str | None:
    """Where the Makefile looks: PATH, then the wheel in .venv."""
    return shutil.which("node") or shutil.which("node", path=str(Path(sys.executable).parent))


@dataclass(frozen=True)
class Tool:
    """`tests` are those with the marker, in the plural; `missing` says what was looked for."""

    marker: str
    tests: str
    missing: str
    path: Callable[[], str | None]


TOOLS = (
    Tool("browser", "browser tests", "no Chromium found (chromium, google-chrome or CHROMIUM)", chromium_path),
    Tool("node", "JavaScript tests", "no Node found (node on PATH or in .venv/bin)", node_path),
)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before anything is set up for the test. Each test is looked at where it runs: another process sums up."""
    for tool in TOOLS:
        if item.get_closest_marker(tool.marker) and not tool.path():
            if os.environ.get("REQUIRE_BROWSER") == "1":
                pytest.fail(f"REQUIRE_BROWSER=1, and {tool.missing}.", pytrace=False)
            pytest.skip(tool.missing)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reasons = [str(report.longrepr[2]) for report in terminalreporter.getreports("skipped")]
    for tool in TOOLS:
        if count := sum(reason.endswith(tool.missing) for reason in reasons):
            terminalreporter.section(f"{tool.tests.upper()} DID NOT RUN", sep="!", red=True, bold=True)
            terminalreporter.line(f"{count} {tool.tests} did not run: {tool.missing}.", red=True, bold=True)
