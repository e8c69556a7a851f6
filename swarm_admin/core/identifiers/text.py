"""What is taken out of every identifier before it is read."""

import unicodedata

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
