"""Our custom fields in a location: which there should be, which there are, and what is wrong with them.

GoHighLevel makes a field's key of its name ("LinkedIn URL" → contact.linkedin_url), so the names are chosen to give
the keys that `fields` sends.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from enrichment.vendors.gohighlevel.fields import CUSTOM
from enrichment.vendors.gohighlevel.location import CustomFieldDefinition

NUMBERS: Final = ("company_size", "icp_score")
LONG: Final = ("tech_stack", "engagement_content")
TEXT_TYPES: Final = ("TEXT", "LARGE_TEXT")
NUMBER_TYPES: Final = ("NUMERICAL", "FLOAT")
_SPELLED: Final = {"url": "URL", "icp": "ICP", "id": "ID", "linkedin": "LinkedIn"}
_OTHER: Final = re.compile(r"[^a-z0-9]+")


class FieldState(StrEnum):
    """`WRONG_TYPE`: it cannot hold what we send. `DOUBLED`: several fields of the location could be meant."""

    READY = "ready"
    MISSING = "missing"
    WRONG_TYPE = "wrong_type"
    DOUBLED = "doubled"


@dataclass(frozen=True)
class FieldReport:
    """One of our fields in the location. `found`: the one that is used; `others`: names of further ones like it."""

    name: str
    state: FieldState
    found: CustomFieldDefinition | None = None
    others: tuple[str, ...] = ()


def label(name: str) -> str:
    """ "linkedin_url" → "LinkedIn URL": what the field is called in GoHighLevel."""
    first, *more = (_SPELLED.get(word, word) for word in name.split("_"))
    return " ".join([first[0].upper() + first[1:], *more])


def data_type(name: str) -> str:
    """The type it is created with."""
    if name in NUMBERS:
        return "NUMERICAL"
    return "LARGE_TEXT" if name in LONG else "TEXT"


def taken_types(name: str) -> tuple[str, ...]:
    """The types that can hold what is sent: a text takes a number, too."""
    return (*NUMBER_TYPES, *TEXT_TYPES) if name in NUMBERS else TEXT_TYPES


def compare(listed: Sequence[CustomFieldDefinition], known: Mapping[str, str]) -> list[FieldReport]:
    """Each of our fields against those of the location; `known`: {name: id} of those used until now."""
    return [_report(name, listed, known.get(name, "")) for name in CUSTOM]


def ids(reports: Sequence[FieldReport]) -> dict[str, str]:
    """{our name: id} of the fields that can be used."""
    return {each.name: each.found.id for each in reports if each.found and each.state != FieldState.WRONG_TYPE}


def _report(name: str, listed: Sequence[CustomFieldDefinition], known: str) -> FieldReport:
    candidates = sorted(
        (field for field in listed if field.id == known or _is_called(name, field)),
        key=lambda field: (field.id != known, _key(field) != name),
    )
    if not candidates:
        return FieldReport(name, FieldState.MISSING)
    found, *rest = candidates
    others = tuple(field.name or field.field_key for field in rest)
    if found.data_type.upper() not in taken_types(name):
        return FieldReport(name, FieldState.WRONG_TYPE, found, others)
    return FieldReport(name, FieldState.DOUBLED if others else FieldState.READY, found, others)


def _is_called(name: str, field: CustomFieldDefinition) -> bool:
    return name in (_key(field), _OTHER.sub("_", field.name.casefold()).strip("_"))


def _key(field: CustomFieldDefinition) -> str:
    return field.field_key.removeprefix("contact.")
