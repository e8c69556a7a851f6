"""What GoHighLevel takes as a contact's fields, and what it complains of."""

import re
from typing import Any

TEXTS = {"firstName", "lastName", "name", "email", "phone", "website", "source", "country", "timezone"}
MORE = {"additionalEmails": "email", "additionalPhones": "phone"}
CHANGEABLE = TEXTS | {"customFields", "tags", "dnd", *MORE}
CREATABLE = CHANGEABLE | {"locationId", "companyName"}
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


def complaints(document: dict[str, Any], allowed: set[str]) -> list[str]:
    """One sentence for each thing that is wrong with a body; empty: nothing."""
    found = [f"property {name} should not exist" for name in document.keys() - allowed]
    for name in document.keys() & (TEXTS | {"companyName"}):
        if document[name] is not None and not isinstance(document[name], str):
            found.append(f"{name} must be a string")
    email = document.get("email")
    if isinstance(email, str) and email and not EMAIL.fullmatch(email):
        found.append("email must be an email")
    return found + _lists(document)


def _lists(document: dict[str, Any]) -> list[str]:
    found = []
    tags = document.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        found.append("each value in tags must be a string")
    custom = document.get("customFields", [])
    if not isinstance(custom, list) or not all(isinstance(each, dict) for each in custom):
        return [*found, "customFields must be an array"]
    if not isinstance(document.get("dnd", False), bool):
        found.append("dnd must be a boolean value")
    for name, key in MORE.items():
        entries = document.get(name, [])
        if not isinstance(entries, list) or not all(isinstance(e, dict) and key in e for e in entries):
            found.append(f"{name} must be an array")
    for index, each in enumerate(custom):
        if not isinstance(each.get("id") or each.get("key"), str):
            found.append(f"customFields.{index}.id must be a string")
        if each.keys() - {"id", "key", "field_value"}:
            found.append(f"customFields.{index} has a property that should not exist")
        if "field_value" not in each:
            found.append(f"customFields.{index}.field_value should not be empty")
    return found
