"""One migrated database for all runs over the same migrations; each run begins with a copy of it."""

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import psycopg
from django.conf import settings

from swarm_admin import embedded
from tests.settings import ROOT, TEST_DIR

PREFIX = "prepared_"
SOURCES = (
    "*/migrations/*.py",
    "*/*/migrations/*.py",
    "*/seeds.py",
    "*/access/roles.py",
    "*/waterfall/catalogue.py",
)


def prepared_database() -> str:
    """The name of a database to which all migrations have been applied; made where there is none yet."""
    name = PREFIX + _fingerprint()
    with open(TEST_DIR / "prepared.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with psycopg.connect(embedded.database_url(TEST_DIR, "postgres"), autocommit=True) as server:
            known = [row[0] for row in server.execute("SELECT datname FROM pg_database").fetchall()]
            if name not in known:
                for stale in known:
                    if stale.startswith(PREFIX):
                        server.execute(f'DROP DATABASE IF EXISTS "{stale}"')
                _make(server, name)
    return name


def _fingerprint() -> str:
    """Of every file that decides what a new database holds, and of Django."""
    found = hashlib.sha256(f"{settings.SECRET_KEY}".encode())
    lock = ROOT / "requirements.lock"
    for path in sorted({path for pattern in SOURCES for path in ROOT.glob(pattern)} | {lock}):
        if ".venv" not in path.parts:
            found.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return found.hexdigest()[:16]


def _make(server: "psycopg.Connection", name: str) -> None:
    """Under another name until it is complete: a run that is killed leaves nothing that looks finished."""
    unfinished = f"{name}_making"
    server.execute(f'DROP DATABASE IF EXISTS "{unfinished}" WITH (FORCE)')
    server.execute(f'CREATE DATABASE "{unfinished}"')
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "swarm_admin.settings",
        "DATABASE_URL": embedded.database_url(TEST_DIR, unfinished),
    }
    command = [sys.executable, str(Path(ROOT) / "manage.py"), "migrate", "--verbosity", "0"]
    subprocess.run(command, env=environment, check=True, cwd=ROOT)
    server.execute(f'ALTER DATABASE "{unfinished}" RENAME TO "{name}"')
