"""When the last of so many calls leaves, at one limit. Pure arithmetic, in real seconds from now."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from enrichment.vendors.limiter import Gauge, Limit


def seconds_for(windows: Sequence[Limit], gauges: Sequence[Gauge], calls: int, *, together: int = 1) -> float:
    """Until `calls` calls have left, from what is free now; infinite where the limit is 0.

    `together`: so many are taken at once or not at all, so what a window has left over beside them is not used.
    """
    longest = 0.0
    for window, gauge in zip(windows, gauges, strict=True):
        wait = gauge.blocked_for if calls else 0.0
        longest = max(longest, wait, _of_window(window, gauge, calls, together))
    return longest


def _of_window(window: Limit, gauge: Gauge, calls: int, together: int) -> float:
    if not calls:
        return 0.0
    if window.count <= 0:
        return math.inf
    size = max(min(together, window.count), 1)
    groups, per_window = math.ceil(calls / size), window.count // size
    free = max(window.count - gauge.used, 0) // size
    beyond = groups - free
    if beyond <= 0:
        return 0.0
    # In each window the slots now in use come free first, by `resets_in`; then those taken at once.
    whole, rest = divmod(beyond - 1, per_window)
    last = gauge.resets_in if rest < per_window - free else window.seconds
    return whole * window.seconds + last


@dataclass(frozen=True)
class Lane:
    """One limit as it stands now: its windows, and how full each is."""

    name: str
    windows: list[Limit] = field(default_factory=list)
    gauges: list[Gauge] = field(default_factory=list)

    def seconds(self, calls: int, *, together: int = 1) -> float:
        return seconds_for(self.windows, self.gauges, calls, together=together)

    def groups_by(self, seconds: float, most: int, *, together: int) -> int:
        """How many groups of `together` calls, `most` at most, have left by then."""
        low, high = 0, most
        while low < high:
            middle = (low + high + 1) // 2
            if self.seconds(middle * together, together=together) <= seconds:
                low = middle
            else:
                high = middle - 1
        return low

    @property
    def window_seconds(self) -> float:
        return max((window.seconds for window in self.windows), default=0.0)
