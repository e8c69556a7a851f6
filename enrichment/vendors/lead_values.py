"""A lead's values as vendors are sent them, hold them, and are corrected: what all of them share."""

import copy
from collections.abc import Mapping
from typing import Any

from enrichment.models import Lead

ADDRESSES = ("email", "website", "linkedin_url")  # the same in capitals, and with or without a last slash


def plain_number(number: float | None) -> int | float | None:
    """250.0 → 250: a whole number is sent as one."""
    return int(number) if number is not None and float(number).is_integer() else number


def custom_values(lead: Lead, names: tuple[str, ...]) -> dict[str, Any]:
    """What a vendor has no field of its own for, by our names; what is empty is not sent."""
    special = {
        "icp_tier": f"Tier {lead.icp_tier}" if lead.icp_tier else "",
        "clay_record_id": lead.clay_row_id or "",
        "tech_stack": ", ".join(lead.tech_stack),
        "company_size": plain_number(lead.company_size),
        "icp_score": plain_number(lead.icp_score),
    }
    values = {name: special[name] if name in special else getattr(lead, name) for name in names}
    return {name: value for name, value in values.items() if value not in ("", None)}


def as_text(value: Any) -> str:
    """A stored value as the text it was, or would be, given as."""
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def corrected_lead(lead: Lead, written: Mapping[str, Any]) -> Lead:
    """The lead as it will be; nothing is saved."""
    after = copy.copy(lead)
    for name, value in written.items():
        setattr(after, name, value)
    return after


def is_empty(held: Any) -> bool:
    return not _text(held)


def is_same_value(name: str, value: Any, held: Any) -> bool:
    """Whether the other system holds what was sent, in whatever form it keeps it."""
    if name == "tags":
        return {str(tag).casefold() for tag in value} <= {str(tag).casefold() for tag in held or ()}
    if name == "phone":
        return _digits(value) == _digits(held)
    if name in ADDRESSES:
        return _address(value) == _address(held)
    return _text(value) == _text(held)


def _text(value: Any) -> str:
    if isinstance(value, list):
        value = ", ".join(str(part) for part in value)
    if isinstance(value, float):
        value = plain_number(value)
    return " ".join(str("" if value is None else value).split())


def _digits(value: Any) -> str:
    return "".join(character for character in _text(value) if character.isdigit())


def _address(value: Any) -> str:
    return _text(value).casefold().removeprefix("https://").removeprefix("http://").rstrip("/")
