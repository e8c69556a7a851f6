"""What came of sending one lead to one system."""

from dataclasses import dataclass, field

from enrichment.vendors.errors import VendorError


@dataclass(frozen=True)
class Sent:
    """The record at the other side, and the fields that are stored otherwise than sent."""

    external_id: str
    differences: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class NotSent:
    """Nothing left: there was no slot for so many real seconds, or the time of this round was over (0.0)."""

    wait: float = 0.0


Outcome = Sent | NotSent | VendorError
