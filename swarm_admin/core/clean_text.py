"""Text from outside as people see it: NFC, without what nobody sees, blanks folded.

What shows nothing can hide words, turn a name round, or split one company in two; vendors would be sent it. Joiners
stay where a script or an emoji needs them (RFC 5892 A.1, A.2; Unicode UTS 51), since there they are part of the word.
"""

import re
import unicodedata
from typing import Final

import idna

ZWNJ, ZWJ = "\u200c", "\u200d"
REPLACEMENT: Final = "\ufffd"  # a letter that whoever sent the text could not read any more
# Unicode's Cc, Cs, Cf but for the marks that are seen (Arabic, Syriac, Kaithi and Egyptian ones), noncharacters, and
# what else is shown as nothing (Default_Ignorable_Code_Point), or stands for something that is not there.
_ODD = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\ud800-\udfff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\ufff0-\uffff\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\U0001fffe-\U0001ffff\U0002fffe-\U0002ffff\U0003fffe-\U0003ffff\U0004fffe-\U0004ffff"
    "\U0005fffe-\U0005ffff\U0006fffe-\U0006ffff\U0007fffe-\U0007ffff\U0008fffe-\U0008ffff"
    "\U0009fffe-\U0009ffff\U000afffe-\U000affff\U000bfffe-\U000bffff\U000cfffe-\U000cffff"
    "\U000dfffe-\U000dffff\U000efffe-\U000effff\U000ffffe-\U000fffff\U0010fffe-\U0010ffff]"
)
_BLANKS = str.maketrans(dict.fromkeys("\u115f\u1160\u2800\u3164\uffa0", " "))  # letters and signs of no ink
# A flag of a region, as England's: nothing else may follow a flag unseen.
_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
# What a selector changes the look of, besides signs and letters without case.
_SELECTED = re.compile("[0-9#*\u2139]")
_MONGOLIAN = re.compile("[\u1820-\u18aa]")
_MONGOLIAN_MARKS = re.compile("[\u180b-\u180f]")
_SKIN = re.compile("[\U0001f3fb-\U0001f3ff]")
_HEH = "\u0647"  # with a joiner at the end of a word: a vowel in Kurdish, an abbreviation in Persian
_AROUND = 40  # characters on either side that a joiner's place is judged by
_DAMAGED = re.compile("\\w\ufffd|\ufffd\\w")
MARKS_MOST: Final = 30  # UAX 15, Stream-Safe Text Format
SHORT: Final = 200  # characters; whatever marks are among so few
_ROUNDS = 4  # each takes out what the one before has brought together


def cleaned(text: str, *, lines: bool = False) -> str:
    """The text as it is kept and passed on; idempotent. `lines`: it may have several, and keeps their ends."""
    if not text.isascii():
        text = text.translate(_BLANKS)
        for _ in range(_ROUNDS):
            before, text = text, _printable(_bounded(text))
            if text == before:
                break
    elif not text.isprintable():
        text = _ODD.sub("", text)
    if not lines:
        return " ".join(text.split())
    folded = "\n".join(" ".join(line.split()) for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", folded).strip()


def is_damaged(text: str) -> bool:
    """Whether a letter of a word is lost: what is left of the word is another one."""
    return REPLACEMENT in text and _DAMAGED.search(text) is not None


def _bounded(text: str) -> str:
    """Without marks beyond MARKS_MOST on one letter: normalising takes the square of their number."""
    if len(text) <= SHORT:
        return text
    kept, marks = [], 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks <= MARKS_MOST:
            kept.append(character)
    return "".join(kept)


def _printable(text: str) -> str:
    text = unicodedata.normalize("NFC", text)
    if not _ODD.search(text):
        return text
    flags = {place for found in _FLAG.finditer(text) for place in range(found.start() + 1, found.end())}
    likely = "".join(c for at, c in enumerate(text) if at in flags or _is_allowed(c) or not _ODD.match(c))
    flags = {place for found in _FLAG.finditer(likely) for place in range(found.start() + 1, found.end())}
    kept = [c for at, c in enumerate(likely) if at in flags or not _ODD.match(c) or _belongs(likely, at)]
    return unicodedata.normalize("NFC", "".join(kept))


def _is_allowed(character: str) -> bool:
    """It does in some places."""
    joins = character in (ZWJ, ZWNJ)
    return joins or bool(_SELECTORS.match(character) or _MONGOLIAN_MARKS.match(character))


def _belongs(text: str, at: int) -> bool:
    """Whether the character, which shows nothing, changes how its neighbours are written or shown."""
    character, before, after = text[at], text[at - 1 : at] if at else "", text[at + 1 : at + 2]
    if character in (ZWJ, ZWNJ):
        return bool(before.strip()) and (_joins_words(text, at) or (character == ZWJ and _joins_signs(before, after)))
    if _MONGOLIAN_MARKS.match(character):
        return bool(_MONGOLIAN.match(before))
    if not _SELECTORS.match(character) or not before:
        return False
    seen = not before.isascii() and unicodedata.category(before) in ("So", "Sm", "Lo", "Po", "Pd")
    return seen or bool(_SELECTED.match(before))


def _joins_words(text: str, at: int) -> bool:
    """In Indic scripts beside a virama, in Arabic script between letters that would join."""
    before, after = text[at - 1], text[at + 1 : at + 2]
    if unicodedata.combining(before) == 9 or (after and unicodedata.combining(after) == 9):
        return True
    if before == _HEH:
        return True
    start = max(at - _AROUND, 0)
    try:
        return idna.core.valid_contextj(text[start : at + _AROUND], at - start)
    except ValueError:  # a neighbour without a name
        return False


def _joins_signs(before: str, after: str) -> bool:
    """Between two emoji that are shown as one."""
    sign = unicodedata.category(before) in ("So", "Sm") or before in ("\ufe0f", "\u20e3", "\U000e007f")
    return (sign or bool(_SKIN.match(before))) and bool(after) and unicodedata.category(after) in ("So", "Sm")
