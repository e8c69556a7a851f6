"""Long texts of what makes a careless search slow."""

import base64
import json
import random
from collections.abc import Iterator

SIZE = 150_000  # characters: a search in square time takes minutes for them
WHOLE = 1_000_000  # what WEBHOOK_MAX_BYTES lets in

UNITS = {
    "one letter": "r",
    "one digit": "1",
    "digits and blanks": "1 ",
    "at signs": "@",
    "a@": "a@",
    "@a.": "@a.",
    "addresses": "a@b.c ",
    "dots": ".",
    "labels": "a.",
    "pluses": "+",
    "phones": "+1 ",
    "a plus and dashes": "+1-(",
    "Chinese": "漢字",
    "Japanese": "山田太郎のカタカナﾊﾝｶｸ。",
    "a name without blanks": "李明明",
    "letters that stand for many": "\ufdfa",
    "brackets": "[",
    "braces": '{"a":',
    "parentheses": "(",
    "comments": "(a)",
    "quotation marks": '"',
    "apostrophes": "'a",
    "backslashes": "\\",
    "escapes": "\\u0040",
    "percent signs": "%25",
    "quoted lines": "> > ",
    "dashes": "-----",
    "carriage returns": "\r",
    "empty lines": "\n",
    "blanks": " ",
    "tabs and words": "\ta",
    "combining marks": "\u0323\u0301",
    "https": "https://",
    "profiles": "linkedin.com/in/",
    "hosts": "www.linkedin.",
    "in": "/in/",
    "fields": ",",
    "semicolons": "a;",
    "tags": "<a ",
    "comments of HTML": "<!--",
    "entities": "&#1",
    "encoded words": "=?utf-8?q?a?= ",
    "schrieb": "Am  schrieb ",
    "exceeded": "exceeded ",
    "NUL": "\x00",
    "a sigma": "\u0130\u03a3",
    "mixed newlines": "a\x0b\x85\u2028",
}  # fmt: skip


def texts(size: int) -> Iterator[tuple[str, str]]:
    """(name, text), in the same order with the same contents each time."""
    for name, unit in UNITS.items():
        yield name, (unit * (size // len(unit)))
    yield "base64", base64.b64encode(random.Random(1).randbytes(size * 3 // 4)).decode()
    yield "a number and its exponent", "1" * size + "e999999999"
    yield "a mark out of order", "a" + "\u0301" * (size // 2) + "\u0323" * (size // 2)
    yield "deep and whole", "[" * (size // 2) + "]" * (size // 2)
    yield "wide under deep", "[" * 900 + ",".join(["1"] * (size // 2)) + "]" * 900
    yield "many names", json.dumps({str(number): number for number in range(size // 20)})
    for number in range(8):
        yield f"mixture {number}", mixture(number, size)


def mixture(seed: int, size: int) -> str:
    """Some of the units in a short row, again and again, with another end."""
    chance = random.Random(seed)
    unit = "".join(chance.choices([*UNITS.values(), "x", "erika", ":", "=", "|"], k=chance.randint(2, 6)))
    return unit * (size // len(unit)) + chance.choice(["!", "@", "\n", "x.", ":"])
