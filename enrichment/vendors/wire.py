"""What the clients' models share: strict outwards, tolerant inwards, no values in their errors."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel


class Outgoing(BaseModel):
    """A body we send: an unknown field is a mistake of ours. Its errors name fields, never values."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    def body(self) -> dict[str, Any]:
        """As JSON values, without what is missing."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Incoming(BaseModel):
    """A body we are sent: unknown fields are ignored (the whole is kept in `raw` where it matters)."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class CamelIncoming(Incoming):
    """The same, for a vendor that writes camelCase."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def identifier(value: Any) -> str:
    """A vendor's id as text; "" where there is none. Numbers count, whatever else does not."""
    return _text(value)


# Text of any type the vendor may answer with; "" for what is no text.
Text = Annotated[str, BeforeValidator(_text)]
Items = Annotated[list[Any], BeforeValidator(lambda value: value if isinstance(value, list) else [])]
# A whole number; 0 for what is none.
Count = Annotated[
    int, BeforeValidator(lambda value: value if isinstance(value, int) and not isinstance(value, bool) else 0)
]
Flag = Annotated[bool | None, BeforeValidator(lambda value: value if isinstance(value, bool) else None)]
