"""Figures of the Waterfall screens: `{% load waterfalls %}`."""

from decimal import Decimal
from typing import Any

from django import template

register = template.Library()


@register.filter
def percent(share: Any) -> str:
    """A share as percent, without needless decimals: 0.95 → "95 %", 0.9525 → "95.3 %"; a dash where there is none."""
    if share is None or share == "":
        return "\u2013"
    told = f"{100 * Decimal(str(share)):.1f}"
    return f"{told.removesuffix('.0')} %"
