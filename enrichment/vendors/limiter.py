"""The vendors' rate limits, held across all processes and machines: sliding windows in Redis.

No window, however aligned, sees more than its limit. The vendor counts the arrival and we count before
sending, so a call's slot is held for a window from its answer (`move_to_arrival`, which the transport calls);
one that is never answered for the window plus a margin (`VENDOR_LATENCY_SECONDS`). Slots are taken, never waited for:
`take` answers 0.0 or the seconds until it is worth asking again.

Why not the moving window of the library `limits`: its windows are whole seconds (a compressed clock needs
fractions), it reads the clocks of the callers (which differ) where this reads the one of Redis, and it takes
one limit at a time (a call here falls under up to two, taken all or nothing). Slots are kept in at most
`GRAINS` steps per window, rounded to the later one, so that 200,000 calls a day stay small in memory.
"""

import functools
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import redis
from django.conf import settings

from . import limits
from .errors import Recovery, Retryable
from .limiter_script import SCRIPT

log = logging.getLogger(__name__)
GRAINS: Final = 1000  # steps in which a window's slots become free
PROVIDER_WINDOW: Final = 3600.0  # providers are limited per hour
WORST_PENALTY: Final = 86_400.0


@dataclass(frozen=True)
class Limit:
    """At most `count` slots in any `seconds` (real seconds, the clock's speed applied)."""

    label: str
    count: int
    seconds: float


@dataclass(frozen=True)
class SlotRequest:
    """`n` slots of the limit `name` in `scope`; `limit`: the count of a provider's budget per hour.

    `longer`: real seconds by which they are held beyond the window, where the call may come so much later.
    """

    name: str
    scope: str = ""
    n: int = 1
    limit: int | None = None
    longer: float = 0.0


@dataclass(frozen=True)
class Gauge:
    """One window: `used` of `limit` slots; all of them free again in `resets_in` seconds.

    `blocked_for`: seconds until anybody gets a slot again after a 429 (0.0: not blocked).
    """

    limit: int
    window_seconds: float
    used: int
    resets_in: float
    blocked_for: float = 0.0


READS: Final = "clay.reads"  # no limit is known of them: there is only the block after a 429


@functools.lru_cache(maxsize=8)
def _connected(url: str) -> tuple[redis.Redis, Any]:
    connection = redis.Redis.from_url(url)
    return connection, connection.register_script(SCRIPT)


def connection() -> redis.Redis:
    """This process's Redis connection pool (safe in threads, and renewed by itself after a fork)."""
    return _connected(settings.REDIS_URL)[0]


def limits_of(name: str, limit: int | None = None) -> list[Limit]:
    """The windows of a limit as configured now; ValueError for an unknown name."""
    speed = float(settings.CLOCK_SPEED)
    if name.startswith("provider:"):
        if limit is None:
            raise ValueError(f"{name}: pass the provider's limit per hour")
        return [Limit("hour", limit, PROVIDER_WINDOW / speed)]
    windows = limits.get(name).windows
    return [Limit(each.label, int(getattr(settings, each.setting)), each.seconds / speed) for each in windows]


def slot_request(name: str, scope: str = "", n: int = 1, *, rows: int | None = None) -> SlotRequest:
    """What one call asks for. `rows`: how many it carries, counted instead of `n` where the limit counts rows."""
    return SlotRequest(name, scope, n if rows is None or not limits.get(name).counts_rows else rows)


def take(name: str, scope: str = "", n: int = 1, *, rows: int | None = None, limit: int | None = None) -> float:
    """Takes `n` slots, or none: 0.0 when granted, else the seconds until it is worth asking again.

    `rows`: see `slot_request`. Raises like `take_all`.
    """
    asked = slot_request(name, scope, n, rows=rows)
    return take_all([SlotRequest(name, scope, asked.n, limit)]).wait


@dataclass(frozen=True)
class Claim:
    """Slots of several limits, taken together; `wait`: none was, for so many seconds.

    `stamps` tells which they are, so that exactly these are given back.
    """

    asks: Sequence[SlotRequest]
    wait: float = 0.0
    stamps: Sequence[int] = ()

    def give_back(self) -> None:
        """The slots of calls that were certainly never sent."""
        if self.asks and not self.wait:
            _run("back", self.asks, self.stamps)

    def end(self) -> None:
        """These very slots are free now; those that were free already stay so, and nobody else's are touched."""
        _run("end", self.asks, self.stamps)


def take_all(asks: Sequence[SlotRequest]) -> Claim:
    """Takes all that is asked, or nothing, atomically. Asks for 0 slots are ignored.

    Raises ValueError when more is asked than a limit ever allows, `redis.RedisError` when Redis is out of reach
    (nothing is taken).
    """
    wanted = _check_within_limits(asks)
    if not wanted:
        return Claim([])
    granted, wait, *stamps = _run("all", wanted)
    return Claim(wanted, stamps=stamps) if granted else Claim(wanted, _wait(wait, wanted))


def charge(asks: Sequence[SlotRequest]) -> None:
    """Calls that were made: their slots are taken for a window from now, whether or not there is room for them.

    Raises `redis.RedisError` when Redis is out of reach.
    """
    wanted = [each for each in asks if each.n > 0]
    if wanted:
        _run("count", wanted)


def wait_of(asked: SlotRequest) -> float:
    """Real seconds until so many slots are free; 0.0: they are. Takes none; raises like `take_all`."""
    wanted = _check_within_limits([asked])
    if not wanted:
        return 0.0
    granted, wait, *_ = _run("when", wanted)
    return 0.0 if granted else _wait(wait, wanted)


def _check_within_limits(asks: Sequence[SlotRequest]) -> list[SlotRequest]:
    """Those that ask for anything. ValueError where one asks for more than its limit ever allows."""
    wanted = [each for each in asks if each.n > 0]
    for each in wanted:
        if any(each.n > window.count > 0 for window in limits_of(each.name, each.limit)):
            raise ValueError(f"{each.n} slots of {each.name} asked, more than the limit ever allows")
    return wanted


def move_to_arrival(name: str, scope: str = "", *, rows: int | None = None) -> None:
    """A call under the limit was answered, so it arrived before now: its slot is free a window from now.

    Never fails: without this the slot is held for as long as a call may take at most.
    """
    try:
        _run("landed", [slot_request(name, scope, rows=rows)])
    except redis.RedisError as error:
        log.warning("a slot of %s is kept longer: %s", name, type(error).__name__)


@dataclass
class Slots:
    """Slots taken for what a piece of work may need at most; `wait`: none was, for so many seconds."""

    claim: Claim
    left: int

    @property
    def wait(self) -> float:
        return self.claim.wait

    def use(self) -> None:
        """Before each call. Raises Retryable where more is called than was taken and there is no slot."""
        (slot,) = self.claim.asks
        if self.left:
            self.left -= 1
        elif take(slot.name, slot.scope):
            vendor = slot.name.partition(".")[0]
            raise Retryable(vendor, "limit", code="no_slot", recovery=Recovery.DELAY, sent=False)

    def give_back(self) -> None:
        """What was not used."""
        (slots,) = self.claim.asks
        if self.left:
            Claim([SlotRequest(slots.name, slots.scope, self.left)], stamps=self.claim.stamps).give_back()
            self.left = 0


def reserve(name: str, scope: str, n: int) -> Slots:
    """`n` slots at once, or as many as the limit ever allows, to be used one by one; or none."""
    n = min([n, *(window.count for window in limits_of(name) if window.count > 0)])
    claim = take_all([SlotRequest(name, scope, n)])
    return Slots(claim, 0 if claim.wait else n)


def free_slots(name: str, scope: str = "") -> int:
    """How many slots there are now; takes none."""
    gauges = peek_all(name, scope)
    return max(0, min(0 if gauge.blocked_for else gauge.limit - gauge.used for gauge in gauges))


def wait_for(name: str, scope: str, *, share: float, at_least: int = 1) -> float:
    """Real seconds until that share of the limit, and at least so many slots, are free; 0.0: they are."""
    counts = [window.count for window in limits_of(name) if window.count > 0]
    n = min([max(at_least, math.ceil(share * min(counts))), *counts]) if counts else at_least
    return wait_of(SlotRequest(name, scope, n))


def penalise(name: str, scope: str, seconds: float) -> None:
    """After a 429: nobody gets a slot for so many real seconds (its Retry-After). A longer block stays."""
    milliseconds = math.ceil(min(max(seconds, 0.0), WORST_PENALTY) * 1000)
    key = _key(name, scope, "block")
    if milliseconds and connection().pttl(key) < milliseconds:
        connection().set(key, 1, px=milliseconds)


def blocked_for(name: str, scope: str = "") -> float:
    """Real seconds until the block after a 429 ends; 0.0: there is none."""
    return max(int(connection().pttl(_key(name, scope, "block"))), 0) / 1000


def strikes(name: str, scope: str, lapse: float) -> int:
    """How many 429s came one after the other, this one counted; forgotten `lapse` real seconds after it.

    Those that come while a block holds answer calls made before it, so they are of the same 429.
    """
    key = _key(name, scope, "strikes")
    if blocked_for(name, scope):
        return int(connection().get(key) or 1)
    with connection().pipeline() as together:
        together.incr(key)
        together.pexpire(key, math.ceil(lapse * 1000))
        return int(together.execute()[0])


def peek_all(name: str, scope: str = "", *, limit: int | None = None) -> list[Gauge]:
    """Every window of a limit, in the order of the windows' length; takes nothing."""
    numbers = _run("peek", [SlotRequest(name, scope, 1, limit)])
    gauges = []
    for at, window in enumerate(limits_of(name, limit)):
        used, free, blocked = numbers[3 * at : 3 * at + 3]
        gauges.append(Gauge(window.count, window.seconds, used, free / 1e6, blocked / 1e6))
    return gauges


def peek(name: str, scope: str = "", *, limit: int | None = None) -> Gauge:
    """The fullest window of a limit; takes nothing."""
    return max(peek_all(name, scope, limit=limit), key=lambda gauge: gauge.used / max(gauge.limit, 1))


def _key(name: str, scope: str, part: str) -> str:
    return f"limit:{name}:{scope}:{part}"


def _run(mode: str, asks: Sequence[SlotRequest], stamps: Sequence[int] = ()) -> list[int]:
    keys: list[str] = []
    args: list[str | int] = [mode]
    for ask in asks:
        for window in limits_of(ask.name, ask.limit):
            slots = _key(ask.name, ask.scope, window.label)
            keys += [slots, f"{slots}:n", _key(ask.name, ask.scope, "block")]
            hold = window.seconds + (0.0 if mode == "count" else settings.VENDOR_LATENCY_SECONDS + ask.longer)
            grain = max(window.seconds / GRAINS, 1e-6)
            grains = [math.ceil(hold * 1e6), math.ceil(grain * 1e6)]
            stamp = stamps[len(keys) // 3 - 1] if stamps else 0
            args += [window.count, *grains, ask.n, math.ceil(window.seconds * 1e6), stamp]
    script = _connected(settings.REDIS_URL)[1]
    return [int(number) for number in script(keys=keys, args=args)]


def _wait(microseconds: int, asks: Sequence[SlotRequest]) -> float:
    """At least a millisecond; a limit of 0 never frees a slot, so its window is the answer."""
    longest = max(window.seconds for ask in asks for window in limits_of(ask.name, ask.limit))
    return max(microseconds / 1e6, 0.001) if microseconds else longest
