"""The systems that are delivered to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from enrichment.models.handover import System
from enrichment.pipeline import hand_ghl, hand_instantly
from enrichment.pipeline.sent import Asked, Outcome


@dataclass(frozen=True)
class Channel:
    """One system. `calls`: what a delivery of a new lead costs of `limit`; `at_once`: how many are claimed together.

    `send` takes what is asked, and until when one may be begun, and answers in the order of the first.
    """

    limit: str
    calls: int
    at_once: int
    scope: Callable[[], str]
    send: Callable[[Sequence[Asked], float], list[Outcome]]
    reference: str
    action: str


CHANNELS: dict[str, Channel] = {
    System.GHL: Channel("ghl.calls", 4, 96, hand_ghl.scope, hand_ghl.send_all, "ghl_contact_id", "create_contact"),
    System.INSTANTLY: Channel(
        "instantly.calls",
        1,
        100,
        hand_instantly.scope,
        hand_instantly.send_all,
        "instantly_lead_id",
        "add_to_campaign",
    ),
}
