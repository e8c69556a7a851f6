"""The vendors there are, in the order of a lead's way: their folders' records, registered when the product starts."""

from enrichment.vendors import limits, rules
from enrichment.vendors.vendor import Delivery, Vendor

_vendors: dict[str, Vendor] = {}


def register(vendor: Vendor) -> None:
    """Make a vendor known; registering the same slug again replaces it."""
    _vendors[vendor.slug] = vendor
    rules.declare(vendor.slug, vendor.rules, vendor.exceptions)
    for limit in vendor.limits:
        limits.declare(limit)


def registered() -> list[Vendor]:
    return list(_vendors.values())


def get(slug: str) -> Vendor:
    """Raises KeyError for one that is not registered."""
    return _vendors[slug]


def find(slug: str) -> Vendor | None:
    return _vendors.get(slug)


def name_of(slug: str) -> str:
    """What staff read; the bare slug of one that is not registered."""
    vendor = find(slug)
    return vendor.name if vendor else slug


def delivering() -> dict[str, Delivery]:
    """How leads are delivered, by the slugs of the vendors that take them."""
    return {vendor.slug: vendor.delivery for vendor in registered() if vendor.delivery}


def delivery_to(slug: str) -> Delivery:
    """Raises KeyError for one that takes no leads."""
    return delivering()[slug]
