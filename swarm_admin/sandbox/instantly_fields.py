"""What Instantly takes as a lead's fields, and what it complains of."""

from typing import Any

TEXTS = {"first_name", "last_name", "company_name", "job_title", "phone", "website", "personalization"}
LEAD = TEXTS | {"email", "custom_variables"}
FLAGS = {"skip_if_in_workspace", "skip_if_in_campaign"}


def complaint(document: dict[str, Any], allowed: set[str], where: str) -> str:
    """The first thing in a body that its schema does not know or that is of another type; "": nothing."""
    for name, value in document.items():
        if name not in allowed:
            return f"{where} must NOT have additional properties: {name}"
        if name in TEXTS and value is not None and not isinstance(value, str):
            return f"{where}/{name} must be string"
        if name in FLAGS and not isinstance(value, bool):
            return f"{where}/{name} must be boolean"
    custom = document.get("custom_variables") or {}
    if not isinstance(custom, dict):
        return f"{where}/custom_variables must be object"
    for name, value in custom.items():
        if value is not None and not isinstance(value, str | int | float | bool):
            return f"{where}/custom_variables/{name} must be string,number,boolean,null"
    return ""
