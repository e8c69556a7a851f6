"""Rate limits as real sliding windows: each call stays in its window for the window's length."""

import math
import time
from collections import deque

from swarm_admin.sandbox.config import Config


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


class Limits:
    """The windows by name, made on first use from the configured limits."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.windows: dict[str, Window] = {}

    def window(self, name: str, limit: int, seconds: float) -> Window:
        """The window of that name; `seconds` are vendor seconds."""
        window = self.windows.get(name)
        if window is None or window.limit != limit:
            length = max(seconds / self.config.speed - self.config.jitter_ms / 1000, 0.0)
            window = self.windows[name] = Window(limit, length)
        return window

    def refuse(self, windows: list[Window], units: int = 1) -> float:
        """0 and counted in every window, or the real seconds to wait and counted in none."""
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
