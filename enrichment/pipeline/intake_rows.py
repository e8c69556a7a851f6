"""What one row of intake must be: the input table of the specification as a pydantic model."""

import datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from django.conf import settings
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from enrichment.models import SourceType
from swarm_admin.core.clean_text import cleaned, is_damaged
from swarm_admin.core.identifiers import linkedin
from swarm_admin.core.identifiers.text import is_missing_text

NAMES = ("first_name", "last_name", "company_name")
SOURCE_TYPES = tuple(SourceType.values)  # `values` makes its list anew each time
FUTURE_TOLERANCE = datetime.timedelta(minutes=5)  # clocks differ (D25)


def rule_error(sentence: str) -> PydanticCustomError:
    """A broken rule; the sentence continues the field's name and never holds the value."""
    return PydanticCustomError("rule", "{sentence}", {"sentence": sentence})


class LeadIn(BaseModel):
    """A lead as the Hunter agent sends it. Lengths are in Unicode code points after trimming."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    linkedin_url: str = Field(description="A LinkedIn profile: https://www.linkedin.com/in/…")
    first_name: str = Field("", max_length=100)
    last_name: str = Field("", max_length=100)
    company_name: str = Field("", max_length=200)
    source_type: str = Field(description="One of the source types", json_schema_extra={"enum": [*SourceType.values]})
    source_name: Annotated[str, Field(min_length=1, max_length=200)]
    source_url: str = Field("", max_length=2000, description="An http or https URL")
    engagement_action: str = Field("", max_length=500)
    engagement_content: str = Field("", max_length=5000)
    scraped_at: datetime.datetime = Field(description="ISO 8601 with an offset; stored in UTC")

    @field_validator("*", mode="before")
    @classmethod
    def _clean(cls, value: Any, info: ValidationInfo) -> Any:
        """Text as people see it; null, and what tools write for it, is as good as absent where the field may be absent.

        So is a name that has lost a letter: Clay knows it, and a guess would be told to others.
        """
        name = info.field_name or ""
        optional = not cls.model_fields[name].is_required()
        if not isinstance(value, str):
            return "" if optional and value is None else value
        _check_storable(value)
        if optional and is_missing_text(value):
            return ""
        if name in NAMES and is_damaged(value):
            return ""
        return cleaned(value, lines=name == "engagement_content")

    @field_validator("linkedin_url")
    @classmethod
    def _profile(cls, value: str) -> str:
        try:
            return linkedin.canonical(value)
        except ValueError as error:
            raise rule_error(str(error)) from None

    @field_validator("source_type")
    @classmethod
    def _source_type(cls, value: str) -> str:
        if value not in SOURCE_TYPES:
            raise rule_error(f"must be one of: {', '.join(SOURCE_TYPES)}.")
        return value

    @field_validator("source_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if not value:
            return value
        try:
            parts = urlsplit(value)
            valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            valid = False
        # Of all blanks, only the plain one counts as printable.
        if not valid or " " in value or not value.isprintable():
            raise rule_error("must be a URL that starts with https:// or http://.")
        return value

    @field_validator("scraped_at", mode="before")
    @classmethod
    def _moment(cls, value: Any, info: ValidationInfo) -> datetime.datetime:
        """Aware, in UTC, neither in the future nor past its retention."""
        moment = _instant(value)
        now: datetime.datetime = info.context["now"]  # type: ignore[index]
        if moment > now + FUTURE_TOLERANCE:
            raise rule_error("must not be in the future (five minutes' tolerance).")
        if moment <= now - datetime.timedelta(days=settings.RETENTION_DAYS):
            raise rule_error(f"is older than the retention period of {settings.RETENTION_DAYS} days.")
        return moment


def _check_storable(value: str) -> None:
    """Also of text that nobody sees: what cannot be kept is never as good as absent."""
    if "\x00" in value:
        raise rule_error("must not contain NUL characters.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise rule_error("must not contain unpaired surrogates.") from None


def _instant(value: Any) -> datetime.datetime:
    try:
        # RFC 3339, 5.6: "t" and "z" may be small.
        text = value.upper() if isinstance(value, str) else value
        moment = text if isinstance(text, datetime.datetime) else datetime.datetime.fromisoformat(text)
        offset = moment.utcoffset()
    except (TypeError, ValueError):
        raise rule_error("must be an ISO 8601 date and time with an offset, as in 2026-01-15T10:00:00Z.") from None
    if offset is None:
        raise rule_error("must include a UTC offset, as in 2026-01-15T10:00:00Z.")
    try:
        return moment.astimezone(datetime.UTC)
    except OverflowError:  # the first or last day of the calendar, moved out of it
        raise rule_error("must be a plausible time.") from None


SENTENCES = {
    "missing": "is required.",
    "string_too_long": "must be at most {max_length} characters long.",
    "string_too_short": "is required.",
    "string_type": "must be text.",
}
FIELDS = frozenset(LeadIn.model_fields)


def parse_row(row: Any, now: datetime.datetime) -> LeadIn | list[tuple[str, str]]:
    """The row as a lead, or every rule it breaks as (field, sentence), one per field.

    No sentence holds a value of the row.
    """
    if not isinstance(row, dict):
        return [("", "The row must be an object with named fields.")]
    try:
        return LeadIn.model_validate(row, context={"now": now})
    except ValidationError as error:
        return [_rule(each) for each in error.errors(include_url=False, include_input=False)]


def _rule(error: Any) -> tuple[str, str]:
    field = str(error["loc"][0])
    if error["type"] == "rule":
        sentence = error["ctx"]["sentence"]
    else:
        sentence = SENTENCES.get(error["type"], "can't be read.").format(**error.get("ctx", {}))
    return field, f"{field} {sentence}"
