"""How vendors' calls went: counts per status, last good call, time spent; in Redis, for all processes."""

import datetime
import logging
from dataclasses import dataclass, field
from typing import Final, cast

import redis
from django.utils import timezone

from . import limiter

log = logging.getLogger(__name__)
KEEP_SECONDS: Final = 7 * 86_400
NOT_THERE: Final = 404  # an answer like another: a look-up found nothing
_COUNT: Final = "count:"


@dataclass(frozen=True)
class Vital:
    """One call of one vendor; `counts`: answers by status, or by our word where none came (`timeout` …).

    `last_bad_status`: of the newest answer that was neither good nor a 404, at `last_bad`.
    """

    call: str
    counts: dict[str, int] = field(default_factory=dict)
    last_good: datetime.datetime | None = None
    last_seen: datetime.datetime | None = None
    last_bad: datetime.datetime | None = None
    last_bad_status: str = ""
    mean_seconds: float = 0.0


def record(vendor: str, call: str, status: int | str, seconds: float) -> None:
    """Counts one call. Never fails: a metric is not worth a call."""
    now = timezone.now().timestamp()
    key = f"vitals:{vendor}:{call}"
    try:
        pipe = limiter.connection().pipeline(transaction=False)
        pipe.hincrby(key, f"{_COUNT}{status}", 1)
        pipe.hincrbyfloat(key, "seconds", seconds)
        pipe.hset(key, "last_seen", str(now))
        if isinstance(status, int) and 200 <= status < 300:
            pipe.hset(key, "last_good", str(now))
        elif status != NOT_THERE:
            pipe.hset(key, mapping={"last_bad": str(now), "last_bad_status": str(status)})
        pipe.expire(key, KEEP_SECONDS)
        pipe.sadd(f"vitals:{vendor}", call)
        pipe.execute()
    except redis.RedisError as error:
        log.warning("vitals of %s %s not kept: %s", vendor, call, type(error).__name__)


def vitals(vendor: str) -> list[Vital]:
    """All calls of a vendor made in the last week, by name."""
    connection = limiter.connection()
    calls = sorted(name.decode() for name in cast(set[bytes], connection.smembers(f"vitals:{vendor}")))
    return [found for call in calls if (found := _vital(connection, vendor, call))]


def _vital(connection: redis.Redis, vendor: str, call: str) -> Vital | None:
    stored = cast(dict[bytes, bytes], connection.hgetall(f"vitals:{vendor}:{call}"))
    if not stored:
        return None
    values = {name.decode(): value.decode() for name, value in stored.items()}
    counts = {
        name.removeprefix(_COUNT): int(value) for name, value in values.items() if name.startswith(_COUNT)
    }
    return Vital(
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
