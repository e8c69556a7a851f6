"""What can go wrong at a vendor: one hierarchy. Which of it an answer means is in the vendors' tables (`rules`)."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Final

from swarm_admin.core.errors import LOST, LOST_SENTENCE


class Recovery(StrEnum):
    """What happens next; the value is stored with the attempt."""

    BACKOFF = "backoff"
    NEXT_PROVIDER = "next_provider"
    DELAY = "delay"
    SET_ASIDE = "set_aside"
    REFRESH_KEY = "refresh_key"
    CHECK_ADDRESS = "check_address"
    PAUSE = "pause_until_reset"
    CREDITS = "credits"
    VENDOR_DOWN = "vendor_down"
    TABLE_FULL = "table_full"
    NO_SOURCE = "no_source"
    UNENRICHABLE = "unenrichable"
    GONE = "gone"
    BY_HAND = "by_hand"
    READ_BACK = "read_back"
    NEEDS_PERSON = "needs_person"
    WORKER_LOST = LOST


# The advice of the Failures screen; the first seven rows are the recovery table of the specification.
ADVICE: dict[Recovery, str] = {
    Recovery.BACKOFF: "Rate limit reached. Retrying automatically with increasing delays.",
    Recovery.NEXT_PROVIDER: "A data provider didn't respond in time. Retrying with the next provider.",
    Recovery.SET_ASIDE: "The vendor rejected the data. It was logged and skipped. Correct the record, then retry.",
    Recovery.REFRESH_KEY: (
        "The API key was rejected. Renew it with the vendor and update it in our settings, then resume."
    ),
    Recovery.DELAY: "Temporary failure at the vendor or a data provider. Retrying after a delay.",
    Recovery.UNENRICHABLE: "Clay doesn't know this row. Marked as unenrichable and not retried.",
    Recovery.PAUSE: "The quota is exhausted. New work for this vendor is paused until it resets.",
    Recovery.CREDITS: "Credits are exhausted. Buy credits from the vendor or wait for the plan's renewal.",
    Recovery.VENDOR_DOWN: "The vendor isn't responding. Its work is paused and resumes automatically when it responds.",
    Recovery.TABLE_FULL: (
        "Clay's table accepts no more rows. Create a new table under Connections. Leads wait until then."
    ),
    Recovery.NO_SOURCE: "No Clay source accepts rows. Add a source under Connections. Leads wait until then.",
    Recovery.GONE: "The record no longer exists at the vendor. It is not retried.",
    Recovery.BY_HAND: "The vendor doesn't support this call. Do it by hand there and attach the evidence.",
    Recovery.CHECK_ADDRESS: "The vendor's address, table or location in our settings looks wrong. Check it.",
    Recovery.READ_BACK: "Outcome unknown. We check with the vendor before sending again.",
    Recovery.NEEDS_PERSON: "The vendor sent an unknown response. Check it manually.",
    Recovery.WORKER_LOST: "Check the content before you retry. It is then processed on its own.",
}


CUT_OFF: Final = (
    "timeout",
    "connection_lost",
)  # codes of ours: of what left, no answer came, or none to its end


@dataclass(eq=False)
class VendorError(Exception):
    """A call that did not succeed. Safe to log: holds ids and the vendor's masked words, no personal data.

    `status` is None where no answer came; `code` is the vendor's code as text, or ours (`timeout`,
    `connection_lost`, `not_sent`, `unreadable`); `message` at most 200 characters, addresses, numbers and
    quoted values masked; `retry_after` in real seconds; `resets_at` aware; `headers` only those about limits;
    `row_index` the faulty row of a batch, from 0; `contact_id` the existing contact of a GoHighLevel
    duplicate; `sent` False: the request certainly never left; `reads`: the call would have changed nothing there;
    `refused_as`: what the answer's status says where it is a refusal that may have taken effect all the same.
    """

    vendor: str
    call: str
    status: int | None = None
    code: str = ""
    message: str = ""
    recovery: Recovery = Recovery.NEEDS_PERSON
    provider: str | None = None
    row_index: int | None = None
    retry_after: float | None = None
    quota_remaining: int | None = None
    resets_at: datetime.datetime | None = None
    contact_id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    sent: bool = True
    reads: bool = False
    refused_as: Recovery | None = None

    kind: ClassVar[str] = "permanent"
    permanent: ClassVar[bool] = True

    def __str__(self) -> str:
        status = "no answer" if self.status is None else str(self.status)
        if self.status in range(200, 300) and self.code in CUT_OFF:
            status = "no whole answer"  # its first line alone came
        words = " ".join(word for word in (self.code, self.message) if word not in ("", str(self.status)))
        return f"{self.vendor} {self.call}: {status} {words}".rstrip()

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), dict(self.__dict__))

    @property
    def advice(self) -> str:
        """One sentence for the Failures screen."""
        return ADVICE[self.recovery]


def _rebuilt(cls: type[VendorError], values: dict[str, Any]) -> VendorError:
    return cls(**values)


class Retryable(VendorError):
    """Will probably succeed later; nothing took effect, or repeating it is harmless."""

    kind = "retryable"
    permanent = False


class RateLimited(Retryable):
    """429: a fault of ours (D11). `retry_after` is obeyed by `limiter.penalise`."""


class Permanent(VendorError):
    """Will fail again however often it is sent."""


class NotFound(Permanent):
    """404: the record does not exist at the vendor."""


class NotOffered(Permanent):
    """The vendor has no such call (D14): a manual step, never a silent success."""


class Misconfigured(VendorError):
    """The key, the address or the table is wrong: every call would fail, so the service stops."""

    kind = "misconfigured"


class Paused(VendorError):
    """The quota or the credits are used up: nothing new is begun there until `resets_at` or a person resumes it."""

    kind = "paused"
    permanent = False


class UnknownOutcome(VendorError):
    """It may have taken effect and it is not repeatable: read back first (D12)."""

    kind = "unknown"
    permanent = False

    @property
    def given_up_as(self) -> Recovery:
        """What a person is told after the last try, when every look found nothing: a refusal was one."""
        return self.refused_as or self.recovery


@dataclass(eq=False)
class TooFewRows(UnknownOutcome):
    """Fewer rows were answered than were sent; what became of the others has to be looked for.

    `made`: (place in the request, row id) of those that the answer tells.
    """

    made: Sequence[tuple[int, str]] = ()


class WorkerLost(UnknownOutcome):
    """Not the vendor's: whatever worker made the call was killed or stood still."""

    def __init__(self, vendor: str, call: str) -> None:
        super().__init__(vendor, call, recovery=Recovery.WORKER_LOST)

    def __str__(self) -> str:
        return LOST_SENTENCE
