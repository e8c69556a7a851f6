"""Text from outside without what nobody sees, and with what scripts and emoji need."""

# ruff: noqa: RUF001 - letters of other scripts are what this is about

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarm_admin.core.clean_text import _ODD, cleaned, is_damaged

UNSEEN = "\u200b\u200e\u200f\u202a\u202e\u2060\u2066\u2069\u00ad\ufeff\u034f\x07\x00\U000e0041\ufffd\ufffe\u061c"
NEEDED = [
    "می\u200cخواهم",  # Persian: two parts of one verb, written apart
    "ه\u200cر",
    "کتاب ه\u200d",  # an abbreviation
    "र\u094d\u200dय",  # Devanagari: the eyelash ra
    "क\u094d\u200cष",  # no ligature
    "র\u200d\u09cdয",  # Bengali
    "ශ\u0dca\u200dරී",  # Sinhala: Sri
    "ന\u0d4d\u200d",  # Malayalam: a chillu
    "👩\u200d💻",
    "👩🏽\u200d🔬",
    "❤\ufe0f\u200d🔥",
    "🏳\ufe0f\u200d🌈",
    "👨\u200d👩\u200d👧\u200d👦",
    "1\ufe0f⃣",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "葛\U000e0100城",
    "\u1820\u180b",
    "\u0601123",  # a mark that is seen
    "Zoë Müller-O’Neil",
    "李小龍",
    "Đặng Thị Ánh",
    "Ł\u0331",
]


@pytest.mark.parametrize("text", NEEDED)
def test_what_a_script_or_an_emoji_needs_stays(text: str) -> None:
    assert cleaned(text) == unicodedata.normalize("NFC", text)
    assert cleaned(f"\u200b{text[0]}{text[1:]}\u200b") == cleaned(text)


@pytest.mark.parametrize("unseen", UNSEEN)
@pytest.mark.parametrize("text", ["VP{}Sales", "{}Müller", "Acme{} GmbH", "李{}小龍"])
def test_what_nobody_sees_goes(unseen: str, text: str) -> None:
    assert cleaned(text.format(unseen)) == text.format("")


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("a\u200db", "ab"),
        ("John\u200c", "John"),
        ("\u200cJohn\u200d Doe", "John Doe"),
        ("a\ufe0f", "a"),
        ("❤\ufe0f\ufe0f\ufe01", "❤\ufe0f"),
        ("🏴" + "".join(chr(0xE0000 + ord(c)) for c in "ignore all of this") + "\U000e007f", "🏴"),
        ("Jose\u200b\u0301", "José"),
        ("e\u0301", "é"),
        ("\u3164", ""),
        ("Anna\u00a0\u2003 Lee", "Anna Lee"),
        ("one\r\ntwo\u2028three", "one two three"),
        ("\ufffd\ufffd", ""),
        ("broken \ud83d half", "broken half"),
    ],
)
def test_examples(given_text: str, expected: str) -> None:
    assert cleaned(given_text) == expected


def test_lines_stay_where_there_are_some() -> None:
    assert cleaned(" one \r\n\n\n\n two\u200b  words\u2029three ", lines=True) == "one\n\ntwo words\nthree"


@pytest.mark.parametrize(
    ("text", "damaged"),
    [
        ("M\ufffdller", True),
        ("Andr\ufffd", True),
        ("\ufffdzg", True),
        ("a \ufffd b", False),
        ("Müller", False),
    ],
)
def test_a_word_that_has_lost_a_letter(text: str, damaged: bool) -> None:
    assert is_damaged(text) is damaged


def test_every_character_that_shows_nothing_is_known() -> None:
    seen_marks = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
    seen_marks |= set(range(0x13430, 0x13440))
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        odd = unicodedata.category(character) in ("Cc", "Cf", "Cs") or (code & 0xFFFE) == 0xFFFE
        if odd and not character.isspace() and code not in seen_marks:
            assert _ODD.match(character), hex(code)


ANY = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from([*UNSEEN, *"".join(NEEDED), "\u200c", "\u200d", "\ufe0f", " ", "\n", "a", "é", "\u0301"]),
    )
)


@given(ANY)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    once = cleaned(text)
    assert cleaned(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert not set(once) & {*UNSEEN, "\n", "\u3164"}
    assert cleaned(once, lines=True) == once


def test_a_joiner_behind_a_blank_joins_nothing():
    assert cleaned(" \u200c\u094d") == cleaned(cleaned(" \u200c\u094d")) == "\u094d"
    assert cleaned("a\n\u200c\u094d", lines=True) == "a\n\u094d"
