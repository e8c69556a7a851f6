"""A delivery kept as it came."""

import datetime
import functools
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone
from psycopg import sql

from enrichment.models import Channel, WebhookDelivery

KEPT_HEADERS = {
    "Content-Type": "CONTENT_TYPE",
    "User-Agent": "HTTP_USER_AGENT",
    "X-Request-Id": "HTTP_X_REQUEST_ID",
    "Date": "HTTP_DATE",
}  # each with its name in a request's environment
GIVEN = ("received_at", "not_before", "headers", "body", "body_hash", "channel")


def headers_in(environment: Mapping[str, Any]) -> dict[str, str]:
    """What is kept of a request's headers, by their usual names; never the secret."""
    headers = ((name, environment.get(key)) for name, key in KEPT_HEADERS.items())
    return {name: str(value) for name, value in headers if value}


def store(body: bytes, headers: Mapping[str, str], channel: Channel = Channel.EVENT) -> None:
    """Keep a delivery as it came, in one INSERT. The caller has checked its secret, which is not kept."""
    kept_headers = {name: headers[name] for name in KEPT_HEADERS if headers.get(name)}
    values = (json.dumps(kept_headers), body, hashlib.sha256(body).hexdigest(), str(channel))
    # Whether the connection still answers is not asked first, which is a round trip for each: the INSERT tells.
    connection.health_check_done = True  # type: ignore[attr-defined]
    try:
        _insert(timezone.now(), values)
    except (InterfaceError, OperationalError):
        if connection.in_atomic_block:
            raise
        connection.close()  # it was an old one; if the row is there after all, this is a duplicate of it
        _insert(timezone.now(), values)


def _insert(now: datetime.datetime, values: tuple[str, bytes, str, str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_statement(), [now, now, *values])


@functools.cache
def _statement() -> str:
    """The INSERT of the `GIVEN` columns, every other one as the model has it by default.

    Made once: Clay sends by the thousand, and making a model's object and its statement for each costs more than
    running it.
    """
    others = [
        field for field in WebhookDelivery._meta.concrete_fields if not field.primary_key and field.name not in GIVEN
    ]
    defaults = [sql.Literal(field.get_db_prep_save(field.get_default(), connection)) for field in others]
    columns = [*GIVEN, *(str(field.column) for field in others)]
    with connection.cursor() as cursor:
        return (
            sql.SQL("INSERT INTO {} ({}) VALUES (%s, %s, %s::jsonb, %s, %s, %s, {})")
            .format(
                sql.Identifier(WebhookDelivery._meta.db_table),
                sql.SQL(", ").join([sql.Identifier(column) for column in columns]),
                sql.SQL(", ").join(defaults),
            )
            .as_string(cursor.cursor)
        )
