"""A Clay table as customers have it: rows in through its webhook, results out through its HTTP API column."""

import json
import threading
from collections.abc import Mapping
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from django.conf import settings

from enrichment.vendors.calls import Call
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay.connector import ClayConnector
from enrichment.vendors.clay.wire import Source
from enrichment.vendors.errors import Misconfigured, Permanent, Recovery
from enrichment.vendors.transport import Transport

SUBMISSION_BYTES: Final = 100_000  # Clay: 100 KB a payload
TOKEN_HEADER: Final = "x-clay-webhook-auth"  # noqa: S105 - a header's name
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
# Any 2xx acknowledges, with whatever body. Not repeatable: every submission makes another row.
SUBMIT_ROW: Final = Call("submit_row", acknowledges=True)


class BadSource(ValueError):
    """The address is none that rows may be posted to; the words say what it should be."""


class TableWebhook(ClayConnector):
    """Nothing can be read, searched, changed or deleted by call, and nothing names a row: the callback is the row."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.CREATE, Capability.RECEIVE_ROW, Capability.REPORT_COST}
    )
    name: ClassVar[str] = "Clay table"
    summary: ClassVar[str] = (
        "You have a table in Clay: rows go in through its webhook and come back by an HTTP API column."
    )
    runs_at_once: ClassVar[int] = 10
    fills_batches: ClassVar[bool] = False  # each row is a call of its own

    def __init__(self, workspace_id: str) -> None:
        super().__init__(workspace_id)
        self._open: dict[Source, Transport] = {}
        self._opening = threading.Lock()

    def close(self) -> None:
        with self._opening:
            for http in self._open.values():
                http.close()
            self._open.clear()

    def submit_row(self, source: Source, row: Mapping[str, Any]) -> None:
        if len(json.dumps(row).encode()) > SUBMISSION_BYTES:
            message = f"the row is larger than {SUBMISSION_BYTES:,} bytes"
            raise Permanent(
                "clay", SUBMIT_ROW.name, code="too_large", message=message, recovery=Recovery.SET_ASIDE, sent=False
            )
        parts = urlsplit(source.url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        self._transport(source).send(SUBMIT_ROW, "POST", path, body=dict(row))

    def _transport(self, source: Source) -> Transport:
        """Of one source: its token goes nowhere else."""
        try:
            check_address(source.url)
        except BadSource:
            raise Misconfigured(
                "clay", SUBMIT_ROW.name, code="bad_address", recovery=Recovery.CHECK_ADDRESS, sent=False
            ) from None
        with self._opening:
            if source not in self._open:
                parts = urlsplit(source.url)
                headers = {TOKEN_HEADER: source.token} if source.token else {}
                self._open[source] = Transport("clay", f"{parts.scheme}://{parts.netloc}", headers)
            return self._open[source]


def check_address(url: str) -> None:
    """Rows hold personal data: they go to Clay's own host over TLS, outside production to this machine alone.

    Raises BadSource.
    """
    try:
        parts = urlsplit(url)
        host, _ = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise BadSource("This is not a web address.") from None
    if not parts.path.strip("/") or parts.username or parts.password or parts.fragment or not url.isprintable():
        raise BadSource("Copy the webhook's whole address from Clay, up to its last character.")
    if settings.PRODUCTION:
        if parts.scheme != "https" or host not in settings.CLAY_SOURCE_HOSTS:
            raise BadSource(
                f"The address must start with https:// and be at {' or '.join(settings.CLAY_SOURCE_HOSTS)}."
            )
    elif parts.scheme not in ("http", "https") or host not in LOOPBACK:
        raise BadSource("Outside production the address must be on this machine.")
