"""Rate limits: sliding windows, in which each call stays for the window's length, and buckets that refill."""

import math
import time
from collections import deque
from collections.abc import Sequence

from swarm_admin.sandbox.config import Config

ROUNDING = 1e-6  # of a unit: what adding up fractions of seconds may lose


class Window:
    """At most `limit` units in any `seconds` (real time). A refused call is not counted."""

    __slots__ = ("limit", "seconds", "taken", "used")

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        self.taken: deque[tuple[float, int]] = deque()
        self.used = 0

    def remaining(self, now: float) -> int:
        """Units still free at `now`."""
        edge = now - self.seconds
        taken = self.taken
        while taken and taken[0][0] <= edge:
            self.used -= taken.popleft()[1]
        return self.limit - self.used

    def wait(self, units: int, now: float) -> float:
        """Seconds until `units` are free; 0 when they are. More than the limit never is: a whole window."""
        free = self.remaining(now)
        if free >= units:
            return 0.0
        for at, held in self.taken:
            free += held
            if free >= units:
                return max(at + self.seconds - now, 0.001)
        return self.seconds

    def take(self, units: int, now: float) -> None:
        """Counts `units` at `now`."""
        self.taken.append((now, units))
        self.used += units


class Bucket:
    """At most `burst` units at once, refilled by `rate` units in a (real) second. A refused call is not counted.

    `slack` units more are let through, which is what the jitter of the network is worth.
    """

    __slots__ = ("at", "level", "limit", "rate", "slack")

    def __init__(self, rate: float, burst: int, slack: float = 0.0) -> None:
        self.limit = burst
        self.rate = rate
        self.slack = slack
        self.level = float(burst)
        self.at = 0.0

    def wait(self, units: int, now: float) -> float:
        """Seconds until `units` are free; 0 when they are. More than the burst never is: the time of a whole one."""
        if units > self.limit:
            return self.limit / self.rate
        self.level = min(self.level + (now - self.at) * self.rate, float(self.limit))
        self.at = now
        lacking = units - self.slack - self.level
        return max(lacking / self.rate, 0.001) if lacking > ROUNDING else 0.0

    def take(self, units: int, now: float) -> None:
        """Counts `units` at `now`, after a `wait` that was 0."""
        self.level -= units


class Limits:
    """The limits by name, made on first use from the configured figures."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.windows: dict[str, Window] = {}
        self.buckets: dict[str, Bucket] = {}

    def clear(self) -> None:
        """Begins every limit anew."""
        self.windows.clear()
        self.buckets.clear()

    def bucket(self, name: str, rate: float, burst: int) -> Bucket:
        """The bucket of that name; `rate` is in units a vendor second."""
        if name not in self.buckets:
            speed = self.config.speed
            self.buckets[name] = Bucket(rate * speed, burst, rate * speed * self.config.jitter_ms / 1000)
        return self.buckets[name]

    def window(self, name: str, limit: int, seconds: float) -> Window:
        """The window of that name; `seconds` are vendor seconds."""
        window = self.windows.get(name)
        if window is None or window.limit != limit:
            length = max(seconds / self.config.speed - self.config.jitter_ms / 1000, 0.0)
            window = self.windows[name] = Window(limit, length)
        return window

    def refuse(self, windows: Sequence[Window | Bucket], units: int = 1) -> float:
        """0 and counted in every one, or the real seconds to wait and counted in none."""
        if not self.config.limits:
            return 0.0
        now = time.monotonic()
        longest = max(window.wait(units, now) for window in windows)
        if not longest:
            for window in windows:
                window.take(units, now)
        return longest


def retry_after(seconds: float) -> str:
    """The `Retry-After` header: whole seconds, rounded up, at least one."""
    return str(max(1, math.ceil(seconds)))
