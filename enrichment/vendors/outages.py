"""How often in a row a vendor has not answered: counted for each kind of call, in Redis, for all processes.

What counts is that nothing came back that the vendor itself has said: no connection, a connection that was cut, a
time-out, a 5xx that names no data provider, an answer that is no JSON. Any other answer ends the row, a refusal too.
"""

import logging
import time
from typing import Final

import redis

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
    "not_sent": "it cannot be reached",
    "unreadable": "its answer is not readable",
}

_told: dict[tuple[str, str], float] = {}  # when this process ended the row last


def is_sign(error: VendorError) -> bool:
    """Whether the vendor has not answered, as far as this call can tell."""
    if error.code in NO_ANSWER and (error.status is None or error.status < 300):
        return True
    gateway = error.status is not None and error.status >= 500 and error.status != 501
    by_itself = (Recovery.DELAY, Recovery.READ_BACK)
    return gateway and error.provider is None and error.recovery in by_itself


def cause(error: VendorError) -> str:
    """What was seen instead of an answer, in a few words."""
    return WORDS.get(error.code) or f"status {error.status}"


def failed(vendor: str, call: str) -> None:
    """One more call without an answer. Never fails."""
    _told.pop((vendor, call), None)
    try:
        with limiter.connection().pipeline() as together:
            together.incr(_key(vendor, call))
            together.expire(_key(vendor, call), KEEP_SECONDS)
            together.execute()
    except redis.RedisError as error:
        log.warning("a call without an answer is not counted: %s", type(error).__name__)


def answered(vendor: str, call: str) -> None:
    """The vendor has answered this kind of call. Never fails."""
    now = time.monotonic()
    if now - _told.get((vendor, call), -TOLD_EVERY) < TOLD_EVERY:
        return
    _told[vendor, call] = now
    try:
        limiter.connection().delete(_key(vendor, call))
    except redis.RedisError as error:
        log.warning("an answer is not counted: %s", type(error).__name__)


def in_a_row(vendor: str, call: str) -> int:
    """How many calls of this kind have had no answer since the last that had one."""
    return int(limiter.connection().get(_key(vendor, call)) or 0)


def _key(vendor: str, call: str) -> str:
    return f"unanswered:{vendor}:{call}"
