"""Durations of the limits' screen: `{% load limits %}`."""

import math

from django import template

register = template.Library()


@register.filter
def duration(seconds: float) -> str:
    """ "0.4 s", "12 s", "3 min", "2.5 h", "4 d"; real seconds on this machine's clock."""
    if math.isinf(seconds):
        return "never"
    for below, size, unit in ((120, 1, "s"), (7_200, 60, "min"), (172_800, 3600, "h")):
        if seconds < below:
            amount = seconds / size
            return f"{amount:.1f} {unit}" if amount < 10 and unit != "min" else f"{math.ceil(amount)} {unit}"
    return f"{seconds / 86_400:.1f} d"


@register.filter
def queue_time(seconds: float) -> str:
    """How long the queue will take at this limit, as a short sentence."""
    if math.isinf(seconds):
        return "never gone: the limit is 0"
    return "goes out at once" if seconds < 0.05 else f"gone in {duration(seconds)}"
