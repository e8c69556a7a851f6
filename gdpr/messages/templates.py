"""The texts' versions: the newest is used, a change is a new version, and none is ever rewritten."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from gdpr import audit
from gdpr.messages.defaults import DEFAULTS
from gdpr.models import MessageTemplate
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed, require_text

# What a text may name, with what stands there in a preview.
PLACEHOLDERS: dict[str, str] = {
    "name": "Ada Example",
    "reference": "SR-00012",
    "kind": "Access (Art. 15)",
    "received": "3 March 2026",
    "due": "3 April 2026",
    "period": "one month",
    "reasons": "(reasons entered by staff)",
    "ground": "The right does not apply here.",
    "outcome": "(what was done)",
    "remains": "(what remains, and until when)",
    "controller": "The controller",
    "controller_contact": "privacy@controller.example",
    "authority": "the data protection authority of your country",
}
# Without them the text would not tell the person what the law asks for.
REQUIRED: dict[str, tuple[str, ...]] = {
    "refusal": ("reasons", "authority"),
    "portability": ("authority",),
    "extension": ("reasons", "due"),
    "completion": ("outcome",),
    "identity_question": ("reasons",),
    "clarification": ("reasons",),
}


def current(slug: str) -> MessageTemplate:
    """The newest version; the first one is made of the text we begin with. Raises KeyError for an unknown slug."""
    newest = MessageTemplate.objects.filter(slug=slug).order_by("-number").first()
    if newest is not None:
        return newest
    text = DEFAULTS[slug]
    first, _ = MessageTemplate.objects.get_or_create(
        slug=slug, number=1, defaults={"subject": text.subject, "body": text.body, "note": "As delivered"}
    )
    return first


def all_current() -> list[MessageTemplate]:
    return [current(slug) for slug in DEFAULTS]


def title(slug: str) -> str:
    return DEFAULTS[slug].title


def render(text: str, values: Mapping[str, str]) -> str:
    """Every placeholder filled in once: what is put in is never read as a placeholder again.

    A paragraph whose placeholder stands for nothing leaves no gap.
    """
    filled = string.Template(text).substitute({name: values.get(name, "") for name in PLACEHOLDERS})
    return re.sub(r"\n{3,}", "\n\n", filled).strip()


def check(slug: str, subject: str, body: str) -> None:
    """Raises ActionNotAllowed where a text could not be filled in, or leaves out what the law asks for."""
    if slug not in DEFAULTS:
        raise ActionNotAllowed("This template doesn't exist.")
    if not subject.strip() or not body.strip():
        raise ActionNotAllowed("Enter a subject and a body.")
    if "\n" in subject or "\r" in subject:
        raise ActionNotAllowed("The subject must be one line.")
    for text in (subject, body):
        template = string.Template(text)
        if not template.is_valid():
            raise ActionNotAllowed("A dollar sign starts a placeholder. Write $$ for a literal dollar sign.")
        if unknown := sorted(set(template.get_identifiers()) - set(PLACEHOLDERS)):
            raise ActionNotAllowed(f"Unknown placeholder: ${unknown[0]}.")
    used = set(string.Template(body).get_identifiers())
    if missing := [name for name in REQUIRED.get(slug, ()) if name not in used]:
        raise ActionNotAllowed(f"Add the required placeholder ${missing[0]}.")


def preview(subject: str, body: str) -> tuple[str, str]:
    """(subject, body) filled in with invented values."""
    return render(subject, PLACEHOLDERS), render(body, PLACEHOLDERS)


def new_version(slug: str, *, subject: str, body: str, note: str, by: Any) -> MessageTemplate:
    """Use this text from now on; messages that were written keep theirs.

    Raises:
        ActionNotAllowed: the text lacks something, no note, or somebody saved another version just now.
    """
    check(slug, subject, body)
    note = require_text(note, "what changed", longest=300)
    body = body.replace("\r\n", "\n").strip()
    number = current(slug).number + 1
    try:
        with transaction.atomic():
            version = MessageTemplate.objects.create(
                slug=slug, number=number, subject=subject.strip(), body=body, note=note, created_by=by
            )
            audit.record(Verb.EDIT_TEMPLATE, by=by, on=version, counts={"version": number}, reason=slug)
    except IntegrityError:
        raise ActionNotAllowed("Someone just saved another version. Review it first.") from None
    return version
