"""Sent against stored: what the other system holds of each field it was sent."""

from collections.abc import Mapping
from typing import Any

from enrichment.models import Lead
from enrichment.models.handover import System
from enrichment.pipeline.payload import (
    GHL_CUSTOM,
    ghl_contact,
    ghl_tags,
    instantly_lead,
    outdated_tags,
    plain,
)
from enrichment.vendors.gohighlevel.client import Contact
from enrichment.vendors.instantly.client import Lead as CampaignLead

GHL_NAMES = {"first_name": "firstName", "last_name": "lastName", "company_name": "companyName"}
ADDRESSES = ("email", "website", "linkedin_url")  # the same in capitals, and with or without a last slash


def sent(lead: Lead, system: str) -> dict[str, Any]:
    """{field: value} of what a delivery sends of the lead as it is now; custom fields and tags by their names."""
    if system == System.GHL:
        contact = ghl_contact(lead)
        custom = {entry["key"]: entry["field_value"] for entry in contact.pop("custom_fields")}
        return {**contact, **custom, "tags": ghl_tags(lead)}
    values = instantly_lead(lead)
    custom = values.pop("custom_variables")
    return {**values, **custom}


def in_contact(contact: Contact, names: Mapping[str, Any]) -> dict[str, Any]:
    """{field: value} of a GoHighLevel contact for the fields of `names` (those sent, with their values).

    GoHighLevel may name a custom field by its id alone; then its value is taken as found where any field
    without a name holds it. An answer without any custom fields says nothing about them: they are left out.
    """
    named, nameless = _custom_fields(contact)
    stored: dict[str, Any] = {}
    for name, value in names.items():
        key = GHL_NAMES.get(name, name)
        if name == "tags":
            stored[name] = list(contact.tags)
        elif name in ("first_name", "last_name", "email", "phone", "company_name", "website", "source"):
            stored[name] = contact.raw.get(key)
        elif name in named:
            stored[name] = named[name]
        elif tells_custom_fields(contact):
            stored[name] = next((held for held in nameless if same(name, value, held)), None)
    return stored


def tells_custom_fields(contact: Contact) -> bool:
    return isinstance(contact.raw.get("customFields"), list)


def untold(contact: Contact, names: Mapping[str, Any]) -> set[str]:
    """The custom fields of `names` whose value cannot be told: the contact names some by their ids alone, or none."""
    named, nameless = _custom_fields(contact)
    if not nameless and tells_custom_fields(contact):
        return set()
    return {name for name in names if name in GHL_CUSTOM and name not in named}


def is_empty(held: Any) -> bool:
    return not _text(held)


def _custom_fields(contact: Contact) -> tuple[dict[str, Any], list[Any]]:
    named: dict[str, Any] = {}
    nameless = []
    for entry in contact.custom_fields:
        if not isinstance(entry, dict):
            continue
        value = entry.get("value", entry.get("field_value", entry.get("fieldValue")))
        key = entry.get("key") or entry.get("fieldKey")
        if isinstance(key, str) and key:
            named[key.removeprefix("contact.")] = value
        else:
            nameless.append(value)
    return named, nameless


def in_campaign(record: CampaignLead, names: Mapping[str, Any]) -> dict[str, Any]:
    """{field: value} of an Instantly lead for the fields of `names`; custom variables are in its `payload`."""
    return {name: record.raw[name] if record.raw.get(name) is not None else record.payload.get(name) for name in names}


def differing(lead: Lead, wanted: Mapping[str, Any], stored: Mapping[str, Any]) -> set[str]:
    """The names of the fields of `stored` that are otherwise than sent."""
    names = {name for name, held in stored.items() if not same(name, wanted[name], held)}
    tags = {str(tag).casefold() for tag in stored.get("tags") or ()}
    return names | {"tags"} if tags & set(outdated_tags(lead)) else names


def same(name: str, value: Any, held: Any) -> bool:
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
        value = plain(value)
    return " ".join(str("" if value is None else value).split())


def _digits(value: Any) -> str:
    return "".join(character for character in _text(value) if character.isdigit())


def _address(value: Any) -> str:
    return _text(value).casefold().removeprefix("https://").removeprefix("http://").rstrip("/")
