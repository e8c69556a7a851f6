"""A delivery kept as it came."""

import hashlib

from django.db import InterfaceError, OperationalError, connection

from enrichment.models import WebhookDelivery

KEPT_HEADERS = ("Content-Type", "User-Agent", "X-Request-Id", "Date")


def store(body: bytes, headers: dict[str, str]) -> None:
    """Keep a delivery as it came, in one INSERT. The caller has checked its secret, which is not kept."""
    delivery = WebhookDelivery(
        body=body,
        body_hash=hashlib.sha256(body).hexdigest(),
        headers={name: headers[name] for name in KEPT_HEADERS if headers.get(name)},
    )
    # Whether the connection still answers is not asked first, which is a round trip for each: the INSERT tells.
    connection.health_check_done = True  # type: ignore[attr-defined]
    try:
        # `save` and not `bulk_create`: that one opens a transaction around the INSERT, three round trips for one.
        delivery.save(force_insert=True)
    except (InterfaceError, OperationalError):
        if connection.in_atomic_block:
            raise
        connection.close()  # it was an old one; if the row is there after all, this is a duplicate of it
        delivery.save(force_insert=True)
