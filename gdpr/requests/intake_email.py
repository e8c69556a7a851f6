"""A pasted e-mail, read as far as a machine can: an officer confirms every guess before the request is opened."""

from __future__ import annotations

import codecs
import datetime
import email
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import parseaddr, parsedate_to_datetime
from html.parser import HTMLParser
from typing import Any

import phonenumbers
from django.utils import timezone

from gdpr.kinds import RequestKind
from swarm_admin.core import text_match

LONGEST = 200_000  # characters
LONGEST_TEXT = 20_000  # of these, what the officer is shown and a phone number is looked for in
LONGEST_LINE = 998  # of one that introduces what is quoted (RFC 5322, 2.1.1)
# Of headers' values, folded lines included, and how many there may be of the second kind, which each part has: the
# parser of structured headers takes time with the length of a value squared.
LONGEST_HEADER, LONGEST_CONTENT_HEADER, MOST_CONTENT_HEADERS = 1_000, 300, 200
# Charsets that decode in a time with their length squared, and that nobody writes an e-mail in.
SLOW_CHARSETS = {"punycode", "idna"}
# The most far-reaching wish first: who asks for erasure may mention a copy, hardly the other way round.
WORDS: tuple[tuple[RequestKind, re.Pattern[str]], ...] = (
    (
        RequestKind.WITHDRAWAL,
        re.compile(r"withdraw (my|the) (earlier )?request|ziehe .{0,40}(antrag|anfrage) zurück"),
    ),
    (
        RequestKind.ERASURE,
        re.compile(
            r"\b(erase|erasure|delete|deletion|remove (all|my)|right to be forgotten|forget me)\b|article 17|art\. ?17"
            r"|lösch|vergessen(werden| zu werden)|effacer|suppression de mes"
        ),
    ),
    (
        RequestKind.OBJECTION,
        re.compile(
            r"\b(object to|objection|unsubscribe|stop (e-?mailing|contacting|sending|writing)|do not contact"
            r"|opt[- ]?out)\b|article 21|art\. ?21|widersprech|widerspruch|keine werbung|m'oppose"
        ),
    ),
    (
        RequestKind.RESTRICTION,
        re.compile(r"\brestrict(ion)?\b|article 18|art\. ?18|einschränk|limitation du traitement"),
    ),
    (
        RequestKind.RECTIFICATION,
        re.compile(
            r"\b(rectif\w+|correct (my|the)|is wrong|are wrong|incorrect|out of date)\b|article 16|art\. ?16|berichtig"
        ),
    ),
    (RequestKind.PORTABILITY, re.compile(r"\bportability\b|article 20|art\. ?20|übertragbarkeit")),
    (
        RequestKind.ACCESS,
        re.compile(
            r"\b(access request|subject access|copy of my|what (data|information)|dsar)\b|article 15|art\. ?15|auskunft"
        ),
    ),
)
_DASHES = re.compile(r"-{2,} ?(?:Original|Forwarded|Ursprüngliche)", re.IGNORECASE)
_HEADER = re.compile(r"(From|Von|Date|Datum|Sent|Gesendet|Subject|Betreff):", re.IGNORECASE)
_RAW_HEADER = re.compile(r"(?:Received|MIME-Version|Message-ID|Content-Type):", re.IGNORECASE)
_CONTENT_HEADER = re.compile(r"[\r\n]content-", re.IGNORECASE)
_NAMES = {"von": "from", "datum": "date", "sent": "date", "gesendet": "date", "betreff": "subject"}


@dataclass
class Draft:
    """Guesses for the form; `kind` is None where the words say nothing. `notes` tell the officer what to look at."""

    kind: RequestKind | None = None
    received_at: datetime.datetime | None = None
    name: str = ""
    contact_email: str = ""
    linkedin_url: str = ""
    emails: list[str] = field(default_factory=list)
    phone: str = ""
    text: str = ""
    notes: list[str] = field(default_factory=list)

    def initial(self) -> dict[str, Any]:
        """What a form begins with."""
        return {
            "kind": self.kind or "",
            "received_at": self.received_at,
            "name": self.name,
            "contact_email": self.contact_email,
            "linkedin_url": self.linkedin_url,
            "emails": ", ".join(self.emails),
            "phone": self.phone,
            "text": self.text,
        }


def parse(pasted: str, *, country: str = "") -> Draft:
    """Read an e-mail with its headers, or what a mail program copies; `country` is where a local phone belongs.

    Never raises: what cannot be read is left empty, and `notes` says so.
    """
    pasted = pasted.replace("\x00", "").replace("\r\n", "\n")[:LONGEST].strip()
    headers, body = _split(pasted)
    draft = Draft(text=body[:LONGEST_TEXT].strip())
    draft.name, draft.contact_email = _sender(headers.get("from", ""))
    draft.received_at = _moment(headers.get("date", ""))
    own = "\n".join(_without_quotes(body))
    searched = f"{headers.get('subject', '')}\n{own}"
    draft.kind = guess_kind(searched)
    draft.linkedin_url = next(text_match.profiles_in_prose(searched), "")
    draft.emails = _addresses(draft.contact_email, own)
    draft.phone = _phone(own[:LONGEST_TEXT], country)
    draft.notes = list(_notes(draft))
    return draft


def _split(pasted: str) -> tuple[dict[str, str], str]:
    """(headers in lower case, text) of a raw message, or of a few header lines above a text."""
    lines = pasted.split("\n")
    named = [_HEADER.match(line.strip()) for line in lines[:12]]
    if any(_RAW_HEADER.match(line) for line in lines[:60]):
        return _raw(pasted)
    last = max((number for number, match in enumerate(named) if match), default=-1)
    headers: dict[str, str] = {}
    for match in named:
        if match:
            name = match.group(1).lower()
            value = match.string[match.end() :].strip()[:LONGEST_HEADER]
            headers.setdefault(_NAMES.get(name, name), value)
    return headers, "\n".join(lines[last + 1 :]).strip()


class _ShortHeaders(EmailPolicy):
    """The default policy, with what headers say cut short."""

    def header_source_parse(self, sourcelines: Any) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        longest = LONGEST_CONTENT_HEADER if name.lower().startswith("content-") else LONGEST_HEADER
        return name, value[:longest]


def _raw(pasted: str) -> tuple[dict[str, str], str]:
    if len(_CONTENT_HEADER.findall(pasted)) > MOST_CONTENT_HEADERS:
        return {}, pasted
    try:
        message = email.message_from_string(pasted, policy=_ShortHeaders())
        headers = {name: str(message.get(name, "")) for name in ("from", "date", "subject")}
        return headers, _body(message)
    except (
        ValueError,
        LookupError,
        IndexError,
        AttributeError,
        TypeError,
        OverflowError,
        RecursionError,
        AssertionError,
    ):  # broken headers, in the parser's many ways
        return {}, pasted


def _body(message: Any) -> str:
    part = message.get_body(preferencelist=("plain", "html")) if isinstance(message, EmailMessage) else None
    if part is None or _is_slow(str(part.get_content_charset("utf-8"))):
        return ""
    text = str(part.get_content())
    return _text_of(text) if part.get_content_type() == "text/html" else text


def _is_slow(charset: str) -> bool:
    try:
        return codecs.lookup(charset).name in SLOW_CHARSETS
    except LookupError:
        return False


class _Text(HTMLParser):
    """The words of an HTML message."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._hidden += tag in ("script", "style")
        if tag in ("br", "p", "div", "li", "tr"):
            self.words.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style") and self._hidden > 0

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)


def _text_of(html: str) -> str:
    parser = _Text()
    parser.feed(html)
    return re.sub(r"\n{3,}", "\n\n", "".join(parser.words)).strip()


def _without_quotes(body: str) -> Iterator[str]:
    """What the person wrote, without what they quote: our own words must not be read as theirs.

    Why not mail-parser-reply: its expressions take seconds for 2,000 characters made for it ("Am x schrieb" again
    and again, empty lines), hours for what may be pasted here.
    """
    for line in body.split("\n"):
        if line.lstrip().startswith(">"):
            continue
        if _starts_quote(line.strip()):
            return
        yield line


def _starts_quote(line: str) -> bool:
    """ "On … wrote:", "Am … schrieb …:", "-- Original Message"."""
    if _DASHES.match(line):
        return True
    if not line.endswith(":") or len(line) > LONGEST_LINE:
        return False
    low = line.lower()
    english = low.startswith("on ") and low.endswith(" wrote:") and len(low) > len("on  wrote:")
    return english or (low.startswith("am ") and " schrieb " in low[4:])


def _sender(header: str) -> tuple[str, str]:
    try:
        name, address = parseaddr(header)
    except RecursionError:  # comments within comments
        return "", ""
    try:
        Address(addr_spec=address)
    except (ValueError, IndexError, RecursionError):
        return name[:200], ""
    return name[:200], address.casefold()


def _moment(header: str) -> datetime.datetime | None:
    """When it was sent; never later than now, and None where it cannot be read or names no zone."""
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(moment, timezone.now()) if moment.tzinfo else None


def guess_kind(text: str) -> RequestKind | None:
    """By the words of English, German and a little French."""
    low = text.casefold()
    return next((kind for kind, words in WORDS if words.search(low)), None)


def _addresses(sender: str, text: str) -> list[str]:
    found = [sender] if sender else []
    found += [address.casefold() for address in text_match.emails_in_prose(text)]
    return list(dict.fromkeys(found))[:20]


def _phone(text: str, country: str) -> str:
    for match in phonenumbers.PhoneNumberMatcher(text, country or None):
        return str(phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164))
    return ""


def _notes(draft: Draft) -> Iterator[str]:
    if draft.kind is None:
        yield "We couldn't detect the request type. Choose one."
    if draft.received_at is None:
        yield "We couldn't read the date of receipt. Enter it: the deadline runs from it."
    if not draft.contact_email:
        yield "We couldn't read the sender's address."
    if len(draft.emails) > 1:
        yield "We found more than one e-mail address. Keep only the person's own."
