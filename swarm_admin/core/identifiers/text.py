"""What is taken out of every text from outside before it is read, and what of it says nothing.

"Nothing" has many spellings (D29): what programs and spreadsheets write where there is no value.
"""

import re
import unicodedata
from typing import Any

UNSTORABLE = "\x00"


def visible(text: str) -> str:
    """NFC, without characters that nobody sees (Unicode Cf: zero-width, bidirectional, soft hyphen) and outer blanks.

    NUL bytes and lone surrogates go as well: no column can hold them.
    """
    if text.isascii():
        return text.replace(UNSTORABLE, "").strip()
    kept = "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Cs") and c != UNSTORABLE)
    return unicodedata.normalize("NFC", kept).strip()


def lower(text: str) -> str:
    """NFC and lower case; each can undo the other, so until nothing changes."""
    while (lowered := unicodedata.normalize("NFC", text.lower())) != text:
        text = lowered
    return text


LONGEST = 60  # characters; a longer text says something
# In any case. Each is what some language, database, form or export writes for nothing.
PHRASES = frozenset(
    {
        "null", "none", "undefined", "n/a", "n.a.", "n.a", "#n/a", "n\\a", "n/d", "k.a.", "k. a.", "s/d",
        "nil", "void 0", "unknown", "not available", "not provided", "not applicable", "not specified",
        "not found", "no data", "no value", "no email", "no phone", "not set", "tbd", "t.b.d.", "tba",
        "(null)", "(none)", "(blank)", "(empty)", "(unknown)", "(not set)", "<null>", "<none>", "<nil>",
        "<no value>", "<empty>", "<unset>", "[null]", "[none]", "null null", "none none",
        "undefined undefined", "nan nan", "[object object]", "object object", "#value!", "#ref!", "#name?",
        "#null!", "#num!", "#div/0!", "#error!", "#spill!", "#calc!", "#field!", "#blocked!", "#unknown!",
        "#getting_data", "error!", "loading...", "-none-", "--none--", "keine angabe", "unbekannt",
        "sin datos", "non renseigné",
    }
)  # fmt: skip
# In this case alone: "Nan" and "Na" are names.
EXACT = frozenset({"NA", "nan", "NaN", "NAN", "<NA>", "NaT", "Inf", "inf", "-inf", "NIL", "None None", "\\N"})
# What stands between values that were put together; "/" apart, since "n/a" has one.
_JOINED = (re.compile(r"[\s,;|]+"), re.compile(r"[\s,;|/]+"))
# What encloses the name of a field that nobody filled in: {{first_name}}, %FNAME%, [First name], *|FNAME|*.
TEMPLATES = (
    ("{{", "}}"),
    ("{%", "%}"),
    ("${", "}"),
    ("{", "}"),
    ("%", "%"),
    ("[", "]"),
    ("<", ">"),
    ("*|", "|*"),
)


def is_missing(value: Any) -> bool:
    """Whether a value from outside says that there is none: empty, or one of the many spellings of nothing."""
    if value is None or value in ([], {}):
        return True
    return isinstance(value, str) and is_missing_text(value)


def is_missing_text(text: str) -> bool:
    if len(text) > LONGEST:
        return not text[: 4 * LONGEST].strip() and not text.strip()
    stripped = visible(text)
    return _says_nothing(stripped) or any(_each_says_nothing(parts.split(stripped)) for parts in _JOINED)


def _each_says_nothing(parts: list[str]) -> bool:
    """Of a text put together from several values, as in "null, null"."""
    return len(parts) > 1 and all(map(_says_nothing, parts))


def _says_nothing(text: str) -> bool:
    return not text or text in EXACT or text.lower() in PHRASES or _is_punctuation(text) or _is_unfilled(text)


def _is_punctuation(text: str) -> bool:
    """Hyphens, dots, question marks and other punctuation, and nothing else."""
    return all(c.isspace() or unicodedata.category(c)[0] == "P" for c in text)


def _is_unfilled(text: str) -> bool:
    return any(
        text.startswith(before)
        and text.endswith(after)
        and len(text) > len(before) + len(after)
        and _names_a_field(text[len(before) : -len(after)], path=len(before) > 1)
        for before, after in TEMPLATES
    )


def _names_a_field(text: str, *, path: bool) -> bool:
    """`path`: it may lead to the field, as in {{ lead.title }}; between simple brackets a host would look like that."""
    name = text.strip()
    return name[:1].isalpha() and all(c.isalnum() or c in " _-'" or (path and c in ".|:") for c in name)
