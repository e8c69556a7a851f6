"""One `demo` or `serve` on one place, and said in one sentence."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django import Settings

from swarm_admin import processes

HOLD = """
import fcntl, sys
handle = open(sys.argv[1], "a")
fcntl.flock(handle, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other_one(tmp_path: Path) -> Iterator[subprocess.Popen]:
    """Another process that runs on `tmp_path`."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / processes.RUNNING)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.mark.parametrize(("command", "mode"), [("demo", "demo"), ("serve", "production")])
def test_second_one_on_the_same_place_is_refused(
    other_one: subprocess.Popen, tmp_path: Path, settings: Settings, command: str, mode: str
) -> None:
    settings.MODE, settings.DATA_DIR = mode, tmp_path
    again = "Stop it first, or set VAR_DIR to another directory"
    with pytest.raises(CommandError, match=rf"is already running on .* {again}\.$"):
        call_command(command)


def test_reset_leaves_a_running_demo_alone(other_one: subprocess.Popen, tmp_path: Path, settings: Settings) -> None:
    settings.MODE, settings.DATA_DIR = "demo", tmp_path
    (tmp_path / "sandbox.state").write_text("kept")
    with pytest.raises(CommandError, match="already"):
        call_command("demo", reset=True)
    assert (tmp_path / "sandbox.state").read_text() == "kept"


def test_killed_one_holds_nothing(other_one: subprocess.Popen, tmp_path: Path) -> None:
    other_one.kill()
    other_one.wait()
    with processes.only_one(tmp_path), pytest.raises(CommandError), processes.only_one(tmp_path):
        pass


def test_deleted_data_stays_held(tmp_path: Path) -> None:
    with processes.only_one(tmp_path):
        (tmp_path / "postgres").mkdir()
        (tmp_path / "postgres" / "PG_VERSION").write_text("18")
        (tmp_path / "api-key").write_text("x")
        processes.delete_data(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == [processes.RUNNING]
        with pytest.raises(CommandError), processes.only_one(tmp_path):
            pass
