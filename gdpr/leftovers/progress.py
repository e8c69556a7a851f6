"""How far a search of the tables has come, so that the next attempt goes on there."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from django.utils import timezone

from gdpr.leftovers.hits import Hit

KEPT = datetime.timedelta(days=1)  # older than this, a search begins anew
FORMAT = 1


@dataclass
class Progress:
    """`done`: {table: the transaction since which it may have changed}; `table`: the one under way, with its next
    `page`, its `file` and its `since`. `rows`, `names`: what was found. `about`: a keyed hash of what is looked for.
    """

    about: str = ""
    begun: datetime.datetime = field(default_factory=timezone.now)
    done: dict[str, int] = field(default_factory=dict)
    table: str = ""
    page: int = 0
    file: int = 0
    since: int = 0
    rows: list[Hit] = field(default_factory=list)
    names: list[Hit] = field(default_factory=list)

    def begin(self, table: str, file: int, since: int) -> None:
        self.table, self.page, self.file, self.since = table, 0, file, since

    def end(self) -> None:
        self.done[self.table] = self.since
        self.table, self.page = "", 0

    def document(self) -> dict[str, Any]:
        """JSON-serialisable, free of personal data."""
        return {"progress": FORMAT, **asdict(self), "begun": self.begun.isoformat()}


def is_progress(document: Any) -> bool:
    """Whether it is what a search has left behind that did not end."""
    return isinstance(document, Mapping) and document.get("progress") == FORMAT


def resume(document: Any, about: str) -> Progress:
    """What an earlier attempt left for the same search; else a new one."""
    if not is_progress(document) or document["about"] != about:
        return Progress(about)
    begun = datetime.datetime.fromisoformat(document["begun"])
    if timezone.now() - begun > KEPT:
        return Progress(about)
    hits: dict[str, Any] = {
        name: [Hit(**{**each, "what": tuple(each["what"]), "where": tuple(each["where"])}) for each in document[name]]
        for name in ("rows", "names")
    }
    kept: dict[str, Any] = {name: document[name] for name in ("done", "table", "page", "file", "since")}
    return Progress(about, begun, **kept, **hits)
