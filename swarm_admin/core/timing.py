"""Waits and windows on the product's clock, which the demo compresses (CLOCK_SPEED)."""

import datetime

from django.conf import settings
from django.utils import timezone

CLOCKS_DIFFER_SECONDS = 300  # a vendor's clock and ours: by so much is what it is asked for since a time widened
LONGEST_SECONDS = 6 * 3600.0  # a store that is down for days is still asked four times a day
FAST_SECONDS = 300.0  # so long at most for what is to stop at once (Art. 21)


def today() -> datetime.datetime:
    """The beginning of the day, in UTC."""
    return timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)


def span(seconds: float) -> datetime.timedelta:
    """`seconds` of specified time as time on this machine's clock."""
    return datetime.timedelta(seconds=seconds / settings.CLOCK_SPEED)


def due_in(seconds: float) -> datetime.datetime:
    return timezone.now() + span(seconds)


def backoff(tries: int, *, fast: bool = False) -> datetime.datetime:
    """When to try again after the `tries`-th failure: RETRY_BASE_SECONDS, doubled up to six hours, or five minutes."""
    longest = FAST_SECONDS if fast else LONGEST_SECONDS
    return due_in(min(settings.RETRY_BASE_SECONDS * 2 ** min(max(tries - 1, 0), 30), longest))


def in_seconds(real: float) -> datetime.datetime:
    """So many real seconds from now, as the limiter and a vendor's Retry-After give them."""
    return timezone.now() + datetime.timedelta(seconds=real)
