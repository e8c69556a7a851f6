"""How vendors' calls went: counts per status, last good call, time spent; in Redis, for all processes."""

import atexit
import datetime
import logging
import os
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final, cast

import redis
from django.utils import timezone

from enrichment.vendors import limiter

log = logging.getLogger(__name__)
KEEP_SECONDS: Final = 7 * 86_400
NOT_THERE: Final = 404  # an answer like another: a look-up found nothing
WRITE_SECONDS: Final = 0.5
_COUNT: Final = "count:"


@dataclass(frozen=True)
class CallHealth:
    """One call of one vendor; `counts`: answers by status, or by our word where none came whole.

    The words: `timeout`, `connection_lost`, `not_sent`, and `unreadable` where a good status came with no JSON.

    `last_bad_status`: of the newest answer that was neither good nor a 404, at `last_bad`.
    """

    call: str
    counts: dict[str, int] = field(default_factory=dict)
    last_good: datetime.datetime | None = None
    last_seen: datetime.datetime | None = None
    last_bad: datetime.datetime | None = None
    last_bad_status: str = ""
    mean_seconds: float = 0.0


@dataclass
class _Unwritten:
    """What was seen of one call since it was last written."""

    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    stamps: dict[str, str] = field(default_factory=dict)


_told: dict[tuple[str, str], _Unwritten] = {}
_lock = threading.Lock()
_writing = threading.Lock()  # who has written may rely on it that nothing counted before is still on its way
_timer: threading.Timer | None = None


def count_call(vendor: str, call: str, status: int | str, seconds: float) -> None:
    """Counts one call; written within WRITE_SECONDS, for a round trip to Redis costs as much as reading an answer."""
    global _timer
    now = str(timezone.now().timestamp())
    with _lock:
        unwritten = _told.setdefault((vendor, call), _Unwritten())
        unwritten.counts[str(status)] += 1
        unwritten.seconds += seconds
        unwritten.stamps["last_seen"] = now
        if isinstance(status, int) and 200 <= status < 300:
            unwritten.stamps["last_good"] = now
        elif status != NOT_THERE:
            unwritten.stamps |= {"last_bad": now, "last_bad_status": str(status)}
        if _timer is None:
            _timer = threading.Timer(WRITE_SECONDS, write)
            _timer.daemon = True
            _timer.start()


def write() -> None:
    """Writes what was counted in this process. Never fails: a metric is not worth a call."""
    with _writing:
        _write_counts(_take_unwritten())


def forget_errors(vendor: str) -> None:
    """What went wrong there says nothing of now: it is called in another way. The counts stay. Never fails."""
    try:
        pipe = limiter.connection().pipeline(transaction=False)
        for call in call_health(vendor):
            pipe.hdel(f"vitals:{vendor}:{call.call}", "last_bad", "last_bad_status")
        pipe.execute()
    except redis.RedisError as error:
        log.warning("errors of %s not forgotten: %s", vendor, type(error).__name__)


def _take_unwritten() -> dict[tuple[str, str], _Unwritten]:
    """What was counted; from here on it is counted anew."""
    global _timer
    with _lock:
        unwritten = dict(_told)
        _told.clear()
        if _timer is not None:
            _timer.cancel()
            _timer = None
    return unwritten


def _write_counts(unwritten: dict[tuple[str, str], _Unwritten]) -> None:
    if not unwritten:
        return
    try:
        pipe = limiter.connection().pipeline(transaction=False)
        for (vendor, call), seen in unwritten.items():
            key = f"vitals:{vendor}:{call}"
            for status, count in seen.counts.items():
                pipe.hincrby(key, f"{_COUNT}{status}", count)
            pipe.hincrbyfloat(key, "seconds", seen.seconds)
            pipe.hset(key, mapping=cast(Any, seen.stamps))
            pipe.expire(key, KEEP_SECONDS)
            pipe.sadd(f"vitals:{vendor}", call)
        pipe.execute()
    except redis.RedisError as error:
        log.warning("health of %s calls not kept: %s", len(unwritten), type(error).__name__)


def _after_fork() -> None:
    """The parent writes what it counted; a forked child has no timer and may have inherited a held lock."""
    global _lock, _writing, _timer
    _lock, _writing, _timer = threading.Lock(), threading.Lock(), None
    _told.clear()


os.register_at_fork(after_in_child=_after_fork)
atexit.register(write)


def call_health(vendor: str) -> list[CallHealth]:
    """All calls of a vendor made in the last week, by name."""
    write()
    connection = limiter.connection()
    calls = sorted(name.decode() for name in cast(set[bytes], connection.smembers(f"vitals:{vendor}")))
    return [health for call in calls if (health := _read_health(connection, vendor, call))]


def _read_health(connection: redis.Redis, vendor: str, call: str) -> CallHealth | None:
    stored = cast(dict[bytes, bytes], connection.hgetall(f"vitals:{vendor}:{call}"))
    if not stored:
        return None
    values = {name.decode(): value.decode() for name, value in stored.items()}
    counts = {name.removeprefix(_COUNT): int(value) for name, value in values.items() if name.startswith(_COUNT)}
    return CallHealth(
        call=call,
        counts=counts,
        last_good=_moment(values.get("last_good")),
        last_seen=_moment(values.get("last_seen")),
        last_bad=_moment(values.get("last_bad")),
        last_bad_status=values.get("last_bad_status", ""),
        mean_seconds=float(values.get("seconds", 0)) / max(sum(counts.values()), 1),
    )


def _moment(stamp: str | None) -> datetime.datetime | None:
    return datetime.datetime.fromtimestamp(float(stamp), datetime.UTC) if stamp else None
