"""The programs under measurement, each as a process of its own, gone at the end."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil

from tests.bench.databases import ROOT
from tests.ports import free_port

HOST = "127.0.0.1"
START_SECONDS = 60.0
PRODUCT = "swarm_admin.asgi:application"
STOCK_ADMIN = "tests.bench.reference.stock_wsgi:application"
BARE_VIEW = "tests.bench.reference.bare:application"


def until(condition: Callable[[], Any], seconds: float, *, every: float = 0.05) -> Any:
    """The condition's first true value. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(every)
    raise TimeoutError(f"did not come true within {seconds:g} s")


@contextlib.contextmanager
def running(command: list[str], environment: dict[str, str]) -> Iterator[psutil.Process]:
    """The command in a process group of its own, which is ended with the block."""
    process = subprocess.Popen(command, env=environment, cwd=ROOT, start_new_session=True)
    try:
        yield psutil.Process(process.pid)
        if process.poll() is not None:
            raise RuntimeError(f"{' '.join(command[:4])} … ended by itself, with status {process.returncode}")
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def is_over(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def web(environment: dict[str, str], application: str = PRODUCT) -> Iterator[tuple[int, psutil.Process]]:
    """(port, process) of granian with one worker: the product as `manage.py serve` starts it, others as WSGI."""
    from swarm_admin import processes

    port = free_port()
    command = processes.web(HOST, port).arguments
    if application != PRODUCT:  # stock Django, as granian serves it: a thread for each request under way
        threads = environment.get("WEB_THREADS", "4")
        options = ["--interface", "wsgi", "--no-ws", "--log-level", "warning", "--blocking-threads", threads]
        command = [*command[:3], *options, "--host", HOST, "--port", str(port), application]
    own = {"BASE_URL": f"http://{HOST}:{port}", "PORT": str(port)}
    with running(command, {**environment, **own}) as process:
        until(lambda: listens(port), START_SECONDS)
        yield port, process


@contextlib.contextmanager
def sandbox(**switches: Any) -> Iterator[str]:
    """The address of the vendors' stand-ins."""
    import json

    port = free_port()
    command = [
        sys.executable,
        "-m",
        "swarm_admin.sandbox",
        "--port",
        str(port),
        "--config",
        json.dumps(switches),
    ]
    with running(command, dict(os.environ)):
        until(lambda: listens(port), START_SECONDS)
        yield f"http://{HOST}:{port}"


def resident(process: psutil.Process) -> int:
    """Bytes of memory of the process and all it started."""
    return sum(each.memory_info().rss for each in [process, *process.children(recursive=True)])
