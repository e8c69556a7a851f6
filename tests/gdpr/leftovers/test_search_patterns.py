"""Spellings and encodings an identifier may stand in, and that nothing else is taken for it."""

import base64
import gzip
import hashlib
import json
import quopri
import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdpr.leftovers.search_patterns import Finder, guess_kind, patterns_for, read_identifiers

ADA = "ada.lovelace@analytical.example"


def finds(text: bytes, *identifiers: tuple[str, str]) -> set[str]:
    return {pattern.encoding for pattern in Finder(patterns_for(identifiers)).find(text)}


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (f"mail {ADA}, twice".encode(), "plain"),
        (ADA.upper().encode(), "plain"),
        (quote(ADA, safe="").encode(), "URL"),
        (ADA.encode("utf-16-le"), "UTF-16"),
        (ADA.encode("utf-16-be")[1:] + b"\0", "UTF-16"),
        (ADA.encode().hex().upper().encode(), "hexadecimal"),
        (hashlib.sha256(ADA.encode()).hexdigest().encode(), "sha256"),
        (hashlib.md5(ADA.encode(), usedforsecurity=False).hexdigest().upper().encode(), "md5"),
    ],
)
def test_an_address_is_found_in_each_encoding(text, encoding):
    assert encoding in finds(b"before " + text + b" after", ("email", ADA.title()))


@given(st.text(string.printable, max_size=7), st.text(string.printable, max_size=7))
def test_base64_is_found_wherever_the_address_begins(before, after):
    coded = base64.b64encode(f"{before}{ADA}{after}".encode())
    assert "base64" in finds(coded, ("email", ADA))


def test_letters_beyond_ascii_are_found_escaped_and_quoted():
    name = "Zoë Kowalski-Ångström"
    for coded in (json.dumps(name.lower()).encode(), quopri.encodestring(name.lower().encode()),
                  name.lower().encode()):  # fmt: skip
        assert finds(coded, ("text", name))


@pytest.mark.parametrize(
    "written",
    ["+14155550123", "14155550123", "4155550123", "(415) 555-0123", "+1 415-555-0123", "tel:+1-415-555-0123"],
)
def test_a_phone_is_found_as_people_write_it(written):
    assert finds(f"call {written}!".encode(), ("phone", "+14155550123"))


@pytest.mark.parametrize("url", ["https://www.linkedin.com/in/Ada-Lovelace/", "linkedin.com/in/ada-lovelace?utm=x"])
def test_a_profile_is_found_by_its_path(url):
    assert finds(b'{"u": "http:\\/\\/uk.linkedin.com\\/in\\/ada-lovelace\\/"}', ("linkedin_url", url))
    assert finds(b"https://www.linkedin.com/in/ADA-LOVELACE", ("linkedin_url", url))


SOMEBODY = Finder(patterns_for([("email", ADA), ("phone", "+14155550123")]))


@given(st.binary(max_size=400))
def test_noise_is_not_taken_for_a_person(noise):
    assert not SOMEBODY.find(noise)


def test_a_neighbour_is_not_the_person():
    assert not finds(b"bada.lovelace@analytical.exampl ada.lovelac@analytical.example", ("email", ADA))


@pytest.mark.parametrize(
    ("line", "kind"),
    [("ada@x.example", "email"), ("https://linkedin.com/in/ada", "linkedin_url"), ("+1 415 555 0123", "phone"),
     ("Ada Lovelace", "text"), ("text: 12345678", "text")],
)  # fmt: skip
def test_the_kind_of_an_identifier_is_told_or_guessed(line, kind):
    assert read_identifiers([line, "  "])[0][0] == kind
    assert ":" in line or guess_kind(line) == kind


def test_too_short_an_identifier_is_refused_without_naming_it():
    with pytest.raises(ValueError, match=r"^line 2: an identifier needs at least 5 characters$"):
        read_identifiers([ADA, "Ada"])


def test_a_compressed_text_is_not_searched_as_bytes():
    assert not finds(gzip.compress(ADA.encode() * 3), ("email", ADA))
