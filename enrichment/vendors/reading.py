"""Values from outside in the types of the mirror (D24): "250" → 250, "a, b" → ["a", "b"], "" → missing.

What cannot be read as its field's type is a conflict on that field, never a failure of the row.
"""

import datetime
import json
import math
import re
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from django.utils import timezone

from swarm_admin.core import companies
from swarm_admin.core.clean_text import cleaned, is_damaged
from swarm_admin.core.identifiers import emails, phones
from swarm_admin.core.identifiers.text import is_missing

# Digits are ASCII. 1,200: a comma that groups, and no other; 1.200 can be read two ways, so it is not guessed (D29).
_PLAIN = re.compile(r"[+-]?(?:\d{1,15}(?:\.\d{0,20})?|\.\d{1,20})(?:e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3}){1,5}(?:\.\d{1,20})?", re.ASCII)
_AMBIGUOUS = re.compile(r"[1-9]\d{0,2}\.\d{3}", re.ASCII)
LONGEST_NUMBER = 40  # characters
AHEAD = datetime.timedelta(minutes=5)  # D13: a time further ahead of our clock counts as now


class Unreadable(ValueError):
    """The value cannot be read as its field's type."""


def clean(text: str) -> str:
    """Without NUL bytes and lone surrogates, which PostgreSQL cannot store."""
    return text.replace("\x00", "").encode("utf-8", "ignore").decode("utf-8")


def text(longest: int | None = None, *, lines: bool = False) -> Callable[[Any], str]:
    """Reads text as people see it (`core.clean_text`), in one line unless `lines`.

    A short one in which a letter is lost is not guessed: Unreadable.
    """

    def read(value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise Unreadable
        if isinstance(value, float) and not math.isfinite(value):
            raise Unreadable
        read_text = cleaned(str(value), lines=lines)
        if longest is not None and (len(read_text) > longest or is_damaged(str(value))):
            raise Unreadable
        return read_text

    return read


def number(value: Any) -> float:
    """A finite number that is not negative; "1,200" and "250 " are read, "51-200", "2,5" and "1.200" are not."""
    if isinstance(value, bool):
        raise Unreadable
    if isinstance(value, str):
        value = _digits(value)
    try:
        read = float(value)
    except (TypeError, ValueError, OverflowError):
        raise Unreadable from None
    if not math.isfinite(read) or read < 0:
        raise Unreadable
    return read


def at_most(most: float) -> Callable[[Any], float]:
    """`number`, where what is larger cannot be right."""

    def read(value: Any) -> float:
        if (value_read := number(value)) > most:
            raise Unreadable
        return value_read

    return read


def _digits(text: str) -> str:
    """`text` as `float` reads it, where that is the one way to read it."""
    bare = "".join(cleaned(text[: 4 * LONGEST_NUMBER]).split())
    if len(text) > 4 * LONGEST_NUMBER or len(bare) > LONGEST_NUMBER or _AMBIGUOUS.fullmatch(bare):
        raise Unreadable
    if _GROUPED.fullmatch(bare):
        return bare.replace(",", "")
    if not _PLAIN.fullmatch(bare):
        raise Unreadable
    return bare


def whole_number(value: Any) -> int:
    read = number(value)
    if not read.is_integer() or read > 2_147_483_647:
        raise Unreadable
    return int(read)


def email(value: Any) -> str:
    """In the canonical form (D27); "" for one that only says that none is known ("null@acme.com").

    One that nobody reads (noreply@) is Unreadable: it must not take the place of a person's.
    """
    read = _identifier(emails.canonical, text(4 * emails.MAX_LENGTH)(value))
    if emails.is_unread(read):
        raise Unreadable
    return "" if emails.is_nothing(read) else read


def phone(country: str) -> Callable[[Any], str]:
    """E.164 of a valid number; one without a country code is read as one of `country` (the waterfall's)."""
    return lambda value: _identifier(lambda number: phones.canonical(number, country), text(64)(value))


def _identifier(read: Callable[[str], str], value: str) -> str:
    try:
        return read(value)
    except ValueError:
        raise Unreadable from None


class OnSharedHost(Unreadable):
    """The address is on a host that many companies share; `page` is what may be kept of it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.page = page


def domain(value: Any) -> str:
    """ "https://www.de.Acme.com/about" → "acme.com": what the company registered (D30), as an A-label.

    Raises:
        OnSharedHost: the host is many companies'.
        Unreadable: nobody can have registered it.
    """
    read = text(companies.MAX_ADDRESS)(value)
    parts = urlsplit(read if "//" in read else f"//{read}")
    if "@" in parts.netloc or any(map(str.isspace, parts.netloc)):
        raise Unreadable
    try:
        return companies.registrable(parts.hostname or "")
    except companies.SharedHost:
        raise OnSharedHost(read) from None
    except ValueError:
        raise Unreadable from None


def texts(value: Any) -> list[str]:
    """A list of texts; "a, b", "a | b" and a list of numbers are read too."""
    if isinstance(value, str):
        stripped = cleaned(value, lines=True)
        if stripped.startswith("["):
            try:
                return texts(json.loads(stripped))
            except ValueError:
                raise Unreadable from None
        value = re.split(r"[,;|\n•]", stripped)
    if not isinstance(value, list):
        raise Unreadable
    return [item for item in (text()(each) for each in value if not is_missing(each)) if item]


def posts(value: Any) -> list[Any]:
    """Recent activity: texts or objects, in the shape the source gives them; a list may come as JSON in a text."""
    if isinstance(value, str):
        try:
            listed = json.loads(value) if value.lstrip().startswith("[") else None
        except (ValueError, RecursionError):
            listed = None
        value = listed if isinstance(listed, list) else [value]
    if not isinstance(value, list):
        raise Unreadable
    return [_cleaned_within(each) for each in value]


def _cleaned_within(value: Any) -> Any:
    """Every text in it, cleaned; names of an object's entries as they are, as far as they can be stored."""
    if isinstance(value, str):
        return cleaned(value, lines=True)
    if isinstance(value, list):
        return [_cleaned_within(each) for each in value]
    if isinstance(value, dict):
        return {clean(str(name)): _cleaned_within(each) for name, each in value.items()}
    return value


def moment(value: Any) -> datetime.datetime:
    """An aware UTC time; one without an offset is UTC (D5), one more than five minutes ahead is now (D13).

    Read are ISO 8601 ("Z", "UTC" or an offset behind it), the form of e-mail and HTTP headers, and seconds or
    milliseconds since 1970.
    """
    try:
        read = _seconds(value) if isinstance(value, int | float) else _written(text(64)(value))
        read = read.replace(tzinfo=datetime.UTC) if read.tzinfo is None else read.astimezone(datetime.UTC)
    except (ValueError, OverflowError, OSError, TypeError):
        raise Unreadable from None
    now = timezone.now()
    return now if read > now + AHEAD else read


def _seconds(value: float) -> datetime.datetime:
    if isinstance(value, bool):
        raise Unreadable
    return datetime.datetime.fromtimestamp(value / 1000 if value > 1e11 else value, datetime.UTC)


def _written(value: str) -> datetime.datetime:
    try:
        return datetime.datetime.fromisoformat(value.upper().removesuffix("UTC").removesuffix("GMT").strip())
    except ValueError:
        return parsedate_to_datetime(value)
