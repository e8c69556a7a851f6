"""Durations of the limits' screen: `{% load limits %}`."""

import math

from django import template

from swarm_admin.core import durations

register = template.Library()


@register.filter
def duration(seconds: float) -> str:
    """ "40 s", "3 min", "2.5 h", "4 days"; real seconds on this machine's clock."""
    return durations.duration(seconds)


@register.filter
def queue_time(seconds: float) -> str:
    """How long the queue will take at this limit, as a short sentence."""
    if math.isinf(seconds):
        return "never clears: limit is 0"
    return "sent immediately" if seconds < 0.05 else f"clears in {durations.approximate(seconds)}"
