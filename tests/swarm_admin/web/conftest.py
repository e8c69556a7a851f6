"""A real web process with short limits."""

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

from swarm_admin import processes
from tests.plugins.sandbox import free_port, wait_for

SECONDS = 2.0
LIMITS = {
    "BODY_TIMEOUT_SECONDS": str(SECONDS),
    "HEADER_TIMEOUT_SECONDS": str(SECONDS),
    "RESPONSE_TIMEOUT_SECONDS": str(SECONDS),
}


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@pytest.fixture
def start_web() -> Iterator[Callable[..., tuple[int, psutil.Process]]]:
    """(port, process) of the web process as `serve` starts it, with the tests' limits; ended with the test."""
    running: list[subprocess.Popen[bytes]] = []

    def start(environment: dict[str, str], application: str = "") -> tuple[int, Any]:
        port = free_port()
        command = processes.web("127.0.0.1", port).arguments
        at = command.index("--http1-header-read-timeout")
        command[at + 1] = str(round(SECONDS * 1000))  # this process has read its settings already
        if application:
            command[-1] = application
        own = {"BASE_URL": f"http://127.0.0.1:{port}", "SWARM_MODE": "test", "LOG_LEVEL": "ERROR", **LIMITS}
        running.append(subprocess.Popen(command, env={**environment, **own}, start_new_session=True))
        wait_for(lambda: listens(port), 40)
        return port, psutil.Process(running[-1].pid)

    yield start
    for process in running:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
