"""Several calls to one vendor at once, from one worker task."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.conf import settings

from enrichment.vendors.errors import VendorError

Item = TypeVar("Item")
Result = TypeVar("Result")


def each(items: Sequence[Item], call: Callable[[Item], Result]) -> list[Result | VendorError]:
    """`call` of every item, in the order of `items`; a vendor's error stands in the place of its answer.

    `call` must not touch the database: it runs in a thread that has no connection of its own to give back.
    """

    def guarded(item: Item) -> Result | VendorError:
        try:
            return call(item)
        except VendorError as error:
            return error

    if len(items) < 2 or settings.VENDOR_CONCURRENCY < 2:
        return [guarded(item) for item in items]
    with ThreadPoolExecutor(max_workers=min(settings.VENDOR_CONCURRENCY, len(items))) as pool:
        return list(pool.map(guarded, items))
