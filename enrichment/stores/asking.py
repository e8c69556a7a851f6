"""One call to a vendor for the law's side: under its limit and its holds, its errors in the words of the stores."""

import datetime
from collections.abc import Callable
from typing import TypeVar

from django.conf import settings

from enrichment.pipeline import recovery
from enrichment.vendor_pauses import pauses
from enrichment.vendor_pauses import words as hold_words
from enrichment.vendors import limiter
from enrichment.vendors.errors import NotFound, NotOffered, RateLimited, Recovery, VendorError
from enrichment.vendors.vendor import Vendor
from gdpr.stores import Capability, RetryLater, Unsupported
from swarm_admin.core.timing import due_in, in_seconds

Answer = TypeVar("Answer")
# A used-up quota stops what is begun anew, not the reading of what is there.
READING = (Capability.LOCATE, Capability.EXPORT, Capability.VERIFY)
ON_ITS_WAY_SECONDS = 5.0  # real ones: as long as a call usually takes


def call_with_slot(
    vendor: Vendor,
    call: Callable[[], Answer],
    *,
    capability: Capability,
    limit: str | None = None,
    scope: str = "",
) -> Answer:
    """`call()` with a slot of `limit` in `scope` (None: unlimited).

    Raises:
        RetryLater: the system is held, down, out of slots, or its answer was lost; nothing is taken for done.
        Unsupported: it has no such call, by its own words or because the address does not exist.
        VendorError: it refuses for good.
    """
    reads = capability in READING
    if hold := (pauses.reading_pause if reads else pauses.open_pause)(vendor.slug):
        raise RetryLater(hold_words.sentence(hold).rstrip("."), hold.until)
    if limit and (wait := limiter.take(limit, scope)):
        raise RetryLater(f"{vendor.name}: rate limit reached for the moment", in_seconds(wait))
    try:
        return call()
    except NotOffered:
        raise Unsupported(capability) from None
    except VendorError as error:
        raise _translated(error, vendor, capability, limit, scope) from None


def _translated(error: VendorError, vendor: Vendor, capability: Capability, limit: str | None, scope: str) -> Exception:
    if isinstance(error, NotFound) and error.recovery is Recovery.NEEDS_PERSON:
        return Unsupported(capability)  # a 404 that is not about the record: the address itself is not there
    step = recovery.next_step(error, tries=1, limit=limit or f"{vendor.slug}.reads", scope=scope)
    if step.action == "give_up":
        return error
    sentence = f"{vendor.name} rejected the call: {error}"
    if hold := pauses.open_pause(vendor.slug):
        return RetryLater(sentence, hold.until)
    # A system that is down names no time: whoever asks waits longer each time, or days are thousands of calls.
    return RetryLater(sentence, step.not_before if isinstance(error, RateLimited) else None)


def in_a_moment() -> datetime.datetime:
    return in_seconds(ON_ITS_WAY_SECONDS)


def later_for_calls_under_way(what: str) -> RetryLater:
    """A call of ours that was under way when the step came: its effect must be there before the step is done."""
    return RetryLater(f"{what} is being sent to the system right now", in_a_moment())


def later_for_index() -> RetryLater:
    return RetryLater("The system's search still shows the record", due_in(settings.READ_BACK_SECONDS))
