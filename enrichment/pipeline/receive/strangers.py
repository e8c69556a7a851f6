"""Whom a body may be about that leads to no lead: nothing is kept of it where one of them is suppressed."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from enrichment.pipeline.linkedin import canonical
from gdpr import gate
from gdpr.identity import Identity

PROFILE = re.compile(r"(?:[\w.-]*linkedin\.com)/(?:mwlite/)?in/[^\s/?#\"'<>,;|]+", re.IGNORECASE)
ADDRESS = re.compile(r"[^\s@<>\"'(),;:|]+@[^\s@<>\"'(),;:|]+")
PHONE = re.compile(r"\+\d[\d\s().\-/]{5,}\d")


def suppressed(bodies: Sequence[bytes]) -> set[int]:
    """The places of those bodies that are about a suppressed person; the gate is asked once for all."""
    asked = [(place, identity) for place, body in enumerate(bodies) for identity in identities(body)]
    found = gate.screen([identity for _, identity in asked], "mirror") if asked else set()
    return {asked[position][0] for position in found}


def identities(body: bytes) -> list[Identity]:
    """Every profile, address and international phone number in a body, be it an event or not."""
    text = text_of(body)
    phones = ("+" + re.sub(r"\D", "", found) for found in PHONE.findall(text))
    return [
        *(Identity(url) for url in dict.fromkeys(profiles(text))),
        *(Identity(emails=(email,)) for email in dict.fromkeys(addresses(text))),
        *(Identity(phone=phone) for phone in dict.fromkeys(phones)),
    ]


def profiles(text: str) -> Iterator[str]:
    """Canonical addresses."""
    for found in PROFILE.findall(text):
        try:
            yield canonical(found.rstrip(".)]}"))
        except ValueError:
            continue


def addresses(text: str) -> Iterator[str]:
    """Lower case."""
    for found in ADDRESS.findall(text.casefold()):
        yield found.strip(".").removeprefix("mailto:")


def text_of(body: bytes) -> str:
    """A raw body as text: its strings and numbers where it is JSON, so that no escape hides anything."""
    try:
        return "\n".join(_words(json.loads(body)))
    except (ValueError, RecursionError):
        return bytes(body).decode("utf-8", "replace")


def _words(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        for name, value in document.items():
            yield str(name)
            yield from _words(value)
    elif isinstance(document, list):
        for value in document:
            yield from _words(value)
    elif document is not None:
        yield str(document)
