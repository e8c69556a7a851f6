"""What a benchmark gets: databases of leads, and the environment in which programs work on them."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from swarm_admin import embedded
from tests.bench.databases import Databases


@dataclass(frozen=True)
class Database:
    """`url`: as DATABASE_URL takes it."""

    name: str
    url: str


@dataclass(frozen=True)
class Bench:
    """`size`: how many leads there are. Within each `with`, Django in this process works on that database."""

    databases: Databases
    size: int

    @property
    def place(self) -> Path:
        return self.databases.place

    @contextlib.contextmanager
    def leads(self) -> Iterator[Database]:
        """`size` leads, shared by the benchmarks: only to be read."""
        self.databases.build_leads(self.size)
        with self._used(self.databases.leads(self.size)) as database:
            yield database

    @contextlib.contextmanager
    def leads_copy(self) -> Iterator[Database]:
        """`size` leads to write to; dropped afterwards."""
        self.databases.build_leads(self.size)
        with self.databases.copy_of(self.databases.leads(self.size)) as name, self._used(name) as database:
            yield database

    @contextlib.contextmanager
    def empty(self) -> Iterator[Database]:
        """The product's tables as `migrate` leaves them; dropped afterwards."""
        with self.databases.copy_of(self.databases.empty) as name, self._used(name) as database:
            yield database

    def environment(self, database: Database, **more: str) -> dict[str, str]:
        """In which the product's programs work on `database`, in production's way but for secrets and HTTPS."""
        return {
            **os.environ,
            "DATABASE_URL": database.url,
            "REDIS_URL": embedded.redis_url(self.place),
            "LOG_LEVEL": "ERROR",
            "WEB_WORKERS": "1",
            **more,
        }

    @contextlib.contextmanager
    def _used(self, name: str) -> Iterator[Database]:
        from django.core.cache import cache
        from django.db import connection

        from enrichment.models.version import forget_active

        before = connection.settings_dict["NAME"]
        connection.close()
        connection.settings_dict["NAME"] = name
        forget_active()
        cache.clear()
        try:
            yield Database(name, self.databases.url(name))
        finally:
            connection.close()
            connection.settings_dict["NAME"] = before
            forget_active()
            cache.clear()
