"""Reading what a vendor answered: decoding that never raises a traceback, and errors made of it.

Bodies may be JSON of any shape, HTML, cut off, or empty; codes may be numbers, words or missing (D26).
"""

import datetime
import email.utils
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from swarm_admin.core.numbers import is_decimal, parse_int

from .calls import Call
from .errors import NotFound, Paused, Permanent, Recovery, Retryable, UnknownOutcome, VendorError
from .rules import Rule, rule_for

MESSAGE_LENGTH: Final = 200
LONGEST_WAIT: Final = 86_400.0  # seconds; a Retry-After beyond a day is taken as a day
UNREADABLE: Final = object()  # the decoded body of an answer that is no JSON

_RUN = re.compile(r"[^\s<>\"'(),;:]+")  # where it holds an @ within, it is an address
_URL = re.compile(r"\b(?:[a-z][a-z0-9+.-]{0,40}://|www\.)\S+|\b[\w-]{1,255}(?:\.[\w-]{1,255}){1,10}/\S*", re.IGNORECASE)
_PHONE = re.compile(r"(?<![\w.])\+?\(?\d[\d\s().\-/]{5,}\d")
_QUOTED = re.compile(r"\"([^\"]*)\"|(?<!\w)'([^']*)'(?!\w)|`([^`]*)`")
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_.]*")
_CREDITS = ("credit", "billing", "paid plan")  # a person has to buy them; a quota comes back by itself
_QUOTA = (*_CREDITS, "quota", "limit exceeded", "limit reached")
_DEEPEST = 5  # levels of lists and objects that an error's words are looked for in
_LIMIT_HEADERS = re.compile(r"retry-after|x-ratelimit-.*", re.IGNORECASE)
_ESCAPES = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


@dataclass(frozen=True)
class Answer:
    """A 2xx answer: `body` is the decoded JSON, None when empty, `UNREADABLE` when it is no JSON."""

    status: int
    body: Any
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Envelope:
    """What an error body says; `readable`: it was a JSON object with anything in it."""

    readable: bool = False
    code: str = ""
    message: str = ""
    provider: str | None = None
    row_index: int | None = None
    quota_remaining: int | None = None
    resets_at: datetime.datetime | None = None
    contact_id: str | None = None
    speaks_of_quota: bool = False
    speaks_of_credits: bool = False


# ---------------------------------------------------------------- decoding


def decode(raw: bytes) -> Any:
    """JSON to Python; None for an empty body, `UNREADABLE` for anything else that is no JSON.

    NaN and Infinity become None, NUL bytes and lone surrogates the replacement character: PostgreSQL
    stores neither.
    """
    if not raw.strip():
        return None
    try:
        value = json.loads(raw.decode("utf-8-sig"), parse_constant=lambda _: None)
        return _storable(value) if _ESCAPES.search(raw) else value
    except (ValueError, RecursionError):
        return UNREADABLE


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return re.sub("[\x00\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    return value


# ---------------------------------------------------------------- masking


def mask(text: str) -> str:
    """The vendor's words without addresses, numbers and quoted values, cut to 200 characters."""
    text = _URL.sub("[url]", _RUN.sub(_masked_run, text[: 10 * MESSAGE_LENGTH]))
    text = _QUOTED.sub(_masked_quote, _PHONE.sub("[number]", text))
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= MESSAGE_LENGTH else text[: MESSAGE_LENGTH - 1] + "…"


def _masked_run(found: re.Match[str]) -> str:
    return "[e-mail]" if "@" in found.group().strip("@") else found.group()


def _masked_quote(found: re.Match[str]) -> str:
    """A column's name may stay, a value may not."""
    inside = next((group for group in found.groups() if group is not None), "")
    return found.group() if _IDENTIFIER.fullmatch(inside) else "[value]"


# ---------------------------------------------------------------- error bodies


def read_envelope(body: Any) -> Envelope:
    """The error a body tells, from any of the shapes the vendors use, or an empty one."""
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    if not isinstance(body, dict):
        return Envelope()
    inner = body.get("error")
    error: dict[str, Any] = inner if isinstance(inner, dict) else body
    words = error.get("message") or (inner if isinstance(inner, str) else "")
    code = error.get("code") if error.get("code") not in (None, "") else inner
    meta = body.get("meta")
    contact_id = meta.get("contactId") if isinstance(meta, dict) else None
    message = _words(words)
    return Envelope(
        readable=bool(error),
        code=_code(code),
        message=mask(message),
        provider=_slug(error.get("provider")),
        row_index=_count(error.get("row_index")),
        quota_remaining=_count(error.get("quota_remaining")),
        resets_at=read_time(error.get("resets_at")),
        contact_id=str(contact_id) if isinstance(contact_id, str | int) and contact_id else None,
        speaks_of_quota=_speaks_of_quota(f"{_code(code)} {message}".lower()),
        speaks_of_credits=any(each in f"{_code(code)} {message}".lower() for each in _CREDITS),
    )


def _speaks_of_quota(words: str) -> bool:
    return any(each in words for each in _QUOTA) or "limit" in words.partition("exceeded")[2]


def _words(value: Any, level: int = 0) -> str:
    if level > _DEEPEST:
        return ""
    if isinstance(value, list):
        return "; ".join(_words(item, level + 1) for item in value[:5])
    if isinstance(value, dict):
        return _words(value.get("message") or value.get("msg") or "", level + 1)
    return value if isinstance(value, str) else ""


def _code(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return re.sub(r"[^\w.\- ]", "", mask(str(value)))[:60].strip()


def _slug(value: Any) -> str | None:
    if isinstance(value, dict):
        value = value.get("name")
    if not isinstance(value, str) or "@" in value:
        return None
    return re.sub(r"[^a-z0-9_.\-]", "", value.lower())[:40] or None


def _count(value: Any) -> int | None:
    """A whole number from 0; "3" and 3.0 count, True and -1 do not."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str):
        return parse_int(value.strip())
    try:
        number = float(value)
    except OverflowError:
        return None
    return int(number) if math.isfinite(number) and number >= 0 and number == int(number) else None


def read_time(value: Any) -> datetime.datetime | None:
    """ISO 8601 or seconds since 1970, aware UTC; a time without an offset is taken as UTC."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.datetime.fromtimestamp(value, datetime.UTC)
        moment = parse_datetime(value.strip()) if isinstance(value, str) else None
        if moment is None:
            return None
        aware = moment if timezone.is_aware(moment) else moment.replace(tzinfo=datetime.UTC)
        return aware.astimezone(datetime.UTC)
    except (ValueError, OverflowError, OSError):
        return None


def read_retry_after(value: str | None) -> float | None:
    """Seconds from a Retry-After header, which is a number or an HTTP date; None when neither."""
    if not value:
        return None
    if is_decimal(value.strip()):
        seconds = float(value)
    else:
        try:
            moment = email.utils.parsedate_to_datetime(value)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
        aware = moment if timezone.is_aware(moment) else moment.replace(tzinfo=datetime.UTC)
        seconds = (aware - timezone.now()).total_seconds()
    return min(max(seconds, 0.0), LONGEST_WAIT) if math.isfinite(seconds) else None


# ---------------------------------------------------------------- errors


def refusal(vendor: str, call: Call, status: int, body: Any, headers: Mapping[str, str]) -> VendorError:
    """The error for an answer outside 2xx, by the vendor's table and refined by the body."""
    envelope = read_envelope(body)
    rule = rule_for(vendor, call.name, status)
    kind, recovery = rule.kind, rule.recovery
    if _may_have_taken_effect(call, status, envelope, rule.unsure):
        kind, recovery = UnknownOutcome, Recovery.READ_BACK
    elif status == 403 and envelope.speaks_of_quota:
        kind, recovery = Paused, Recovery.CREDITS if envelope.speaks_of_credits else Recovery.PAUSE
    elif recovery == Recovery.NEXT_PROVIDER and not envelope.provider:
        recovery = Recovery.DELAY  # it names no provider: the vendor's own, or a gateway's before it
    elif issubclass(kind, NotFound) and not envelope.readable:
        recovery = Recovery.NEEDS_PERSON  # a proxy's page says nothing about the record
    return kind(
        vendor=vendor,
        call=call.name,
        status=status,
        code=envelope.code,
        message=envelope.message,
        recovery=recovery,
        provider=envelope.provider,
        row_index=envelope.row_index,
        retry_after=read_retry_after(headers.get("retry-after")),
        quota_remaining=envelope.quota_remaining,
        resets_at=envelope.resets_at,
        contact_id=envelope.contact_id,
        reads=call.changes_nothing,
        refused_as=_refused_as(rule),
        headers={name.lower(): value[:80] for name, value in headers.items() if _LIMIT_HEADERS.fullmatch(name)},
    )


def _may_have_taken_effect(call: Call, status: int, envelope: Envelope, unsure: bool) -> bool:
    """Whether the call may have taken effect although the answer says otherwise."""
    if call.repeatable:
        return False
    if unsure:
        return True
    if status in (502, 504):  # one that names no data provider is a gateway's, which may have lost the answer
        return not envelope.provider
    return status >= 500 and not envelope.readable


def lost_answer(vendor: str, call: Call, code: str, status: int | None = None) -> VendorError:
    """The error for an answer that never came whole, or that says nothing we can read."""
    if call.repeatable:
        return Retryable(vendor, call.name, status, code, recovery=Recovery.DELAY, reads=call.changes_nothing)
    rule = None if status is None else rule_for(vendor, call.name, status)
    refused_as = _refused_as(rule) if rule else None
    return UnknownOutcome(vendor, call.name, status, code, recovery=Recovery.READ_BACK, refused_as=refused_as)


def _refused_as(rule: Rule) -> Recovery | None:
    return rule.recovery if rule.unsure and rule.kind is Permanent else None
