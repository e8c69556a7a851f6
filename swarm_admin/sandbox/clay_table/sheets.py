"""Tables of a workbook with their rows, and the webhook sources that fill them, in memory."""

import hashlib
import time
from dataclasses import dataclass, field
from typing import Any

from swarm_admin.sandbox import waterfall
from swarm_admin.sandbox.clay_cells import ENRICHED, Cell, cell_of
from swarm_admin.sandbox.clay_table import template
from swarm_admin.sandbox.config import Config
from swarm_admin.sandbox.people import canonical

CALLBACK = "http_api"  # the HTTP API column's name among a row's cells


def _only(document: dict[str, Any], **kinds: type | tuple[type, ...]) -> None:
    """Refuses names that are unknown and values of another type, as `ValueError`."""
    for name, value in document.items():
        if name not in kinds:
            raise ValueError(f"unknown: {name}; one of {', '.join(kinds)}")
        if not isinstance(value, kinds[name]):
            raise ValueError(f"{name} has the wrong type")  # noqa: TRY004 - answered as a 400


@dataclass
class HttpColumn:
    """The "HTTP API" column that calls us: what a person writes into its form."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=lambda: template.parse(template.DEFAULT))
    rate_limit: int = 0  # calls in rate_seconds on average; 0: as they come
    rate_seconds: float = 1.0
    requires: list[str] = field(default_factory=list)  # columns without which it does not run

    @classmethod
    def of(cls, document: dict[str, Any]) -> "HttpColumn":
        """From a control call. Raises ValueError."""
        _only(
            document, url=str, headers=dict, body=(str, dict), rate_limit=int, rate_seconds=(int, float), requires=list
        )
        if not str(document.get("url", "")).startswith(("http://", "https://")):
            raise ValueError("url must be an http(s) address")
        body = {"body": template.parse(document["body"])} if "body" in document else {}
        return cls(**(document | body))


class SheetRow:
    """A row: what was submitted, the cell of every column that has one, and how often it was called back."""

    __slots__ = ("acknowledged", "called", "cells", "id", "inputs", "number", "runs", "source")

    def __init__(self, row_id: str, number: int, source: str, inputs: dict[str, Any]) -> None:
        self.id, self.number, self.source = row_id, number, source
        self.inputs = inputs
        self.cells: dict[str, Cell] = {name: cell_of(value) for name, value in inputs.items()}
        self.runs = self.called = self.acknowledged = 0

    @property
    def url(self) -> str:
        """The person's LinkedIn address in one spelling; empty where the row has none."""
        return canonical(self.inputs.get("linkedin_url"))

    @property
    def cost(self) -> float:
        """US dollars of its last enrichment, as the cost column has them."""
        cell = self.cells.get("cost")
        return float(cell.value or 0.0) if cell else 0.0

    def shown(self) -> dict[str, Any]:
        """As a person sees it in Clay."""
        cells = {name: cell.shown() for name, cell in self.cells.items()}
        counts = {"runs": self.runs, "called": self.called, "acknowledged": self.acknowledged}
        return {"id": self.id, "source": self.source, "cells": cells, **counts}


class Sheet:
    """A table: what it does with a new row, and its rows."""

    def __init__(self, sheet_id: str) -> None:
        self.id = sheet_id
        self.auto_update = True  # off: nothing runs until a person presses run
        self.dedupe = ""  # the key column of auto-dedupe: the newer of two with one value is dropped
        self.columns: list[str] = list(ENRICHED)  # the enrichment columns a person has set up
        self.waterfalls: dict[str, Any] = waterfall.DEFAULT
        self.callback: HttpColumn | None = None
        self.rows: dict[str, SheetRow] = {}
        self.keys: dict[str, str] = {}
        self.made = 0

    def set_up(self, document: dict[str, Any]) -> None:
        """Takes what a control call says. Raises ValueError."""
        _only(document, auto_update=bool, dedupe=str, columns=list, waterfalls=dict, callback=(dict, type(None)))
        if complaint := waterfall.complaint(document.get("waterfalls", {})):
            raise ValueError(complaint)
        callback = document.get("callback")
        if callback is not None:
            document = document | {"callback": HttpColumn.of(callback)}
        for name, value in document.items():
            setattr(self, name, value)

    def add(self, source: str, inputs: dict[str, Any], config: Config) -> SheetRow | None:
        """A new row; None where auto-dedupe drops it or the table is full, which nobody is told."""
        key = template.as_text(inputs.get(self.dedupe)) if self.dedupe else ""
        if key and self.keys.get(key) in self.rows:
            return None
        if len(self.rows) >= config.table_capacities.get(self.id, config.table_capacity):
            return None
        self.made += 1
        digest = hashlib.sha256(f"{self.id} {config.seed} {self.made}".encode()).hexdigest()
        row = SheetRow(f"r_{digest[:16]}", self.made, source, inputs)
        self.rows[row.id] = row
        if key:
            self.keys[key] = row.id
        return row

    def shown(self) -> dict[str, Any]:
        """Its settings."""
        address = self.callback.url if self.callback else None
        names = ("id", "auto_update", "dedupe", "columns")
        return {name: getattr(self, name) for name in names} | {"callback": address, "rows": len(self.rows)}


@dataclass
class Source:
    """A webhook source: one address that fills one table, for a while."""

    slug: str
    table: str
    workspace: str
    token: str = ""  # empty: authentication is off
    life: int | None = None  # submissions it takes; None: the configured figure
    taken: int = 0
    ignored: int = 0  # acknowledged after its life was over
    deleted: bool = False
    first: float = 0.0
    last: float = 0.0

    def set_up(self, document: dict[str, Any]) -> None:
        """Takes what a control call says. Raises ValueError."""
        _only(document, token=str, table=str, workspace=str, life=(int, type(None)), taken=int)
        for name, value in document.items():
            setattr(self, name, value)
        self.deleted = False

    def take(self, config: Config) -> bool:
        """Counts a submission; False when the source's life is over."""
        if self.taken >= (config.source_life if self.life is None else self.life):
            self.ignored += 1
            return False
        self.taken += 1
        self.last = time.monotonic()
        self.first = self.first or self.last
        return True

    def per_second(self, speed: float) -> float:
        """Submissions in a vendor second between the first and the last one."""
        seconds = (self.last - self.first) * speed
        return round((self.taken - 1) / seconds, 2) if seconds > 0 else 0.0

    def shown(self, config: Config) -> dict[str, Any]:
        """As the control calls show it; never the token."""
        names = ("slug", "table", "workspace", "taken", "ignored", "deleted")
        life = config.source_life if self.life is None else self.life
        facts = {"life": life, "authenticated": bool(self.token), "per_second": self.per_second(config.speed)}
        return {name: getattr(self, name) for name in names} | facts
