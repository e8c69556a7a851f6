"""Figures that are dear to count, kept in Redis.

Counting a million leads takes a second, so an answer is kept for two seconds at least, and for twenty times
as long as it took: however many people look, counting takes a twentieth of one database connection.
"""

import datetime
import time
from collections.abc import Callable
from typing import Any

from django.core.cache import cache
from django.core.cache.backends.redis import RedisSerializer

FRESH_SECONDS = 2
SHARE = 20
LOCK_SECONDS = 60
KEEP_SECONDS = 3600


class Serializer(RedisSerializer):
    """Django's, for which an object of a class that this release does not have is not there.

    A kept object names its class and module, and another release may have moved them, or still have to.
    """

    def loads(self, data: Any) -> Any:
        try:
            return super().loads(data)
        except (ImportError, AttributeError):
            return None


def cached(name: str, compute: Callable[[], Any]) -> Any:
    """`compute()`, kept in Redis under `name` as the module says; while one computes, others get the last."""
    key, lock = f"remembered:{name}", f"remembered:{name}:lock"
    kept = cache.get(key)
    if kept and (kept["fresh_until"] > time.time() or not cache.add(lock, "1", LOCK_SECONDS)):
        return kept["value"]
    try:
        started = time.time()
        value = compute()
        ended = time.time()
        fresh_until = ended + max(FRESH_SECONDS, SHARE * (ended - started))
        cache.set(key, {"value": value, "fresh_until": fresh_until, "at": started}, KEEP_SECONDS)
    finally:
        cache.delete(lock)
    return value


def computed_at(name: str) -> datetime.datetime | None:
    """When what is remembered under `name` was counted; None where nothing is."""
    kept = cache.get(f"remembered:{name}")
    return datetime.datetime.fromtimestamp(kept["at"], datetime.UTC) if kept and "at" in kept else None


def is_cached(name: str) -> bool:
    return cache.get(f"remembered:{name}") is not None


def invalidate(*names: str) -> None:
    """Count these anew when they are asked for next."""
    cache.delete_many([f"remembered:{name}" for name in names])
