"""The supervisor: starts again what ends, stops everything, leaves nothing behind."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from swarm_admin.supervisor import FAILED_STARTS_MAX
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
# A child with a child of its own, which only a signal to the whole group reaches.
PARENT = """
import subprocess, time
print("kid", subprocess.Popen(["sleep", "600"]).pid, flush=True)
time.sleep(600)
"""
RUN = """
import sys
from swarm_admin.supervisor import Program, Supervisor
programs = [Program(name, [sys.executable, "-c", code]) for name, code in zip(sys.argv[1::2], sys.argv[2::2])]
sys.exit(Supervisor(programs, keep_alive=lambda: None, out=sys.stdout).run())
"""


class Running:
    """A supervisor in a process of its own, read line by line."""

    def __init__(self, *programs: str) -> None:
        command = [sys.executable, "-c", RUN, *programs]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    def next_match(self, pattern: str) -> re.Match[str]:
        for line in self.process.stdout:
            if match := re.search(pattern, line):
                return match
        raise AssertionError(f"The supervisor ended before printing {pattern!r}.")


@pytest.fixture
def supervisor(request: pytest.FixtureRequest) -> Iterator[Running]:
    running = Running(*request.param)
    yield running
    running.process.terminate()  # it ends what it started
    running.process.communicate(timeout=120)


def is_alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("supervisor", [("parent", PARENT)], indirect=True)
def test_signal_ends_children_and_grandchildren(supervisor: Running, number: signal.Signals) -> None:
    kid = int(supervisor.next_match(r"kid (\d+)")[1])
    parent = psutil.Process(kid).ppid()
    os.kill(supervisor.process.pid, number)
    assert supervisor.process.wait(timeout=120) == 0
    assert not is_alive(parent)
    assert not is_alive(kid)


# Its child holds a port, as a web server's does, and outlives it unless it is ended too.
LISTENING = """
import os, socket, sys, time
server = socket.create_server(("127.0.0.1", int(os.environ["LISTEN_ON"])))
if (kid := os.fork()) == 0:
    time.sleep(600)
print("kid", kid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("supervisor", [("parent", PARENT)], indirect=True)
def test_killed_program_is_started_again_without_its_old_children(supervisor: Running) -> None:
    first = int(supervisor.next_match(r"kid (\d+)")[1])
    os.kill(psutil.Process(first).ppid(), signal.SIGKILL)
    second = int(supervisor.next_match(r"kid (\d+)")[1])
    assert not is_alive(first)
    assert is_alive(second)


def test_killed_program_gets_its_port_back(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("LISTEN_ON", str(port))
    running = Running("web", LISTENING)
    try:
        first = int(running.next_match(r"kid (\d+)")[1])
        os.kill(psutil.Process(first).ppid(), signal.SIGKILL)
        line = running.next_match(r"kid (\d+)|Address already in use")
        assert line[1], line[0]
    finally:
        running.process.terminate()
        running.process.communicate(timeout=120)
    with socket.create_server(("127.0.0.1", port)) as again:
        assert again.getsockname()[1] == port


@pytest.mark.parametrize("supervisor", [("parent", PARENT)], indirect=True)
def test_programs_end_with_a_killed_supervisor(supervisor: Running) -> None:
    kid = int(supervisor.next_match(r"kid (\d+)")[1])
    parent = psutil.Process(psutil.Process(kid).ppid())
    supervisor.process.kill()
    while parent.is_running() and parent.status() != psutil.STATUS_ZOMBIE:
        pass  # pytest-timeout bounds it
    os.kill(kid, signal.SIGKILL)
    assert not is_alive(parent.pid)


@pytest.mark.parametrize("supervisor", [("parent", PARENT)], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_program_killed_again_and_again_is_not_given_up(supervisor: Running, number: signal.Signals) -> None:
    """Whoever kills it, an orchestrator, the kernel for want of memory, the work itself: it did start."""
    for _ in range(FAILED_STARTS_MAX):
        kid = int(supervisor.next_match(r"kid (\d+)")[1])
        os.kill(psutil.Process(kid).ppid(), number)
    assert int(supervisor.next_match(r"kid (\d+)")[1])


def test_servers_that_do_not_come_back_yet_do_not_end_the_programs() -> None:
    command = [sys.executable, "-c", RUN.replace("lambda: None", "lambda: 1 / 0"), "parent", PARENT]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        lines = iter(process.stdout)  # type: ignore[arg-type]
        kid = int(next(found for line in lines if (found := re.search(r"kid (\d+)", line)))[1])
        assert next(line for line in lines if "servers" in line).rstrip().endswith("Trying again.")
        assert is_alive(kid)
        assert process.poll() is None
    finally:
        process.terminate()
        process.communicate(timeout=120)


@pytest.mark.parametrize("supervisor", [("broken", "raise SystemExit(3)")], indirect=True)
def test_program_that_cannot_start_ends_everything(supervisor: Running) -> None:
    supervisor.next_match(r"stopped 5 times in a row \(last exit code 3\)\. Giving up")
    assert supervisor.process.wait(timeout=120) == 1
