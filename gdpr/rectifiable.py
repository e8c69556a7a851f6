"""The fields a person is told of by name, those they can have corrected, and what a value of these must look like.

Told by the package that has them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

LONGEST = 2_000


@dataclass(frozen=True)
class Field:
    """`clean` returns the value as it is kept, or raises ValueError with a sentence that does not repeat it."""

    name: str
    label: str
    clean: Callable[[str], str]


class InvalidValues(Exception):
    """`sentences` is {field: why it cannot be written}; nothing of the values is in it."""

    def __init__(self, sentences: Mapping[str, str]) -> None:
        super().__init__(" ".join(sentences.values()))
        self.sentences = dict(sentences)


_fields: dict[str, Field] = {}
_names: dict[str, str] = {}


def register(name: str, label: str, clean: Callable[[str], str]) -> None:
    """Make a field known; registering the same name again replaces it."""
    _fields[name] = Field(name, label, clean)


def set_label(name: str, label: str) -> None:
    """What a field that nobody corrects is called towards the person."""
    _names[name] = label


def fields() -> list[Field]:
    return list(_fields.values())


def label(name: str) -> str:
    """For people: as it was told, else the name in words."""
    return _fields[name].label if name in _fields else _names.get(name, name.replace("_", " "))


def clean_values(values: Mapping[str, str]) -> dict[str, str]:
    """The values as they are kept.

    Raises:
        Invalid: there is none, a field nobody knows, or a value that cannot be right.
    """
    if not values:
        raise InvalidValues({"": "Enter at least one field and its new value."})
    good: dict[str, str] = {}
    wrong: dict[str, str] = {}
    for name, value in values.items():
        try:
            good[name] = _clean(name, value)
        except ValueError as error:
            wrong[name] = str(error)
    if wrong:
        raise InvalidValues(wrong)
    return good


def clean_if_known(name: str, value: str) -> str:
    """As `cleaned` would keep it; as it is where nobody knows the field. Raises ValueError."""
    return _clean(name, value) if name in _fields else value.strip()


def _clean(name: str, value: str) -> str:
    if name not in _fields:
        raise ValueError("Unknown field.")
    value = value.strip()
    if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ValueError(f"{label(name)} contains characters that can't be stored.")
    if len(value) > LONGEST:
        raise ValueError(f"{label(name)} is longer than {LONGEST:,} characters.")
    return _fields[name].clean(value)
