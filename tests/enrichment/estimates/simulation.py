"""The limits played through lead by lead, in plain Python: what an estimate has to agree with.

Each window holds the moments at which slots were taken. Batches leave in order as soon as every limit they fall
under has room, as `enrichment.pipeline.dispatch` sends them; whoever was left out is asked an hour later.
"""

import bisect
import math
from dataclasses import dataclass, field

HOUR, MINUTE = 3600.0, 60.0


@dataclass
class Window:
    """At most `count` slots in any `seconds`; `taken`: the moments, sorted."""

    count: int
    seconds: float
    taken: list[float] = field(default_factory=list)

    def free(self, at: float) -> int:
        return self.count - (len(self.taken) - bisect.bisect_right(self.taken, at - self.seconds + 1e-9))

    def room_at(self, at: float, slots: int) -> float:
        """The first moment from `at` on with so many free slots."""
        if self.free(at) >= slots:
            return at
        later = [t + self.seconds for t in self.taken if t + self.seconds > at]
        return next(t for t in later if self.free(t) >= slots)

    def take(self, at: float, slots: int) -> None:
        for _ in range(slots):
            bisect.insort(self.taken, at)


@dataclass
class Budget:
    """A provider: `calls` of it by a full batch; `waits`: batches are held back for it."""

    window: Window
    calls: int
    waits: bool


@dataclass
class Played:
    """`sent`: when the last lead left; `filled`: {provider: when it was asked about the last it was left out of}."""

    sent: float
    filled: dict[str, float]
    left_out: dict[str, int]


def play(
    leads: int, rowless: int, *, rows: Window, triggers: Window, providers: dict[str, Budget],
    rows_batch: int = 50, batch: int = 25, urgent: bool = False,
) -> Played:  # fmt: skip
    """Send so many leads from moment 0 on, nobody else being there."""
    due = sorted([0.0] * (leads - rowless) + _rows(rowless, rows, rows_batch, urgent=urgent))
    sent, at = 0.0, 0.0
    later: dict[str, list[float]] = {name: [] for name in providers}
    for start in range(0, leads, batch):
        group = due[start : start + batch]
        ready = group[-1] if len(group) == batch or urgent else group[-1] + MINUTE
        at = max(at, ready)
        at = _when(at, triggers, [each for each in providers.values() if each.waits])
        triggers.take(at, 1)
        for name, each in providers.items():
            calls = min(each.calls, each.window.count)
            if each.window.free(at) >= calls:
                each.window.take(at, calls)
            else:
                later[name] += [at + HOUR] * len(group)
        sent = at
    filled = {name: _fill_in(providers[name], moments, batch) for name, moments in later.items() if moments}
    return Played(sent, filled, {name: len(moments) for name, moments in later.items() if moments})


def _rows(rowless: int, rows: Window, size: int, *, urgent: bool) -> list[float]:
    made: list[float] = []
    for start in range(0, rowless, size):
        count = min(size, rowless - start)
        at = rows.room_at(0.0 if count == size or urgent else MINUTE, 1)
        rows.take(at, 1)
        made += [at] * count
    return made


def _when(at: float, triggers: Window, held: list[Budget]) -> float:
    while True:
        at_all = max(
            [
                triggers.room_at(at, 1),
                *(each.window.room_at(at, min(each.calls, each.window.count)) for each in held),
            ]
        )
        if math.isclose(at_all, at):
            return at
        at = at_all


def _fill_in(budget: Budget, moments: list[float], size: int) -> float:
    at = 0.0
    for start in range(0, len(moments), size):
        group = moments[start : start + size]
        at = max(at, group[-1] if len(group) == size else group[-1] + MINUTE)
        calls = min(len(group), budget.window.count)
        at = budget.window.room_at(at, calls)
        budget.window.take(at, calls)
    return at
