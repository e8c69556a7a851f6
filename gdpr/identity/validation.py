"""Identifiers as people type them: read into their one form, or said what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from gdpr import rectifiable
from gdpr.identity import Identity
from swarm_admin.core import timestamps
from swarm_admin.core.identifiers import emails as addresses
from swarm_admin.core.identifiers import phones

MOST_EMAILS = 20
NOBODY = "Enter at least one of: LinkedIn URL, e-mail, phone."
_PLACE = re.compile(r"\.\d+$")  # in a list
_ONE_OF = re.compile(r"s?\.\d+$")  # without it: whoever reads the sentence counts otherwise


def storable(text: str) -> str:
    """The text itself. Raises ValueError for what no table takes."""
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("contains characters that can't be stored")
    return text


def _canonical(url: str) -> str:
    """As the package that knows such addresses spells them; else as it was given."""
    return rectifiable.clean_if_known("linkedin_url", url) if url else ""


def _international(phone: str) -> str:
    """E.164 of a number that exists; what nobody has would stand for everybody who gave it."""
    if not phone:
        return ""
    try:
        return phones.canonical(phone, phones.NO_COUNTRY)
    except ValueError:
        raise ValueError("isn't a valid phone number; include the country code, as in +49 30 123456") from None


_Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300), AfterValidator(storable)]
LinkedInUrl = Annotated[_Line, AfterValidator(_canonical)]
Phone = Annotated[_Line, AfterValidator(_international)]
# In any spelling, kept as the one key of the mailbox.
Address = Annotated[str, AfterValidator(addresses.canonical), WithJsonSchema({"type": "string", "format": "email"})]
Addresses = Annotated[list[Address], Field(max_length=MOST_EMAILS)]


class IdentifiersIn(BaseModel):
    """Whom something is about: at least one identifier."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    linkedin_url: LinkedInUrl = ""
    emails: Addresses = []
    phone: Phone = ""

    @model_validator(mode="after")
    def complete(self) -> IdentifiersIn:
        if not self.identity.identifiers():
            raise ValueError(NOBODY)
        return self

    @property
    def identity(self) -> Identity:
        return Identity(self.linkedin_url, tuple(dict.fromkeys(self.emails)), self.phone)


def without_empty_cells(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a row of text values holds: `emails` may be one text with commas or spaces; empty cells are left out."""
    values = {name: value for name, value in row.items() if value not in ("", None)}
    if isinstance(values.get("emails"), str):
        values["emails"] = [part for part in values["emails"].replace(";", ",").replace(",", " ").split() if part]
    return values


def read_identity(row: Mapping[str, Any]) -> Identity:
    """A row of text values, as a form has them.

    Raises:
        pydantic.ValidationError
    """
    return IdentifiersIn.model_validate(without_empty_cells(row)).identity


def sentences(error: ValidationError, labels: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    """(field, sentence) pairs of what is wrong, without the values themselves.

    `labels`: {field: how a sentence calls it}, "emails.*" for one of a list; others by their own names in words.
    """
    found = []
    for each in error.errors(include_input=False, include_url=False, include_context=False):
        field = ".".join(str(part) for part in each["loc"])
        name = (labels or {}).get(_PLACE.sub(".*", field)) or _ONE_OF.sub("", field).replace("_", " ")
        found.append((field, _sentence(field, name, each["type"], each["msg"])))
    return found


def _sentence(field: str, name: str, kind: str, message: str) -> str:
    text = message.removeprefix("Value error, ")
    ours = kind == "value_error"
    if kind == "missing":
        text = "is missing"
    elif kind == "enum":
        text = "isn't a valid request type" if field == "kind" else "isn't a valid value"
    elif kind == "extra_forbidden":
        text = "isn't a request field"
    elif "e-mail address" in text:
        text = "isn't a valid e-mail address"
    elif kind.startswith(("timezone", "datetime", "date_")):
        text = timestamps.NEEDED
    elif not ours and field:
        text = f"is invalid: {text[:1].lower()}{text[1:]}"
    return f"{name} {text}".strip() if text[:1].islower() and field else text
