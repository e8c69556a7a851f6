"""Whom a body may be about that leads to no lead: nothing is kept of it where one of them is suppressed.

Anybody who has the secret may have written it: what is done with a body is bounded by its length, which
WEBHOOK_MAX_BYTES bounds, and by the number of people that are looked up for it.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import unquote

from gdpr.identity import Identity, phone_key
from gdpr.suppression import gate
from swarm_admin.core import text_match
from swarm_admin.core.identifiers.linkedin import canonical

MOST = 200  # of each kind that are looked up for one body: Clay tells of one person at a time
MOST_NUMBERS = 1_000  # that are read for one body to see whether they are phone numbers
DECODED = 3  # times a text may have been percent-encoded on its way here
_LINK_MARKS = str.maketrans(dict.fromkeys("=/?&#", " "))
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([\"\\/])|[bfnrt])")


class TooManyPeople(Exception):
    """A body names more people than are looked up for it."""


def suppressed_bodies(bodies: Sequence[bytes]) -> set[int]:
    """The places of those bodies of which nothing may be kept; the gate is asked once for all.

    They are about a suppressed person, or about so many that they are not looked up one by one.
    """
    asked: list[tuple[int, Identity]] = []
    crowds = set()
    for place, body in enumerate(bodies):
        try:
            asked += [(place, identity) for identity in identities(body)]
        except TooManyPeople:
            crowds.add(place)
    suppressed = gate.screen([identity for _, identity in asked], "mirror") if asked else set()
    return crowds | {asked[position][0] for position in suppressed}


def identities(body: bytes) -> list[Identity]:
    """Every profile, address and phone number in a body, in any spelling. Raises TooManyPeople."""
    text = "\n".join(_decoded_variants(text_of(body)))
    return [
        *(Identity(url) for url in dict.fromkeys(_canonical(_at_most(text_match.profiles(text))))),
        *(Identity(emails=(email,)) for email in _at_most(_addresses(text))),
        *(Identity(phone=phone) for phone in _at_most(_phones(text))),
    ]


def _decoded_variants(text: str) -> list[str]:
    """As it stands, and without percent-encoding: an address may have come within a link."""
    readings = [text]
    while "%" in readings[-1] and len(readings) <= DECODED and (plain := unquote(readings[-1])) != readings[-1]:
        readings.append(plain)
    return readings


def _addresses(text: str) -> Iterator[str]:
    """Those within a link too, where marks stand around them that an address itself may have."""
    yield from addresses(text)
    yield from addresses(text.translate(_LINK_MARKS))


def _phones(text: str) -> Iterator[str]:
    """E.164 of the numbers that exist, with their country or as they are dialled at home. Raises TooManyPeople."""
    yield from text_match.phones(text)
    for number in _at_most(text_match.numbers(text), MOST_NUMBERS):
        spelt = number.replace("+", " ")
        for reading in (spelt, f"+{spelt}"):
            if (phone := phone_key(reading)).startswith("+") and phone[1:].isdecimal():
                yield phone


def _at_most(found: Iterable[str], most: int = MOST) -> list[str]:
    """Each once. Raises TooManyPeople where there are more than `most`."""
    seen: dict[str, None] = {}
    for each in found:
        seen[each] = None
        if len(seen) > most:
            raise TooManyPeople
    return list(seen)


def profiles(text: str) -> Iterator[str]:
    """Canonical addresses."""
    return _canonical(text_match.profiles(text))


def _canonical(found: Iterable[str]) -> Iterator[str]:
    for url in found:
        try:
            yield canonical(url)
        except ValueError:
            continue


def addresses(text: str) -> Iterator[str]:
    """Lower case."""
    return text_match.emails(text.casefold())


def text_of(body: bytes) -> str:
    """A raw body as text: its strings and numbers where it is JSON, so that no escape hides anything.

    What is no JSON, or is nested too deep to be read as such, is read as it stands, with its escapes resolved.
    """
    try:
        return "\n".join(_words(json.loads(body)))
    except (ValueError, RecursionError):
        return _ESCAPE.sub(_resolved, bytes(body).decode("utf-8", "replace"))


def _resolved(escape: re.Match[str]) -> str:
    code, itself = escape.groups()
    return chr(int(code, 16)) if code else itself or " "


def _words(document: Any) -> Iterator[str]:
    """In the document's order; without a function for each level, of which there may be a thousand."""
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(part for pair in reversed(value.items()) for part in reversed(pair))
        elif isinstance(value, list):
            waiting.extend(reversed(value))
        elif value is not None:
            yield str(value)
