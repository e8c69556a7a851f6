"""The benchmarks' own PostgreSQL: an empty schema and N leads, built once for each state of the schema."""

import contextlib
import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from swarm_admin import embedded

ROOT = Path(__file__).resolve().parent.parent.parent
PREFIX = "bench"
COPY = f"{PREFIX}_copy_"
# What the content of the databases follows from.
SOURCES = ("*/migrations/*.py", "*/*/migrations/*.py", "tests/bench/people.py", "tests/bench/filling.py")


def fingerprint() -> str:
    """Of the migrations and of what fills the tables: with another one the databases are built anew."""
    digest = hashlib.sha256()
    for pattern in SOURCES:
        for path in sorted(ROOT.glob(pattern)):
            if "node_modules" not in path.parts and not path.relative_to(ROOT).parts[0].startswith("."):
                digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


class Databases:
    """`place`: the directory of the server's data. A database is complete where it has its final name."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.state = fingerprint()

    @property
    def empty(self) -> str:
        return f"{PREFIX}_{self.state}_empty"

    def leads(self, size: int) -> str:
        return f"{PREFIX}_{self.state}_{size}"

    def url(self, name: str) -> str:
        return embedded.database_url(self.place, name)

    def connect(self, name: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(self.url(name), autocommit=True)

    def names(self) -> list[str]:
        with self.connect() as connection:
            rows = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [f"{PREFIX}%"])
            return [name for (name,) in rows.fetchall()]

    def build_empty(self) -> None:
        """Migrate a new database, once."""
        with self._alone():
            self._clear_up()
            if self.empty in self.names():
                return
            with self._in_the_making(self.empty, "template1") as name:
                environment = {**os.environ, "DATABASE_URL": self.url(name)}
                command = [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity", "0"]
                subprocess.run(command, env=environment, cwd=ROOT, check=True)

    def build_leads(self, size: int) -> bool:
        """Fill a database with `size` leads, once; whether it had to be."""
        from tests.bench.filling import fill

        with self._alone():
            if self.leads(size) in self.names():
                return False
            with (
                self._in_the_making(self.leads(size), self.empty) as name,
                self.connect(name) as connection,
            ):
                fill(connection, size)
                connection.close()  # or the database could not be given its name
            return True

    @contextlib.contextmanager
    def copy_of(self, name: str) -> Iterator[str]:
        """A database of one's own with the same content, dropped at the end."""
        copy = f"{COPY}{os.getpid()}"
        self.drop(copy)
        self._create(copy, name)
        try:
            yield copy
        finally:
            self.drop(copy)

    def drop(self, name: str, *, used: bool = True) -> None:
        """Whoever is connected to it; with `used=False` only where nobody is."""
        statement = sql.SQL("DROP DATABASE IF EXISTS {} {}").format(
            sql.Identifier(name), sql.SQL("WITH (FORCE)" if used else "")
        )
        with (
            self.connect() as connection,
            contextlib.suppress(*([] if used else [psycopg.errors.ObjectInUse])),
        ):
            connection.execute(statement)

    def _clear_up(self) -> None:
        """Drop what another state of the schema left, and the copies of killed runs; not what another run uses."""
        for name in self.names():
            if name.startswith(COPY):
                if not psutil.pid_exists(int(name.removeprefix(COPY))):
                    self.drop(name)
            elif not name.startswith(f"{PREFIX}_{self.state}"):
                self.drop(name, used=False)

    @contextlib.contextmanager
    def _in_the_making(self, final: str, template: str) -> Iterator[str]:
        """A database under another name until it is complete: an interrupted build leaves nothing to trust."""
        name = f"{final}_making"
        self.drop(name)
        self._create(name, template)
        yield name
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        with self.connect() as connection:
            connection.execute(rename.format(sql.Identifier(name), sql.Identifier(final)))

    def _create(self, name: str, template: str) -> None:
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        with self.connect() as connection:
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.place / "build.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
