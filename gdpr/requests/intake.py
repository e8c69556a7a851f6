"""What a request must bring, by whatever channel: one model for form, pasted e-mail, list and API."""

from __future__ import annotations

import datetime
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
    field_validator,
    model_validator,
)

from gdpr import rectifiable
from gdpr.identity import Identity
from gdpr.identity.validation import NOBODY, Address, Addresses, LinkedInUrl, Phone, storable, without_empty_cells
from gdpr.kinds import RULES, RequestKind
from gdpr.models import Regime
from gdpr.regimes.calendar import check_calendar
from swarm_admin.core.numbers import HIGHEST, require_int
from swarm_admin.core.timestamps import require_timestamp

FUTURE = datetime.timedelta(minutes=5)  # clocks differ so much
# The day from which the GDPR applies, in the United Kingdom too: nobody had these rights, or their time limits,
# before it. An earlier date is a slip of the pen, and its due date would make every figure of the board wrong.
EARLIEST = datetime.datetime(2018, 5, 25, tzinfo=datetime.UTC)
LONGEST_TEXT = 20_000


class RequestIn(BaseModel):
    """A data subject request. `received_at` needs a UTC offset and is when it reached us, not when it was entered."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    kind: RequestKind
    received_at: Annotated[AwareDatetime, BeforeValidator(require_timestamp)] = Field(default_factory=timezone.now)
    name: Annotated[str, StringConstraints(max_length=200), AfterValidator(storable)] = ""
    contact_email: Address | None = None
    text: Annotated[str, StringConstraints(max_length=LONGEST_TEXT), AfterValidator(storable)] = ""
    linkedin_url: LinkedInUrl = ""
    emails: Addresses = []
    phone: Phone = ""
    values: dict[str, str] = {}
    regime: Regime = Field(default_factory=lambda: Regime(settings.COMPLIANCE_REGIME))
    calendar: str = Field(default_factory=lambda: settings.COMPLIANCE_CALENDAR)
    concerns: Annotated[int, Field(ge=1, le=HIGHEST), BeforeValidator(require_int)] | None = Field(
        default=None, description="ID of the earlier request this one is about"
    )

    @field_validator("received_at")
    @classmethod
    def check_received_at(cls, moment: datetime.datetime) -> datetime.datetime:
        if moment > timezone.now() + FUTURE:
            raise ValueError("is in the future")
        if moment < EARLIEST:
            raise ValueError("is before 25 May 2018, when the GDPR took effect")
        return moment.astimezone(datetime.UTC)

    @field_validator("calendar")
    @classmethod
    def check_known_calendar(cls, place: str) -> str:
        check_calendar(place)
        return place

    @model_validator(mode="after")
    def complete(self) -> RequestIn:
        self.emails = list(dict.fromkeys(self.emails))
        concerned = RULES[self.kind].concerns
        if concerned and self.concerns is None:
            raise ValueError("Enter the request it is about.")
        if not concerned and not self.identity.identifiers():
            raise ValueError(NOBODY)
        self._check_values()
        return self

    def _check_values(self) -> None:
        if self.kind == RequestKind.RECTIFICATION:
            try:
                self.values = rectifiable.clean_values(self.values)
            except rectifiable.InvalidValues as invalid:
                raise ValueError(str(invalid)) from None
        elif self.values:
            raise ValueError("Only a rectification can have new values.")

    @property
    def identity(self) -> Identity:
        return Identity(self.linkedin_url, tuple(self.emails), self.phone)


def read(row: dict[str, Any]) -> RequestIn:
    """A row of text values, as a form or a list has them: `emails` may be one text with commas or spaces.

    Raises:
        pydantic.ValidationError
    """
    return RequestIn.model_validate(without_empty_cells(row))
