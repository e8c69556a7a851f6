"""A delivery kept as it came."""

import hashlib

from enrichment.models import WebhookDelivery

KEPT_HEADERS = ("Content-Type", "User-Agent", "X-Request-Id", "Date")


def store(body: bytes, headers: dict[str, str]) -> None:
    """Keep a delivery as it came, in one INSERT. The caller has checked its secret, which is not kept."""
    # `save` and not `bulk_create`: that one opens a transaction around the INSERT, three round trips for one.
    WebhookDelivery(
        body=body,
        body_hash=hashlib.sha256(body).hexdigest(),
        headers={name: headers[name] for name in KEPT_HEADERS if headers.get(name)},
    ).save(force_insert=True)
