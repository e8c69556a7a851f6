"""The programs the product is made of, as command lines, for `serve` and `demo`."""

import contextlib
import errno
import fcntl
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError

from swarm_admin import embedded
from swarm_admin.supervisor import Program

MANAGE = str(settings.BASE_DIR / "manage.py")
# Everyone tries a demo as root in a container; in production Celery's warning about it is worth reading.
_QUIET = ["-W", "ignore:You're running the worker with superuser"] if settings.MODE == "demo" else []
CELERY = [sys.executable, *_QUIET, "-m", "celery", "--quiet", "--app", "swarm_admin"]


def manage(*arguments: str) -> list[str]:
    """A management command in a process of its own."""
    return [sys.executable, MANAGE, *arguments]


def web(host: str, port: int) -> Program:
    """The server that answers people and programs; see swarm_admin/asgi.py."""
    options = {
        "--interface": "asginl",
        "--http": "1",  # a guess between 1 and 2 waits for ever for a client that says nothing
        "--log-level": "warning",
        "--host": host,
        "--port": str(port),
        "--workers": os.environ.get("WEB_WORKERS", "1"),
        "--backpressure": str(settings.WEB_CONNECTIONS),
        "--http1-header-read-timeout": str(round(settings.HEADER_TIMEOUT_SECONDS * 1000)),
        "--http1-buffer-size": str(64 * 1024),  # of a head, while its end is awaited
    }
    arguments = [word for option in options.items() for word in option]
    application = "swarm_admin.asgi:application"
    return Program("web", [sys.executable, "-m", "granian", "--no-ws", *arguments, application])


def workers() -> list[Program]:
    """WORKER_PROCESSES of them, by default one for each processor up to four: a process uses one at most."""
    wanted = os.environ.get("WORKER_PROCESSES", "")
    count = int(wanted) if wanted.isdecimal() and int(wanted) else min(os.cpu_count() or 1, 4)
    return [worker(number) for number in range(1, count + 1)]


def worker(number: int = 1) -> Program:
    # Threads: the work is waiting for vendors, and one process holds far fewer connections than eight.
    concurrency = os.environ.get("WORKER_THREADS", "8")
    options = ["--pool", "threads", "--concurrency", concurrency, "--loglevel", "WARNING"]
    options += ["--without-gossip", "--without-mingle", "--hostname", f"worker{number}@%h"]
    return Program("worker" if number == 1 else f"worker{number}", [*CELERY, "worker", *options])


def quarantine() -> Program:
    """Does the work that workers were lost over, alone."""
    return Program("quarantine", manage("quarantine"))


def beat() -> Program:
    options = [
        "--schedule",
        str(settings.DATA_DIR / "beat-schedule"),
        "--pidfile",
        "",
        "--loglevel",
        "WARNING",
    ]
    return Program("beat", [*CELERY, "beat", *options])


def require_port(host: str, port: int, variable: str) -> None:
    """Raise one sentence if something listens there already."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = "is taken" if error.errno == errno.EADDRINUSE else f"can't be used ({error.strerror})"
            raise CommandError(f"Port {port} {reason}. Choose another with {variable}={port + 1}.") from error


RUNNING = "running.lock"


@contextlib.contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Hold `data_dir` for this `demo` or `serve`; raise one sentence if another one runs on it.

    Two would share the clock's schedule and the stand-ins' records. The kernel lets go with a killed process.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / RUNNING).open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(
                f"Swarm Admin is already running on {data_dir}. Stop it first, or set VAR_DIR to another directory."
            ) from None
        yield


def delete_data(data_dir: Path) -> None:
    """Delete everything in `data_dir` but the file that says who runs on it."""
    for path in data_dir.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != RUNNING:
            path.unlink()


def keep_servers() -> None:
    """Bring bundled servers back that were killed; a few milliseconds when they run."""
    if settings.EMBEDDED:
        embedded.start(settings.DATA_DIR)
