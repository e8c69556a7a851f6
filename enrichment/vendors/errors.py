"""What can go wrong at a vendor: one hierarchy, and one table per vendor from status to (kind, recovery).

Closed by default: a status in no table needs a person. The HTTP status decides, the body refines (D26);
the reading of bodies is in `answers`.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Final

from swarm_admin.core import work


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
    UNENRICHABLE = "unenrichable"
    GONE = "gone"
    BY_HAND = "by_hand"
    READ_BACK = "read_back"
    NEEDS_PERSON = "needs_person"
    WORKER_LOST = work.LOST


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
    duplicate; `sent` False: the request certainly never left; `reads`: the call would have changed nothing there.
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
        rule = None if self.status is None else rule_for(self.vendor, self.call, self.status)
        return rule.recovery if rule is not None and rule.unsure and rule.kind is Permanent else self.recovery


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
        return work.LOST_SENTENCE


@dataclass(frozen=True)
class Rule:
    """`unsure`: behind this status a call that is not repeatable may still have taken effect."""

    kind: type[VendorError]
    recovery: Recovery
    unsure: bool = False


DEFAULT_RULE = Rule(Permanent, Recovery.NEEDS_PERSON)

_MOVED = dict.fromkeys((301, 302, 303, 307, 308), Rule(Misconfigured, Recovery.CHECK_ADDRESS))
_GATEWAY = {
    500: Rule(Retryable, Recovery.DELAY, unsure=True),
    502: Rule(Retryable, Recovery.DELAY, unsure=True),
    503: Rule(Retryable, Recovery.DELAY),  # by its definition: not handled
    504: Rule(Retryable, Recovery.DELAY, unsure=True),
}

CLAY: dict[int, Rule] = {
    **_MOVED,
    **_GATEWAY,
    400: Rule(Permanent, Recovery.SET_ASIDE),
    401: Rule(Misconfigured, Recovery.REFRESH_KEY),
    402: Rule(Paused, Recovery.CREDITS),  # credits exhausted
    403: Rule(Paused, Recovery.PAUSE),  # quota exceeded
    404: Rule(NotFound, Recovery.UNENRICHABLE),
    405: Rule(NotOffered, Recovery.BY_HAND),
    413: Rule(Permanent, Recovery.SET_ASIDE),
    422: Rule(Permanent, Recovery.SET_ASIDE),
    429: Rule(RateLimited, Recovery.BACKOFF),
    501: Rule(NotOffered, Recovery.BY_HAND),
    502: Rule(Retryable, Recovery.DELAY),  # a provider's error, or a gateway's
    504: Rule(Retryable, Recovery.NEXT_PROVIDER),  # a provider's time-out; a gateway's names no provider
}
GHL: dict[int, Rule] = {
    **_MOVED,
    **_GATEWAY,
    400: Rule(Permanent, Recovery.SET_ASIDE),
    401: Rule(Misconfigured, Recovery.REFRESH_KEY),
    402: Rule(Paused, Recovery.CREDITS),
    403: Rule(Misconfigured, Recovery.REFRESH_KEY),  # Paused where the body speaks of a quota
    404: Rule(NotFound, Recovery.GONE),
    405: Rule(NotOffered, Recovery.BY_HAND),
    422: Rule(Permanent, Recovery.SET_ASIDE, unsure=True),  # may still have created the contact
    429: Rule(RateLimited, Recovery.BACKOFF),
    501: Rule(NotOffered, Recovery.BY_HAND),
}
INSTANTLY: dict[int, Rule] = {
    **_MOVED,
    **_GATEWAY,
    400: Rule(Permanent, Recovery.SET_ASIDE),
    401: Rule(Misconfigured, Recovery.REFRESH_KEY),
    402: Rule(Paused, Recovery.CREDITS),  # no paid plan
    403: Rule(Misconfigured, Recovery.REFRESH_KEY),  # Paused where the body speaks of a quota
    404: Rule(NotFound, Recovery.GONE),
    405: Rule(NotOffered, Recovery.BY_HAND),
    422: Rule(Permanent, Recovery.SET_ASIDE),
    429: Rule(RateLimited, Recovery.BACKOFF),
    501: Rule(NotOffered, Recovery.BY_HAND),
}
TABLES: dict[str, dict[int, Rule]] = {"clay": CLAY, "ghl": GHL, "instantly": INSTANTLY}

# A 404 of a call that names no record means that the table or the capability is missing.
NO_SUCH_TABLE = Rule(Misconfigured, Recovery.CHECK_ADDRESS)
NO_SUCH_CALL = Rule(NotOffered, Recovery.BY_HAND)
EXCEPTIONS: dict[tuple[str, str, int], Rule] = {
    ("clay", "list_tables", 404): NO_SUCH_TABLE,
    ("clay", "create_table", 404): NO_SUCH_TABLE,
    ("clay", "create_rows", 404): NO_SUCH_TABLE,
    ("clay", "export_rows", 404): NO_SUCH_TABLE,
    ("clay", "create_webhook", 404): NO_SUCH_TABLE,
    ("clay", "search_rows", 404): NO_SUCH_CALL,  # D14
    ("instantly", "block_list_entry", 404): NO_SUCH_CALL,
}


def rule_for(vendor: str, call: str, status: int) -> Rule:
    """The row of the table for a status; `DEFAULT_RULE` where there is none."""
    return EXCEPTIONS.get((vendor, call, status)) or TABLES[vendor].get(status, DEFAULT_RULE)
