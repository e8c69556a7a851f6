"""A number from outside is plain digits, or none."""

import pytest
from django.core.exceptions import ValidationError

from swarm_admin.core.form_fields import PlainDecimalField, WholeField
from swarm_admin.core.numbers import HIGHEST, is_decimal, parse_int, parse_ints, require_int

NONE = [
    "",
    " ",
    "1_0",
    "+1",
    "-1",
    " 1",
    "1 ",
    "1.0",
    "1e3",
    "\u0661",
    "\uff11",
    "\u00b2",
    "0x1",
    "9" * 5_000,
    "1\n",
]


@pytest.mark.parametrize("text", NONE)
def test_what_python_may_read_and_people_do_not_write_is_none(text):
    assert parse_int(text) is None
    assert parse_ints([text, "7"]) == [7]
    with pytest.raises(ValueError, match="digits"):
        require_int(text)


def test_plain_digits_are_read_up_to_the_highest():
    assert [parse_int(text) for text in ("0", "007", str(HIGHEST))] == [0, 7, HIGHEST]
    assert parse_int(str(HIGHEST + 1)) is None
    assert (parse_int("100", most=99), parse_int("99", most=99), parse_int(None)) == (None, 99, None)
    assert (require_int(5), require_int("5"), require_int(None)) == (5, 5, None)


@pytest.mark.parametrize("text", ["1_0", "\u0661", "+1", "1e3", "9" * 5_000])
def test_forms_refuse_it(text):
    for field in (WholeField(), PlainDecimalField()):
        with pytest.raises(ValidationError):
            field.clean(text)
    assert not is_decimal(text)


def test_forms_read_what_browsers_send():
    assert WholeField(min_value=1, max_value=9).clean(" 7 ") == 7
    assert WholeField(required=False).clean("") is None
    assert str(PlainDecimalField(decimal_places=2).clean("12.50")) == "12.50"
    with pytest.raises(ValidationError):
        WholeField(max_value=9).clean("10")
