"""Webhooks that were refused: counted by hour and reason, and never kept, however many come.

In Redis, for all processes, so that an attack leaves a few numbers and no rows.
"""

import contextlib
import datetime
from typing import Final, cast

import redis
from django.utils import timezone

from enrichment.vendors import limiter

UNSIGNED: Final = "unsigned"
TOO_LARGE: Final = "too_large"
INCOMPLETE: Final = "incomplete"
WORDS: Final = {
    TOO_LARGE: "over the size limit",
    INCOMPLETE: "cut off before the end of the body",
    UNSIGNED: "with a wrong secret",
}
HOURS: Final = 24
KEEP_SECONDS: Final = (HOURS + 1) * 3600


def count_refusal(reason: str) -> None:
    """One more was refused for a reason of WORDS. Never fails: a number is not worth an answer."""
    key = _key(timezone.now())
    with contextlib.suppress(redis.RedisError), limiter.connection().pipeline(transaction=False) as pipe:
        pipe.hincrby(key, reason, 1)
        pipe.expire(key, KEEP_SECONDS)
        pipe.execute()


def last_day() -> dict[str, int]:
    """{reason in words: how many} of the present hour and the 23 before it, those that were; empty without Redis."""
    now = timezone.now()
    found = dict.fromkeys(WORDS, 0)
    with contextlib.suppress(redis.RedisError), limiter.connection().pipeline(transaction=False) as pipe:
        for hour in range(HOURS):
            pipe.hgetall(_key(now - datetime.timedelta(hours=hour)))
        for counts in cast(list[dict[bytes, bytes]], pipe.execute()):
            for reason, number in counts.items():
                found[reason.decode()] = found.get(reason.decode(), 0) + int(number)
    return {WORDS[reason]: number for reason, number in found.items() if number and reason in WORDS}


def _key(moment: datetime.datetime) -> str:
    return f"webhooks-refused:{moment.astimezone(datetime.UTC):%Y-%m-%dT%H}"
