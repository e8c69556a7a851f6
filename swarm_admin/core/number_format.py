"""Numbers as people read them, the same on every screen."""

from decimal import Decimal, InvalidOperation
from typing import Any

MISSING = "\u2013"  # a dash


def money(amount: Any, places: int = 2) -> str:
    """US dollars: the currency of the providers' catalogue."""
    try:
        return f"${Decimal(str(amount or 0)):,.{int(places)}f}"
    except InvalidOperation:
        return MISSING


def number(value: Any) -> str:
    """Thousands separated, no needless decimals; a dash where there is none."""
    if value is None or value == "":
        return MISSING
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
