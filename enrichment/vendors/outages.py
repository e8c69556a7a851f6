"""How often in a row a vendor has not answered: counted for each kind of call, in Redis, for all processes.

What counts is that nothing came back that the vendor itself has said: no connection, a connection that was cut, a
time-out, a 5xx that names no data provider, an answer that is no JSON. Any other answer ends the row, a refusal too.

When the vendor last answered a call of any kind is kept beside it: a kind that goes unanswered while others are
answered is no outage of the vendor.
"""

import logging
import time
from typing import Final

import redis
from django.conf import settings

from . import limiter
from .errors import Recovery, VendorError

log = logging.getLogger(__name__)
KEEP_SECONDS: Final = 7 * 86_400
# A good answer ends the row in Redis at once where this process has seen the row grow, and else only so often: a round
# trip for each of many good answers would cost as much as reading them.
TOLD_EVERY: Final = 0.1
NO_ANSWER: Final = ("timeout", "connection_lost", "not_sent", "unreadable")
WORDS: Final = {
    "timeout": "no answer in time",
    "connection_lost": "the connection was cut",
    "not_sent": "it can't be reached",
    "unreadable": "its response is unreadable",
}

_told: dict[tuple[str, str], float] = {}  # when this process ended the row last


def is_sign(error: VendorError) -> bool:
    """Whether the vendor has not answered, as far as this call can tell."""
    if error.code in NO_ANSWER and (error.status is None or error.status < 300):
        return True
    gateway = error.status is not None and error.status >= 500 and error.status != 501
    by_itself = (Recovery.DELAY, Recovery.READ_BACK)
    return gateway and error.provider is None and error.recovery in by_itself


def symptom(error: VendorError) -> str:
    """What was seen instead of an answer, in a few words."""
    return WORDS.get(error.code) or f"status {error.status}"


def count_failure(vendor: str, call: str) -> None:
    """One more call without an answer. Never fails."""
    _told.pop((vendor, call), None)
    try:
        with limiter.connection().pipeline() as together:
            together.incr(_key(vendor, call))
            together.expire(_key(vendor, call), KEEP_SECONDS)
            together.set(_began_key(vendor, call), time.time(), nx=True)
            together.expire(_began_key(vendor, call), KEEP_SECONDS)
            together.execute()
    except redis.RedisError as error:
        log.warning("a call without an answer is not counted: %s", type(error).__name__)


def clear_failures(vendor: str, call: str) -> None:
    """The vendor has answered this kind of call. Never fails."""
    now = time.monotonic()
    if now - _told.get((vendor, call), -TOLD_EVERY) < TOLD_EVERY:
        return
    _told[vendor, call] = now
    try:
        with limiter.connection().pipeline() as together:
            together.delete(_key(vendor, call), _began_key(vendor, call))
            together.set(_answered_key(vendor), time.time(), ex=KEEP_SECONDS)
            together.execute()
    except redis.RedisError as error:
        log.warning("an answer is not counted: %s", type(error).__name__)


def failures_in_a_row(vendor: str, call: str) -> int:
    """How many calls of this kind have had no answer since the last that had one."""
    return int(limiter.connection().get(_key(vendor, call)) or 0)


def unanswered_seconds(vendor: str, call: str) -> float:
    """For how many real seconds no call of this kind has been answered; 0.0 where the last one was."""
    began = float(limiter.connection().get(_began_key(vendor, call)) or 0)
    return max(time.time() - began, 0.0) if began else 0.0


def answered_other_calls(vendor: str, call: str) -> bool:
    """Whether the vendor has answered some call since this kind goes unanswered.

    One that was on its way when the first of them failed tells nothing: so long as it may take, no answer counts.
    """
    keys = _began_key(vendor, call), _answered_key(vendor)
    began, answered = (float(each or 0) for each in limiter.connection().mget(*keys))
    on_its_way = settings.VENDOR_TIMEOUT_SECONDS / settings.CLOCK_SPEED
    return began > 0 and answered > began + on_its_way


def _began_key(vendor: str, call: str) -> str:
    return f"unanswered-since:{vendor}:{call}"


def _answered_key(vendor: str) -> str:
    return f"answered:{vendor}"


def _key(vendor: str, call: str) -> str:
    return f"unanswered:{vendor}:{call}"
