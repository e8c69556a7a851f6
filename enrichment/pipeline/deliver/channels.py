"""The systems that are delivered to, as everybody who plans, estimates or tells of deliveries needs to know them."""

from collections.abc import Callable
from dataclasses import dataclass

from enrichment.models.handover import System
from enrichment.vendors.connections import ghl, instantly


@dataclass(frozen=True)
class Channel:
    """One system. `calls`: what a delivery of a new lead costs of `limit`; `at_once`: how many are claimed together.

    An e-mail that has two spellings may cost a call more; its slot is taken with the others.
    """

    limit: str
    calls: int
    at_once: int
    scope: Callable[[], str]
    reference: str
    action: str


CHANNELS: dict[str, Channel] = {
    System.GHL: Channel("ghl.calls", 4, 96, lambda: ghl().scope(), "ghl_contact_id", "create_contact"),
    System.INSTANTLY: Channel(
        "instantly.calls", 1, 100, lambda: instantly().scope(), "instantly_lead_id", "add_to_campaign"
    ),
}
