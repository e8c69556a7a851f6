"""What a request must bring, by whatever channel: one model for form, pasted e-mail, list and API."""

from __future__ import annotations

import datetime
import re
from typing import Annotated, Any

from django.conf import settings
from django.utils import timezone
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from gdpr import rectifiable
from gdpr.due_dates.calendar import check_calendar
from gdpr.identity import Identity
from gdpr.kinds import RULES, RequestKind
from gdpr.models.request import Regime
from swarm_admin.core.identifiers import emails as addresses
from swarm_admin.core.identifiers import phones
from swarm_admin.core.numbers import only_whole

FUTURE = datetime.timedelta(minutes=5)  # clocks differ so much
# The day from which the GDPR applies, in the United Kingdom too: nobody had these rights, or their time limits,
# before it. An earlier date is a slip of the pen, and its due date would make every figure of the board wrong.
EARLIEST = datetime.datetime(2018, 5, 25, tzinfo=datetime.UTC)
LONGEST_TEXT, MOST_EMAILS = 20_000, 20
NO_COUNTRY = "ZZ"  # a number has to name its own
# In any spelling, kept as the one key of the mailbox.
Address = Annotated[str, AfterValidator(addresses.canonical), WithJsonSchema({"type": "string", "format": "email"})]
NOBODY = "Give at least one of: LinkedIn address, e-mail, phone."
_ONE_OF = re.compile(r"s?\.\d+$")  # the place in a list: whoever reads the sentence counts otherwise
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)]


class RequestIn(BaseModel):
    """A request as it comes in. `received_at` needs an offset and is when it reached us, not when it is entered."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    kind: RequestKind
    received_at: AwareDatetime = Field(default_factory=timezone.now)
    name: Annotated[str, StringConstraints(max_length=200)] = ""
    contact_email: Address | None = None
    text: Annotated[str, StringConstraints(max_length=LONGEST_TEXT)] = ""
    linkedin_url: Line = ""
    emails: Annotated[list[Address], Field(max_length=MOST_EMAILS)] = []
    phone: Line = ""
    values: dict[str, str] = {}
    regime: Regime = Field(default_factory=lambda: Regime(settings.COMPLIANCE_REGIME))
    calendar: str = Field(default_factory=lambda: settings.COMPLIANCE_CALENDAR)
    concerns: Annotated[int | None, BeforeValidator(only_whole)] = Field(
        default=None, description="number of the earlier request it is about"
    )

    @field_validator("name", "text", "linkedin_url", "phone")
    @classmethod
    def storable(cls, text: str) -> str:
        if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
            raise ValueError("has characters that cannot be kept")
        return text

    @field_validator("received_at")
    @classmethod
    def possible_time(cls, moment: datetime.datetime) -> datetime.datetime:
        if moment > timezone.now() + FUTURE:
            raise ValueError("lies in the future")
        if moment < EARLIEST:
            raise ValueError("lies before 25 May 2018, the day from which the GDPR applies")
        return moment.astimezone(datetime.UTC)

    @field_validator("linkedin_url")
    @classmethod
    def canonical(cls, url: str) -> str:
        """As the package that knows such addresses spells them; else as it was given."""
        return rectifiable.clean_if_known("linkedin_url", url) if url else ""

    @field_validator("phone")
    @classmethod
    def international(cls, phone: str) -> str:
        """E.164 of a number that exists; what nobody has would stand for everybody who gave it."""
        if not phone:
            return ""
        try:
            return phones.canonical(phone, NO_COUNTRY)
        except ValueError:
            raise ValueError(
                "is no phone number that exists in its country; write it with the country, as in +49 30 123456"
            ) from None

    @field_validator("calendar")
    @classmethod
    def known_calendar(cls, place: str) -> str:
        check_calendar(place)
        return place

    @model_validator(mode="after")
    def complete(self) -> RequestIn:
        self.emails = list(dict.fromkeys(self.emails))
        concerned = RULES[self.kind].concerns
        if concerned and self.concerns is None:
            raise ValueError("Name the request it is about.")
        if not concerned and not self.identity.identifiers():
            raise ValueError(NOBODY)
        self._check_values()
        return self

    def _check_values(self) -> None:
        if self.kind == RequestKind.RECTIFICATION:
            try:
                self.values = rectifiable.cleaned(self.values)
            except rectifiable.Invalid as invalid:
                raise ValueError(str(invalid)) from None
        elif self.values:
            raise ValueError("Only a rectification has new values.")

    @property
    def identity(self) -> Identity:
        return Identity(self.linkedin_url, tuple(self.emails), self.phone)


def sentences(error: ValidationError) -> list[tuple[str, str]]:
    """(field, sentence) pairs of what is wrong, without the values themselves."""
    found = []
    for each in error.errors(include_input=False, include_url=False, include_context=False):
        field = ".".join(str(part) for part in each["loc"])
        found.append((field, _sentence(field, each["type"], each["msg"])))
    return found


def _sentence(field: str, kind: str, message: str) -> str:
    text = message.removeprefix("Value error, ")
    ours = kind == "value_error"
    if kind == "missing":
        text = "is missing"
    elif kind == "enum":
        text = "is none of those that can be asked for" if field == "kind" else "is not known here"
    elif kind == "extra_forbidden":
        text = "is not a field of a request"
    elif "e-mail address" in text:
        text = "is no e-mail address"
    elif kind.startswith(("timezone", "datetime", "date_")):
        text = "needs a day, a time and its offset, as in 2026-11-20T09:30+01:00"
    elif not ours and field:
        text = f"cannot be read: {text[:1].lower()}{text[1:]}"
    name = _ONE_OF.sub("", field).replace("_", " ")
    return f"{name} {text}".strip() if text[:1].islower() and field else text


def read(row: dict[str, Any]) -> RequestIn:
    """A row of text values, as a form or a list has them: `emails` may be one text with commas or spaces.

    Raises:
        pydantic.ValidationError
    """
    row = {name: value for name, value in row.items() if value not in ("", None)}
    if isinstance(row.get("emails"), str):
        row["emails"] = [part for part in row["emails"].replace(";", ",").replace(",", " ").split() if part]
    return RequestIn.model_validate(row)
