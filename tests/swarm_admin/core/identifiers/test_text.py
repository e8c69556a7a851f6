"""What says that there is nothing, and what only looks like it."""

import pytest

from swarm_admin.core.identifiers.text import is_missing

NOTHING = (
    None, "", "   ", [], {}, "null", "NULL", "Null", "None", "none", "undefined", "N/A", "n/a", "n.a.", "NaN", "nan",
    "-", "--", "—", ".", "...", "?", "#N/A", "#REF!", "#DIV/0!", "#VALUE!", "{{first_name}}", "{{ lead.title }}",
    "${name}", "{first_name}", "%FIRSTNAME%", "[First Name]", "*|FNAME|*", "[object Object]", "null null", "NA",
    "Unknown", "not available", "\u200b", "\u00a0", " null\u200b", "(blank)", "<no value>", "\\N",
    "null, null", "undefined, null", "N/A, N/A", "None | None", "null/null", "null, ", "NaN; NaN", "-, -",
)  # fmt: skip
SOMETHING = (
    0, 0.0, False, "0", "Nan", "Na", "Nuller", "Nolan", "None of your business Ltd", "N", "Ann", "A/N", "x", "王",
    "C++", "[24]7.ai", "5%", "<Acme, Inc.>", '["a"]', "+49 30 123456", "🚀", "R&D", "-1", "Unknown Worlds",
    "null, Berlin", "Na, Na", "None, of, that",
    "100%", "{}" * 40,
)  # fmt: skip


@pytest.mark.parametrize("value", NOTHING)
def test_it_says_nothing(value: object) -> None:
    assert is_missing(value)


@pytest.mark.parametrize("value", SOMETHING)
def test_it_says_something(value: object) -> None:
    assert not is_missing(value)


def test_a_long_blank_text_is_missing_and_a_long_text_is_not() -> None:
    assert is_missing(" " * 1_000_000)
    assert not is_missing("-" * 1_000_000)
