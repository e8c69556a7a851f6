"""The vendors of this product."""

from enrichment.vendors import registry
from enrichment.vendors.clay.record import CLAY
from enrichment.vendors.gohighlevel.record import GOHIGHLEVEL
from enrichment.vendors.instantly.record import INSTANTLY

VENDORS = (CLAY, GOHIGHLEVEL, INSTANTLY)  # in the order of a lead's way


def register_all() -> None:
    """Make them known; once the models are there."""
    for vendor in VENDORS:
        registry.register(vendor)
