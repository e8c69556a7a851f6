"""Numbers that come as text from outside: plain ASCII digits and bounded, or no number.

Python's `int` and `float` take "1_0" for ten, "+1", blanks around and the digits of every script, and refuse to read
one of thousands of digits with an error of their own.
"""

import re
from typing import Any

LONGEST = 19  # digits of the highest number
HIGHEST = 2**63 - 1  # of a key in PostgreSQL
_DECIMAL = re.compile(r"-?[0-9]{1,19}(\.[0-9]{0,19})?|-?\.[0-9]{1,19}")


def parse_int(text: str | None, most: int = HIGHEST) -> int | None:
    """The number from 0 to `most` that the digits write; None for any other text."""
    if not text or len(text) > LONGEST or not (text.isascii() and text.isdecimal()):
        return None
    number = int(text)
    return number if number <= most else None


def parse_ints(texts: list[str]) -> list[int]:
    """Those of `texts` that are numbers."""
    return [number for text in texts if (number := parse_int(text)) is not None]


def is_decimal(text: str) -> bool:
    """Whether it is a number with at most 19 digits on either side of its point."""
    return bool(_DECIMAL.fullmatch(text))


def require_int(value: Any) -> Any:
    """Before pydantic reads an integer: text that is none by `parse_int` is refused, what is no text stays.

    Raises:
        ValueError: it is such a text.
    """
    if not isinstance(value, str):
        return value
    number = parse_int(value)
    if number is None:
        raise ValueError("must be a number in digits")
    return number
