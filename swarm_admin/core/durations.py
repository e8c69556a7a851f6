"""Durations in words, the same on every screen: figures people say, and never nothing."""

import math

_STEPS = (  # below so many seconds: unit in seconds, its words, rounded to so many units
    (90.0, 1, "s", 5.0),
    (3_300.0, 60, "min", 1.0),
    (172_800.0, 3_600, "h", 0.5),
    (math.inf, 86_400, "days", 0.5),
)


def duration(seconds: float) -> str:
    """ "a few seconds", "40 s", "12 min", "3.5 h", "2 days"; "never" where there is no end.

    Seconds are rounded up to five, minutes to whole ones, hours and days to the nearest half.
    """
    if math.isinf(seconds):
        return "never"
    if seconds < 5:
        return "a few seconds"
    _, size, unit, step = next(each for each in _STEPS if seconds < each[0])
    steps = seconds / size / step
    amount = step * (round(steps) if step == 0.5 else math.ceil(steps - 1e-9))
    return f"{amount:g} {unit}"


def approximate(seconds: float) -> str:
    """ "about 12 min"; as it is where there is no figure in it."""
    words = duration(seconds)
    return words if words in ("never", "a few seconds") else f"about {words}"


def capitalize(words: str) -> str:
    """The words at the beginning of a sentence."""
    return words[:1].upper() + words[1:]
