"""How often a provider answers: a share with where it comes from, and its interval where it was observed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

Z95 = 1.959963984540054  # the normal distribution's 97.5 % point: intervals hold 95 %
LEAST = 30  # asked fewer times, an observed share says too little and the tabled figure stands


class Source(StrEnum):
    TABLED = "tabled"
    OBSERVED = "observed"


@dataclass(frozen=True)
class Rate:
    """`value` is a share, 0 to 1; `low` and `high` its 95 % interval, the value itself where it is tabled.

    `n`: how many times it was asked; 0 where it is tabled. `few`: observed too, but fewer times than counts.
    """

    value: float
    source: Source
    n: int = 0
    low: float = 0.0
    high: float = 1.0
    few: int = 0

    @property
    def is_assumption(self) -> bool:
        return self.source == Source.TABLED

    @property
    def words(self) -> str:
        """ "tabled accuracy, an assumption", or "observed n=1,234, 91.2 to 94.0 %"."""
        if not self.is_assumption:
            return f"observed n={self.n:,}, {100 * self.low:.1f} to {100 * self.high:.1f} %"
        asked = f"; called only {self.few:,} time{'' if self.few == 1 else 's'} so far" if self.few else ""
        return f"published accuracy, an assumption{asked}"


def catalogue_rate(value: float, few: int = 0) -> Rate:
    """The catalogue's accuracy standing in for a hit rate, which it is not (D9)."""
    return Rate(value, Source.TABLED, low=value, high=value, few=few)


def observed_rate(hits: int, asked: int) -> Rate:
    """Raises ValueError where nothing was asked."""
    low, high = wilson(hits, asked)
    return Rate(hits / asked, Source.OBSERVED, asked, low, high)


def wilson(hits: int, asked: int, z: float = Z95) -> tuple[float, float]:
    """Wilson's score interval of a share (Wilson, 1927): never outside 0 to 1, and right for shares near them."""
    if asked < 1 or not 0 <= hits <= asked:
        raise ValueError(f"{hits} of {asked} is no share")
    share, zz = hits / asked, z * z
    middle = (share + zz / (2 * asked)) / (1 + zz / asked)
    reach = z * math.sqrt(share * (1 - share) / asked + zz / (4 * asked * asked)) / (1 + zz / asked)
    low = 0.0 if hits == 0 else max(middle - reach, 0.0)
    return low, 1.0 if hits == asked else min(middle + reach, 1.0)


def chosen_rate(hits: int, asked: int, tabled_share: float | None, least: int = LEAST) -> Rate | None:
    """The observed share where it was asked often enough, else the tabled one; None where there is neither."""
    if asked >= least:
        return observed_rate(hits, asked)
    return None if tabled_share is None else catalogue_rate(tabled_share, few=asked)
