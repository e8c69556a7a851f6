"""What is found in a text: the same as by the plain expressions, which take too long for a long one."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swarm_admin.core import text_match

ADDRESS = re.compile(r"[^\s@<>\"'(),;:|]+@[^\s@<>\"'(),;:|]+")
PROFILE = re.compile(r"(?:[\w.-]*linkedin\.com)/(?:mwlite/)?in/[^\s/?#\"'<>,;|]+", re.IGNORECASE)
PHONE = re.compile(r"\+\d[\d\s().\-/]{5,}\d")

PIECES = [
    "erika", "müller.de", "home.example", "@", ".", "..", " ", "\n", "<", ">", '"', "'", ",", ";", ":", "|", "(", ")",
    "mailto:", "=40", "\\u0040", "&#64;", "漢字", "https://", "www.", "de.", "LinkedIn.com", "linkedin.com", "/in/",
    "/mwlite", "/", "?x=1", "#", "]", "}", "-", "_", "+", "+49", "30", "123456", " 7", "/", "\u0661", "e\u0301",
]  # fmt: skip
TEXTS = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=24).map("".join)


@given(TEXTS)
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_address_that_the_plain_expression_finds_is_found(text):
    before = [found.strip(".") for found in ADDRESS.findall(text)]
    now = list(text_match.emails(text))
    assert set(before) <= set(now)
    if not re.search(r"@[^\s@<>\"'(),;:|]+@", text):  # "a@b@c" is two now
        assert before == now


@given(TEXTS)
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_profile_that_the_plain_expression_finds_is_found(text):
    assert [found.rstrip(".)]}") for found in PROFILE.findall(text)] == list(text_match.profiles(text))


@given(TEXTS)
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_phone_that_the_plain_expression_finds_is_found(text):
    digits = [re.sub(r"\D", "", found) for found in PHONE.findall(text)]
    assert {f"+{each}" for each in digits if 5 <= len(each) <= 15} <= set(text_match.phones(text))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"u":"erika@müller.de","v":1}', ["erika@müller.de"]),
        ("<a href='mailto:erika@home.example'>x</a>", ["erika@home.example"]),
        ("an erika@home.example.", ["erika@home.example"]),
        ("to@erika@home.example", ["to@erika", "erika@home.example"]),
        ("e\u0301rika@müller.de|bob@müller.de", ["e\u0301rika@müller.de", "bob@müller.de"]),
        ("a" * 64 + "@" + "b" * 255, ["a" * 64 + "@" + "b" * 255]),
        ("a" * 65 + "@" + "b" * 255, []),  # no address is so long
        ("@ a@ @b @@", []),
    ],
)
def test_addresses_glued_to_what_stands_around_them(text, found):
    assert list(text_match.emails(text)) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see https://de.linkedin.com/in/erika/?x=1.", ["de.linkedin.com/in/erika"]),
        ("(linkedin.com/in/erika).", ["linkedin.com/in/erika"]),
        ("notlinkedin.com/in/erika", ["notlinkedin.com/in/erika"]),  # whose host is looked at by who asks
        ("www.linkedin.com/in/李-明", ["www.linkedin.com/in/李-明"]),
        ("linkedin.com/company/acme", []),
    ],
)
def test_profiles_with_the_host_that_stands_before_them(text, found):
    assert list(text_match.profiles(text)) == found


def test_a_number_of_more_digits_than_any_phone_is_none():
    assert list(text_match.phones("+49 (30) 123-456 and +" + "1" * 16)) == ["+4930123456"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("(321) 555-4188", ["(321) 555-4188"]),
        ("at 321.555.4188, or 13215554188x7", ["321.555.4188", "13215554188"]),
        ("since 2026-01-15 3215554188", ["2026-01-15", "3215554188"]),
        ("321 555 4188 / 321 555 4199", ["321 555 4188", "321 555 4199"]),
        ("tel=321+555+4188&n=1", ["321+555+4188"]),
        ("\uff08321\uff09 555\uff0d4188", ["\uff08321\uff09 555\uff0d4188"]),
        ("0.3215554188 12 " + "1" * 16, []),
        ("+1 321 555 4188\n42", ["1 321 555 4188"]),
    ],
)
def test_numbers_as_they_are_dialled_at_home(text, found):
    assert list(text_match.numbers(text)) == found
