"""Several calls to one vendor at once, from one worker task."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.conf import settings

from enrichment.leases import REDIS_IS_AWAY
from enrichment.vendors.errors import Permanent, Recovery, Retryable, UnknownOutcome, VendorError

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")


def call_each(
    items: Sequence[Item], call: Callable[[Item], Result], *, vendor: str, changes: bool = False
) -> list[Result | VendorError]:
    """`call` of every item, in the order of `items`; a vendor's error stands in the place of its answer.

    So does a mistake of ours, which one item may bring out: the others are answered all the same. What such an
    item has come to is not known where `call` `changes` anything there. `call` must not touch the database: it
    runs in a thread that has no connection of its own to give back.
    """

    def guarded(item: Item) -> Result | VendorError:
        try:
            return call(item)
        except VendorError as error:
            return error
        except Exception as error:
            return _internal_error(error, vendor, changes)

    if len(items) < 2 or settings.VENDOR_CONCURRENCY < 2:
        return [guarded(item) for item in items]
    with ThreadPoolExecutor(max_workers=min(settings.VENDOR_CONCURRENCY, len(items))) as pool:
        return list(pool.map(guarded, items))


def _internal_error(error: Exception, vendor: str, changes: bool) -> VendorError:
    name = type(error).__name__  # its words may hold a person's data
    log.error("a call to %s failed by itself: %s", vendor, name)
    kind, recovery = _kind_and_recovery(error, changes)
    return kind(vendor, "call", code="internal_error", message=name, recovery=recovery)


def _kind_and_recovery(error: Exception, changes: bool) -> tuple[type[VendorError], Recovery]:
    if changes:
        return UnknownOutcome, Recovery.READ_BACK
    if isinstance(error, REDIS_IS_AWAY):
        return Retryable, Recovery.DELAY
    return Permanent, Recovery.NEEDS_PERSON
