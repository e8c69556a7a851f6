"""A person's name in texts: whole words, both parts near, upper and lower case and accents alike.

A name is no identifier: what is found may be of another person of this name, and a person decides. Only plain text
is searched, and JSON's escapes in it; no base64, UTF-16 or archive.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import repeat

import polars as pl

NEAR = 40  # characters at most between the two parts
SHORTEST_PART = 2
MENTION, RECORD = "name in a text", "record of somebody of this name"
# Letters that no decomposition leads to.
LETTERS = {
    "ß": "ss",
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "ð": "d",
    "æ": "ae",
    "œ": "oe",
    "þ": "th",
    "\u0131": "i",
    "ħ": "h",
}
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
# Each byte by what it is in UTF-8: L leads a letter beyond ASCII, C continues one.
_LEADING = bytes(ord("L" if 0xC3 <= n <= 0xF4 else "C" if 0x80 <= n < 0xC0 else ".") for n in range(256))
_WORDS = re.compile(r"[^\W\d_]+")
_BETWEEN = '[\x1f\r\t",;]'  # what stands beside a value that is nothing but the part


class _Plain(dict[int, str]):
    """{code of a character: its small letters without accents}; one by one, for reordering marks is quadratic."""

    def __missing__(self, code: int) -> str:
        apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", chr(code)).lower())
        plain = "".join(LETTERS.get(c, c) for c in apart if not unicodedata.combining(c))
        self[code] = plain
        return plain


_PLAIN = _Plain()


def _read_escape(match: re.Match[str]) -> str:
    """Half of a pair is no character by itself, and no letter of a name is written by two halves."""
    code = int(match[1], 16)
    return "\ufffd" if 0xD800 <= code <= 0xDFFF else chr(code)


def fold(text: str) -> str:
    """Small letters without accents; escapes of JSON read."""
    if "\\u" in text:
        text = _ESCAPED.sub(_read_escape, text)
    return text.lower() if text.isascii() else text.translate(_PLAIN)


def parts(name: str) -> tuple[str, str] | None:
    """The first and the last word of a name, folded; None where it has not two of two letters."""
    words = [word for word in _WORDS.findall(fold(name)) if len(word) >= SHORTEST_PART]
    return (words[0], words[-1]) if len(words) > 1 else None


class NameFinder:
    """Finds people's names in texts of many rows; names of one word are not looked for."""

    def __init__(self, names: Iterable[str]) -> None:
        self.parts = list(dict.fromkeys(found for name in names if (found := parts(name))))
        self._last = [last for _, last in self.parts]
        self._words = [_words(first, last) for first, last in self.parts]
        self._values = [tuple(map(_value, each)) for each in self.parts]

        longest = max((len(first) + len(last) + NEAR for first, last in self.parts), default=0)
        self.longest = longest * 6  # bytes: each letter may be an escape

    def __bool__(self) -> bool:
        return bool(self.parts)

    def last_names_in(self, text: str) -> bool:
        folded = fold(text)
        return any(re.search(rf"(?<![^\W_]){re.escape(last)}(?![^\W_])", folded) for last in self._last)

    def find(self, data: bytes) -> str:
        r"""MENTION, RECORD or "" for a row or a text, whose values stand in order with \x1f between them.

        A record has the first and the last name as two values of their own: it is about somebody of this name.
        """
        folded = fold(data.decode("utf-8", "replace")) if self.parts else ""
        if any(all(each.search(folded) for each in values) for values in self._values):
            return RECORD
        return MENTION if any(map(_are_near, self.parts, self._words, repeat(folded))) else ""

    def may_hold(self, many: Sequence[bytes]) -> list[int]:
        """Which of many byte strings may hold a name: all that do, and few others."""
        if not self.parts or not many:
            return []
        texts = [fold(data.decode("utf-8", "replace")) if _to_fold(data) else data.decode("latin-1") for data in many]
        return [number for number, hit in enumerate(self._in(pl.Series(texts))) if hit]

    def may_be_in(self, data: bytes, text: pl.Series) -> bool:
        """False where `data` holds none; `text` is the same bytes as search_patterns.as_text makes them."""
        return bool(self.parts) and (self._has_last(text)[0] or _to_fold(data))

    def _has_last(self, series: pl.Series) -> pl.Series:
        return series.str.contains_any(self._last, ascii_case_insensitive=True)

    def _in(self, series: pl.Series) -> list[bool]:
        first = series.str.contains_any([first for first, _ in self.parts], ascii_case_insensitive=True)
        return (first & self._has_last(series)).to_list()


def _to_fold(data: bytes) -> bool:
    """Whether it has letters beyond ASCII, as they are or as JSON's escapes."""
    return b"\\u" in data or b"LC" in data.translate(_LEADING)


def _word(part: str) -> str:
    return rf"(?<![^\W_]){re.escape(part)}(?![^\W_])"


def _words(first: str, last: str) -> re.Pattern[str]:
    return re.compile(f"{_word(first)}|{_word(last)}")  # linear: no repeats


def _are_near(names: tuple[str, str], words: re.Pattern[str], folded: str) -> bool:
    """Whether both stand within NEAR characters, in either order; each occurrence is looked at once."""
    first, last = names
    ends: dict[str, int] = {}
    for match in words.finditer(folded):
        other = last if match[0] == first else first
        if other in ends and match.start() - ends[other] <= NEAR:
            return True
        ends[match[0]] = match.end()
    return False


def _value(part: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|{_BETWEEN}){re.escape(part)}(?:$|{_BETWEEN})")  # linear: no repeats
