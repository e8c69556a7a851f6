"""Figures of the Waterfall screens: `{% load waterfalls %}`."""

from decimal import Decimal
from typing import Any

from django import template

register = template.Library()


@register.filter
def percent(share: Any) -> str:
    """A share as percent, without needless decimals: 0.95 → "95 %", 0.9525 → "95.3 %"; a dash where there is none.

    "100 %" is all and "0 %" is nothing: what is nearly that is 99.9 and 0.1.
    """
    if share is None or share == "":
        return "\u2013"
    exact = 100 * Decimal(str(share))
    rounded = exact.quantize(Decimal("0.1"))
    if 0 < exact < 100:
        rounded = min(max(rounded, Decimal("0.1")), Decimal("99.9"))
    text = f"{rounded:.1f}"
    return f"{text.removesuffix('.0')} %"
