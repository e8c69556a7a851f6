"""What came of sending one lead to one system."""

from dataclasses import dataclass, field

from enrichment.models import Lead
from enrichment.vendors.errors import VendorError


@dataclass(frozen=True)
class DeliveryRequest:
    """One lead to be sent. `unsure`: an earlier outcome is unknown, so that it is looked up first (D12).

    `existing_id`: the record that has taken all of it already but what is done afterwards; "" where none has.
    """

    lead: Lead
    unsure: bool = False
    existing_id: str = ""


@dataclass(frozen=True)
class Sent:
    """The record at the other side, and the fields that are stored otherwise than sent.

    `held_back`: parts of the payload that did not leave, by their names there.
    """

    external_id: str
    differences: set[str] = field(default_factory=set)
    held_back: frozenset[str] = frozenset()


@dataclass(frozen=True)
class NotSent:
    """Nothing left: there was no slot for so many real seconds, or the time of this round was over (0.0)."""

    wait: float = 0.0


@dataclass(frozen=True)
class PartlySent:
    """The record is there as it was sent; `error` came with what is done to it next, which alone is tried again.

    `held_back` as in `Sent`.
    """

    external_id: str
    error: VendorError
    held_back: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Postponed:
    """Nothing left: it is looked for again when READ_BACK_SECONDS are over."""


@dataclass(frozen=True)
class NeedsDecision:
    """Nothing left that a person has to decide about first. `kind` as the delivery's error; no personal data."""

    kind: str
    sentence: str


@dataclass(frozen=True)
class Withheld:
    """Nothing left, and nothing is going to; `reason` as the delivery's error."""

    reason: str


Outcome = Sent | NotSent | PartlySent | Postponed | NeedsDecision | Withheld | VendorError
