"""Results of a guided connection's checks: kept with their time, void once another key or location is configured."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from django.utils.crypto import salted_hmac

from enrichment.models import Connection, ConnectionCheck, Finding
from enrichment.vendors import limiter
from enrichment.vendors.limiter import Slots
from enrichment.vendors.vendor import Vendor
from swarm_admin.core.errors import ActionNotAllowed

DETAIL = 300  # characters


def key_hash(vendor: Vendor) -> str:
    """Tells keys, addresses and locations apart, and nothing about them."""
    scopes = "|".join(limit.scope() for limit in vendor.limits)
    return salted_hmac("enrichment.connection_check", f"{vendor.address}|{scopes}|{vendor.key}").hexdigest()[:16]


def save(
    vendor: Vendor, name: str, finding: Finding, detail: str = "", seen: Mapping[str, Any] | None = None
) -> ConnectionCheck:
    """The result of a check that was made just now."""
    check, _ = ConnectionCheck.objects.update_or_create(
        system=vendor.slug,
        name=name,
        defaults={
            "finding": finding,
            "detail": detail[:DETAIL],
            "seen": dict(seen or {}),
            "key_hash": key_hash(vendor),
            "checked_at": timezone.now(),
        },
    )
    if finding == Finding.OK:
        Connection.objects.update_or_create(system=vendor.slug, defaults={"last_ok_at": check.checked_at})
    return check


def current(vendor: Vendor) -> dict[str, ConnectionCheck]:
    """{name: check} of those made with the key, the address and the location that are configured now."""
    made = ConnectionCheck.objects.filter(system=vendor.slug, key_hash=key_hash(vendor))
    return {check.name: check for check in made}


def reserve(vendor: Vendor, calls: int) -> Slots:
    """Slots for so many calls. Raises ActionNotAllowed where the limit is used up."""
    limit = vendor.limits[0]
    slots = limiter.reserve(limit.name, limit.scope(), calls)
    if slots.wait:
        raise ActionNotAllowed(f"{vendor.name} wasn't called: its rate limit is reached for {slots.wait:.0f} s.")
    return slots
