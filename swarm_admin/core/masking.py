"""Personal values as people without `enrichment.view_personal_data` see them."""

from typing import Any

PERMISSION = "enrichment.view_personal_data"
DOTS = "•••"


def may_see(user: Any) -> bool:
    """True for a person who sees personal data unmasked."""
    return bool(user is not None and user.has_perm(PERMISSION))


def mask(value: Any, kind: str = "text") -> str:
    """The value with nothing left that finds the person; "" stays "" (missing is not hidden).

    `kind`: `name` keeps initials ("J. K."), `email` the first letter ("j•••@•••"), `phone` the last two
    digits ("••• 34"); any other kind keeps nothing.
    """
    text = str(value or "").strip()
    if not text:
        return ""
    if kind == "name":
        return " ".join(f"{word[0].upper()}." for word in text.split())
    if kind == "email":
        return f"{text[0]}{DOTS}@{DOTS}"
    if kind == "phone":
        return f"{DOTS} {text[-2:]}"
    return DOTS


def display_value(user: Any, value: Any, kind: str = "text") -> str:
    """The value as this person may see it."""
    return str(value or "") if may_see(user) else mask(value, kind)
