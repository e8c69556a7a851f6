"""Shares in whole percent that never round to all or to nothing."""


def percent_of(part: float, whole: float) -> int:
    """100 only where all of it is there, 0 only where nothing is; 0 of nothing is 0.

    More than all is told as it is, rounded down.
    """
    if not whole or part <= 0:
        return 0
    percent = int(100 * part / whole)
    return percent if part >= whole else min(max(percent, 1), 99)
