"""What an answer's status means: (kind of error, what happens next), and the rows that every vendor's table has.

Closed by default: a status in no table needs a person. The HTTP status decides, the body refines (D26); the reading
of bodies is in `answers`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .errors import Misconfigured, NotOffered, Paused, Permanent, RateLimited, Recovery, Retryable, VendorError


@dataclass(frozen=True)
class Rule:
    """`unsure`: behind this status a call that is not repeatable may still have taken effect."""

    kind: type[VendorError]
    recovery: Recovery
    unsure: bool = False


DEFAULT_RULE: Final = Rule(Permanent, Recovery.NEEDS_PERSON)
# A 404 of a call that names no record means that the table or the capability is missing.
NO_SUCH_TABLE: Final = Rule(Misconfigured, Recovery.CHECK_ADDRESS)
NO_SUCH_CALL: Final = Rule(NotOffered, Recovery.BY_HAND)

COMMON: Final[dict[int, Rule]] = {
    **dict.fromkeys((301, 302, 303, 307, 308), Rule(Misconfigured, Recovery.CHECK_ADDRESS)),
    400: Rule(Permanent, Recovery.SET_ASIDE),
    401: Rule(Misconfigured, Recovery.REFRESH_KEY),
    402: Rule(Paused, Recovery.CREDITS),
    403: Rule(Misconfigured, Recovery.REFRESH_KEY),  # Paused where the body speaks of a quota
    405: NO_SUCH_CALL,
    422: Rule(Permanent, Recovery.SET_ASIDE),
    429: Rule(RateLimited, Recovery.BACKOFF),
    500: Rule(Retryable, Recovery.DELAY, unsure=True),
    501: NO_SUCH_CALL,
    502: Rule(Retryable, Recovery.DELAY, unsure=True),
    503: Rule(Retryable, Recovery.DELAY),  # by its definition: not handled
    504: Rule(Retryable, Recovery.DELAY, unsure=True),
}

_tables: dict[str, tuple[Mapping[int, Rule], Mapping[tuple[str, int], Rule]]] = {}


def declare(vendor: str, rules: Mapping[int, Rule], exceptions: Mapping[tuple[str, int], Rule]) -> None:
    """Make a vendor's table known: {status: rule}, and {(call, status): rule} that goes before it."""
    _tables[vendor] = (rules, exceptions)


def rule_for(vendor: str, call: str, status: int) -> Rule:
    """The row of the vendor's table for a status; `DEFAULT_RULE` where there is none."""
    rules, exceptions = _tables[vendor]
    return exceptions.get((call, status)) or rules.get(status, DEFAULT_RULE)
