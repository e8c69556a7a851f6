"""A number that can exist, or none."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swarm_admin.core.identifiers import phones

READ = (
    ("+1 415 555 1234", "US", "+14155551234"),
    ("(415) 555-1234", "US", "+14155551234"),
    ("'+14155550134", "US", "+14155550134"),
    ("tel:+49-170-1234567", "US", "+491701234567"),
    ("0170 1234567", "DE", "+491701234567"),
    ("+49\u00a0170\u200b1234567", "US", "+491701234567"),
    ("+44 20 7946 0958", "US", "+442079460958"),
    ("0049 170 1234567", "US", "+491701234567"),
    ("001 415 555 1234", "US", "+14155551234"),
    ("+1 (0) 415 555 1234", "DE", "+14155551234"),
    ("+49 (0) 170 1234567", "US", "+491701234567"),
)
NOBODYS = (
    "000-000-0000",
    "111-111-1111",
    "555-0134",
    "123",
    "+",
    "",
    "n/a",
    "1" * 64,
    "+999 123456789",
    "0000000000",
)


@pytest.mark.parametrize(("written", "country", "key"), READ)
def test_a_number_in_any_spelling(written: str, country: str, key: str) -> None:
    assert phones.canonical(written, country) == key


@pytest.mark.parametrize("number", NOBODYS)
def test_a_number_that_nobody_has_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match="must"):
        phones.canonical(number, "US")


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.text(max_size=80))
def test_whatever_is_read_is_its_own_key(text: str) -> None:
    try:
        key = phones.canonical(text, "DE")
    except ValueError:
        return
    assert phones.canonical(key, "US") == key


def test_a_long_text_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="64"):
        phones.canonical("1" * 1_000_000, "US")
