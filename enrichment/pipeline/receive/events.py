"""A delivery's body, read."""

import datetime
import json
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from enrichment.pipeline.normalise import Unreadable, clean, moment
from swarm_admin.core.identifiers.linkedin import canonical


@dataclass(frozen=True)
class Event:
    """Which row, when (aware), whose (as told), and what went wrong."""

    kind: str
    row_id: str
    table_id: str
    at: datetime.datetime
    linkedin_url: str
    error: Any

    @property
    def url(self) -> str:
        """The person's address in its canonical form; empty where none is told."""
        try:
            return canonical(self.linkedin_url) if self.linkedin_url else ""
        except ValueError:
            return ""


class Malformed(ValueError):
    """The body is no event."""


def read(body: bytes, received_at: datetime.datetime | None = None) -> Event:
    """The event in a raw body; one that tells no time that can be read is of `received_at` (now, if None).

    Raises:
        Malformed
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed from None
    if not isinstance(document, dict):
        raise Malformed
    row_id, kind = document.get("row_id"), document.get("event")
    data = document.get("data")
    if not isinstance(row_id, str) or not row_id.strip() or len(row_id) > 100 or clean(row_id) != row_id:
        raise Malformed
    if not isinstance(kind, str) or clean(kind) != kind or not isinstance(data, dict | None):
        raise Malformed
    data = data or {}
    try:
        at = moment(document.get("timestamp"))
    except Unreadable:
        at = received_at or timezone.now()
    url, table_id = data.get("linkedin_url"), document.get("table_id")
    return Event(
        kind=kind[:64],
        row_id=row_id.strip(),
        table_id=str(table_id) if isinstance(table_id, str | int) and table_id else "",
        at=at,
        linkedin_url=url if isinstance(url, str) else "",
        error=data.get("error"),
    )
