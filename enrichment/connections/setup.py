"""Clay made ready: the enrichment table and the webhook, each made once."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from enrichment.models import Connection
from enrichment.vendors import connections as clients
from enrichment.vendors.clay.table import TABLE_NAME
from enrichment.vendors.clay.wire import ClayTable
from enrichment.vendors.errors import VendorError
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb

WEBHOOK_PATH = "/webhooks/clay/enrichment-complete"
LOCK = "clay_setup"
LOCK_SECONDS = 120


class SetupError(Exception):
    """The set-up cannot go on; the sentence says why and what to do."""


@dataclass(frozen=True)
class SetupResult:
    """What is there now, and which of it was made by this run."""

    table_id: str
    table_made: bool
    webhook_id: str
    webhook_made: bool

    @property
    def sentence(self) -> str:
        table = "created the table" if self.table_made else "the table already exists"
        webhook = "registered the webhook" if self.webhook_made else "the webhook was already registered"
        return f"Clay is set up: {table} ({self.table_id}), {webhook} ({self.webhook_id})."


def clay_setup(*, by: Any) -> SetupResult:
    """Find or make the enrichment table, register the webhook, keep both in `Connection("clay")`.

    Any number of runs leaves one table and one webhook per address. Raises SetupError with a sentence,
    VendorError as the client does (kept with the connection).
    """
    if not settings.CLAY_WEBHOOK_SECRET.strip():
        raise SetupError("CLAY_WEBHOOK_SECRET is empty. Set it so that webhooks can be verified.")
    if not cache.add(LOCK, "1", LOCK_SECONDS):
        raise SetupError("Setup is already running. Wait for it to finish.")
    try:
        return _set_up(by)
    except VendorError as error:
        Connection.note_error("clay", error)
        raise
    finally:
        cache.delete(LOCK)


def webhook_url() -> str:
    """Where Clay is to deliver."""
    return f"{settings.BASE_URL}{WEBHOOK_PATH}"


def _set_up(by: Any) -> SetupResult:
    connection, _ = Connection.objects.get_or_create(system="clay")
    table, table_made = _table(connection)
    if connection.table_id != table.id:
        _save_and_audit(connection, by, verb=Verb.SET_UP_CLAY_TABLE, table_id=table.id)
    url = webhook_url()
    webhook_made = not (connection.webhook_id and connection.webhook_url == url)
    if webhook_made:
        webhook_id = clients.clay().create_webhook(url, settings.CLAY_WEBHOOK_SECRET)
        _save_and_audit(connection, by, verb=Verb.SET_UP_CLAY_WEBHOOK, webhook_id=webhook_id, webhook_url=url)
    return SetupResult(table.id, table_made, connection.webhook_id, webhook_made)


def _table(connection: Connection) -> tuple[ClayTable, bool]:
    """The table to use, and whether it was made now: the configured one, ours, one of its name, or a new one.

    Never one that is full.
    """
    client = clients.clay()
    tables = [table for table in client.list_tables() if table.id not in connection.full_tables]
    by_id = {table.id: table for table in tables}
    if settings.CLAY_TABLE_ID and settings.CLAY_TABLE_ID not in connection.full_tables:
        if settings.CLAY_TABLE_ID not in by_id:
            raise SetupError(
                f"CLAY_TABLE_ID is {settings.CLAY_TABLE_ID}, but the workspace has no such table. Correct it, "
                f"or leave it empty to create one."
            )
        return by_id[settings.CLAY_TABLE_ID], False
    if connection.table_id in by_id:
        return by_id[connection.table_id], False
    named = [table for table in tables if table.name == TABLE_NAME]
    if len(named) > 1:
        raise SetupError(f"The workspace has {len(named)} tables called {TABLE_NAME}. Choose one with CLAY_TABLE_ID.")
    if named:
        return named[0], False
    return client.create_table(TABLE_NAME), True


def _save_and_audit(connection: Connection, by: Any, *, verb: Verb, **values: str) -> None:
    for name, value in values.items():
        setattr(connection, name, value)
    connection.last_ok_at = timezone.now()
    with transaction.atomic():
        connection.save(update_fields=[*values, "last_ok_at"])
        audit.record(verb, by=by, on=connection, fields=values)
