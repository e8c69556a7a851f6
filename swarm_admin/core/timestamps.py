"""Times that come as text from outside, in the form that the description of the API names."""

import re
from typing import Any

# RFC 3339, 5.6: a day and a time, "T" or a blank between them; whether the day is one, and the offset, others read.
_WRITTEN = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}.{0,40}", re.ASCII | re.DOTALL)
NEEDED = "needs a date, a time and a UTC offset, as in 2026-11-20T09:30+01:00"


def require_timestamp(value: Any) -> Any:
    """Before pydantic reads a time: numbers, and text of digits, are no seconds since 1970.

    Raises:
        ValueError: it is such a number, or text that is no day with a time.
    """
    if isinstance(value, int | float) or (isinstance(value, str) and not _WRITTEN.fullmatch(value.strip())):
        raise ValueError(NEEDED)
    return value
