"""The text of a notice (Art. 14): its versions, the values it may name, and what it says to one person."""

import string
from typing import Any

from django.conf import settings
from django.db import transaction

from gdpr import audit
from gdpr.data_subjects import UnnotifiedPerson
from gdpr.models import MessageTemplate
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed

SLUG = "notice_art14"
SUBJECT = "How we use information about you"
# Art. 14(1) and (2): who, why, what, whence, to whom, where, how long, which rights; the objection apart (21(4)).
BODY = """\
Hello $first_name,

$controller holds business contact data about you and is informing you of this, as required by Art. 14 GDPR.

What: $fields.
Source: $source, on $collected_on; completed by providers of business data.
Why: $purposes The legal basis is $legal_basis.
Who receives it: $recipients.
Where: $transfers
How long: at most $retention_days days from the day it was collected.
Scoring: $scoring

$objection

$rights To use them, or to ask us anything, write to $contact.
You may also complain to a supervisory authority, in particular $authority.
"""


def floor_values() -> dict[str, str]:
    """What Art. 14 wants said, in our words, whoever it is said to."""
    return {
        "controller": settings.CONTROLLER_NAME,
        "contact": settings.CONTROLLER_CONTACT,
        "purposes": "to find out whether our offer fits your company and, if so, to write to you about it.",
        "legal_basis": "our legitimate interest in offering our services to companies they fit (Art. 6(1)(f))",
        "recipients": (
            "our processors for enrichment (Clay and the data providers it asks), contact management (GoHighLevel) "
            "and mailing (Instantly)"
        ),
        "transfers": settings.NOTICE_TRANSFERS,
        "retention_days": str(settings.RETENTION_DAYS),
        "scoring": (
            "we score how well your role and company fit our offer, which decides whom we write to first. No decision "
            "with legal or similar effect is based on it."
        ),
        "objection": (
            "You have the right to object at any time to our use of your data for direct marketing, without giving "
            "reasons. Then we stop at once."
        ),
        "rights": "You may ask us for a copy of your data, for its correction, erasure or restriction.",
        "authority": settings.COMPLAINT_AUTHORITY,
    }


# Placeholder → what the person would not be told without it.
FLOOR = {
    "controller": "who is responsible (14(1)(a))",
    "contact": "how to reach you (14(1)(a), (b))",
    "purposes": "what the data is for (14(1)(c))",
    "legal_basis": "the legal basis and the interest pursued (14(1)(c), (2)(b))",
    "fields": "which data it is (14(1)(d))",
    "recipients": "who receives it (14(1)(e))",
    "transfers": "transfers to third countries and their safeguards (14(1)(f))",
    "retention_days": "how long it is kept (14(2)(a))",
    "rights": "the rights of the person (14(2)(c))",
    "authority": "where to complain (14(2)(e))",
    "source": "where the data comes from (14(2)(f))",
    "scoring": "that people are scored (14(2)(g))",
    "objection": "the right to object (14(2)(c), 21(4))",
}


def below_floor(body: str) -> list[str]:
    """What Art. 14 asks for and this text leaves out, as parts of a sentence; empty where it says everything."""
    named = set(string.Template(body).get_identifiers())
    missing = [f"${name}: {what}" for name, what in FLOOR.items() if name not in named]
    paragraphs = [paragraph.strip() for paragraph in body.replace("\r\n", "\n").split("\n\n")]
    if "objection" in named and not {"$objection", "${objection}"} & set(paragraphs):
        missing.append("the right to object in a paragraph of its own, apart from everything else (21(4))")
    return missing


def check_can_use(text: MessageTemplate) -> None:
    """Raises ActionNotAllowed where the text says less than the law asks for."""
    if missing := below_floor(text.body):
        raise ActionNotAllowed(f"The notice template doesn't say everything Art. 14 requires. Add {missing[0]}.")


def template() -> MessageTemplate:
    """The newest version of the text; the first is planted when it is asked for."""
    found = MessageTemplate.objects.filter(slug=SLUG).order_by("-number").first()
    if found is None:
        found, _ = MessageTemplate.objects.get_or_create(
            slug=SLUG, number=1, defaults={"subject": SUBJECT, "body": BODY, "note": "First version"}
        )
    return found


def change_text(*, subject: str, body: str, note: str, by: Any) -> MessageTemplate:
    """A new version of the text; those sent before keep theirs.

    Raises:
        ActionNotAllowed: it is empty, names a value there is none of, or says less than the law asks for.
    """
    subject, body = " ".join(subject.split()), body.strip()
    if not subject or not body:
        raise ActionNotAllowed("Enter a subject and a text.")
    known = {*template_values(None), *floor_values()}
    if unknown := sorted(set(string.Template(f"{subject}\n{body}").get_identifiers()) - known):
        raise ActionNotAllowed(f"Unknown placeholder: {', '.join(f'${name}' for name in unknown)}.")
    if missing := below_floor(body):
        raise ActionNotAllowed(f"Art. 14 requires more than this text says. Add {'; '.join(missing)}.")
    with transaction.atomic():
        number = template().number + 1
        made = MessageTemplate.objects.create(
            slug=SLUG, number=number, subject=subject[:200], body=body, note=note.strip()[:300], created_by=by
        )
        audit.record(Verb.CHANGE_NOTICE_TEXT, by=by, on=made)
    return made


def template_values(person: UnnotifiedPerson | None) -> dict[str, str]:
    """What the text may name of a person; empty words where nothing is known."""
    given = dict(person.facts) if person else {}
    names = ("first_name", "source", "collected_on", "fields")
    return {name: given.get(name, "") for name in names}


def render(text: MessageTemplate, person: UnnotifiedPerson) -> tuple[str, str]:
    """(subject, body) for one person. No line break gets into the subject, whatever a name holds."""
    values = {**template_values(person), **floor_values()}
    subject = " ".join(string.Template(text.subject).safe_substitute(values).split())
    return subject, string.Template(text.body).safe_substitute(values)
