"""Waits and windows on the product's clock, which the demo compresses (CLOCK_SPEED)."""

import datetime

from django.conf import settings
from django.utils import timezone

CLOCKS_DIFFER_SECONDS = 300  # a vendor's clock and ours: by so much is what it is asked for since a time widened


def span(seconds: float) -> datetime.timedelta:
    """`seconds` of specified time as time on this machine's clock."""
    return datetime.timedelta(seconds=seconds / settings.CLOCK_SPEED)


def due_in(seconds: float) -> datetime.datetime:
    return timezone.now() + span(seconds)


def backoff(tries: int) -> datetime.datetime:
    """When to try again after the `tries`-th failure: RETRY_BASE_SECONDS, doubled each time."""
    return due_in(settings.RETRY_BASE_SECONDS * 2 ** max(tries - 1, 0))


def in_seconds(real: float) -> datetime.datetime:
    """So many real seconds from now, as the limiter and a vendor's Retry-After give them."""
    return timezone.now() + datetime.timedelta(seconds=real)
