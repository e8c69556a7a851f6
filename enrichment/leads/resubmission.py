"""A retry where Clay enriches whatever it is sent: the lead is submitted again, and all providers are called again.

Nothing can be left out there, and what an earlier run found is bought once more.
"""

from __future__ import annotations

from collections.abc import Collection

from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay import chosen
from enrichment.waterfall.prices import Price
from swarm_admin.core.errors import ActionNotAllowed

NO_CHOICE = (
    "Clay can't leave out providers with this connection: every retry calls all of them. Retry without naming "
    "providers, or take the provider out of the waterfall in Clay first."
)


def is_resubmission() -> bool:
    """Whether a retry is a new submission: no call starts an enrichment of what is there."""
    return not chosen.can(Capability.TRIGGER)


def check_can_skip(providers: Collection[str]) -> None:
    """Raises ActionNotAllowed where some are to be left out and none can be."""
    if providers and not chosen.can(Capability.SKIP_PROVIDER):
        raise ActionNotAllowed(NO_CHOICE)


def resubmission_sentence(price: Price, leads: str = "each lead") -> str:
    """What a retry does there, and what it costs a lead; "" where Clay only runs the row again."""
    if not is_resubmission():
        return ""
    made = "a new row" if chosen.can(Capability.RECEIVE_ROW) else "a new run"
    return (
        f"Submits {leads} again: {made} in Clay, and all providers are called again. {_cost(price)} a lead, charged "
        "whatever an earlier run found."
    )


def _cost(price: Price) -> str:
    dollars = f"${price.amount:,.2f}"
    if price.is_bound:
        return f"At most {dollars}"
    return f"{dollars} at known prices" if price.unknown else f"About {dollars}"
