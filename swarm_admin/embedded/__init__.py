"""PostgreSQL and Redis from their PyPI wheels, for when no address of a server is configured.

Both listen on Unix sockets that only their owner may open, and keep their data under one directory.
They belong to nobody in particular: every process that needs them *attaches* (`start`), which starts
what is not running, and *detaches* (`release`); whoever detaches last stops them. The count is kept by
shared file locks, which the kernel drops with a killed process, so it cannot go stale.

This module is imported by the settings: it must not import Django, and computing an address starts nothing.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from swarm_admin.embedded import postgres, redis_server
from swarm_admin.embedded.paths import ServerFailed, prepare_directories, run_dir

__all__ = ["ServerFailed", "attached", "database_url", "redis_url", "release", "run_dir", "start", "stop"]


def database_url(var_dir: Path, name: str = postgres.DATABASE) -> str:
    """The address of the bundled PostgreSQL, as `DATABASE_URL` takes it."""
    return f"postgres://{postgres.OWNER}@/{name}?host={run_dir(var_dir) / 'pg'}"


def redis_url(var_dir: Path, number: int = 0) -> str:
    """The address of the bundled Redis, as `REDIS_URL` takes it; `number` is the logical database."""
    return f"unix://{run_dir(var_dir) / 'redis.sock'}?db={number}"


_attached: dict[Path, IO[str]] = {}


def start(var_dir: Path, *, durable: bool = True) -> None:
    """Attach this process: start what is not running, create the database. Again is harmless.

    `durable=False` (tests) trades safety against power loss for speed; it counts only for the one who starts.

    Raises:
        ServerFailed: a server did not start, with its log's path.
    """
    var_dir = Path(var_dir).resolve()
    prepare_directories(var_dir)
    with _transition(var_dir):
        if var_dir not in _attached:
            handle = (var_dir / "run.users").open("w")
            fcntl.flock(handle, fcntl.LOCK_SH)
            _attached[var_dir] = handle
        postgres.ensure(var_dir, durable)
        redis_server.ensure(var_dir, durable)


def release(var_dir: Path) -> bool:
    """Detach this process; stop the servers, and return True, if no other process is attached."""
    var_dir = Path(var_dir).resolve()
    if var_dir not in _attached:
        return False
    with _transition(var_dir):
        _attached.pop(var_dir).close()
        with (var_dir / "run.users").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            _stop_servers(var_dir)
            return True


def stop(var_dir: Path) -> None:
    """Stop both servers whoever is attached (a reset of the data)."""
    var_dir = Path(var_dir).resolve()
    if var_dir.exists():
        with _transition(var_dir):
            _stop_servers(var_dir)


@contextlib.contextmanager
def attached(var_dir: Path, *, durable: bool = True) -> Iterator[None]:
    """`start` for the length of a block, then `release`; a forked child leaves without stopping anything."""
    me = os.getpid()
    start(var_dir, durable=durable)
    try:
        yield
    finally:
        if os.getpid() == me:
            release(var_dir)


@contextlib.contextmanager
def _transition(var_dir: Path) -> Iterator[None]:
    """One process at a time starts or stops."""
    with (var_dir / "run.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _stop_servers(var_dir: Path) -> None:
    postgres.stop(var_dir)
    redis_server.stop(var_dir)
