"""A limit with bursts, held across all processes: so many calls a second on average, and a few more at once.

The generic cell rate algorithm in Redis, on the clock of Redis: what is kept is the time at which the bucket would be
full again. Unlike a sliding window it loses nothing where a call comes a little late, so a steady sender gets the whole
rate. A few tokens of the burst are never used: calls that left apart may arrive together.

A block after a 429 is `limiter`'s, under the same name and scope.
"""

import functools
from dataclasses import dataclass
from typing import Any, Final

import redis
from django.conf import settings

from enrichment.vendors import limiter

SPARED: Final = 0.25  # share of the burst that is left for calls that catch up with each other on their way

# KEYS: the time at which the bucket is full again, the block. ARGV: µs a token, tokens of a full bucket, tokens wanted.
# Answer: {tokens granted, µs to wait}.
_SCRIPT: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local each, burst, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local blocked = redis.call('PTTL', KEYS[2])
if blocked > 0 then return {0, blocked * 1000} end
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local granted = math.min(wanted, math.floor((now + burst * each - full) / each))
if granted < 1 then return {0, math.ceil(full - now - (burst - 1) * each)} end
full = full + granted * each
redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000) + 1000)
return {granted, 0}
"""


@dataclass(frozen=True)
class Grant:
    """Tokens taken; where none was, `wait` real seconds until there is one."""

    tokens: int
    wait: float = 0.0


def take(name: str, scope: str, wanted: int, *, per_second: int, burst: int) -> Grant:
    """Takes up to `wanted` tokens. Raises `redis.RedisError` where Redis is out of reach: none is taken."""
    if per_second < 1 or wanted < 1:
        return Grant(0, 1.0)
    each = 1e6 / per_second / float(settings.CLOCK_SPEED)
    usable = max(1, round(burst * (1 - SPARED)))
    keys = [f"limit:{name}:{scope}:bucket", f"limit:{name}:{scope}:block"]
    granted, wait = _script(settings.REDIS_URL)(keys=keys, args=[each, usable, wanted])
    if granted:
        limiter.charge([limiter.SlotRequest(name, scope, int(granted))])
    return Grant(int(granted), max(int(wait), 0) / 1e6)


@functools.lru_cache(maxsize=8)
def _script(url: str) -> Any:
    return redis.Redis.from_url(url).register_script(_SCRIPT)
