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
# Art. 14(1) and (2): who, why, what, whence, to whom, how long, and which rights.
BODY = """\
Hello $first_name,

$controller holds business contact data about you and is informing you of this, as required by Art. 14 GDPR.

What: $fields.
Source: $source, on $collected_on; completed by providers of business data.
Why: to find out whether our offer fits your company and, if so, to write to you about it. The legal basis is our
legitimate interest (Art. 6(1)(f)); you may object at any time, and then we stop at once.
Who receives it: our processors for enrichment (Clay), contact management (GoHighLevel) and mailing (Instantly).
How long: at most $retention_days days from the day it was collected.

You may ask for a copy, for correction, erasure or restriction, and object to the use. Write to $contact.
You may also complain to a data protection authority.
"""


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
        ActionNotAllowed: it is empty, or names a value there is none of.
    """
    subject, body = " ".join(subject.split()), body.strip()
    if not subject or not body:
        raise ActionNotAllowed("Enter a subject and a text.")
    known = {*template_values(None), *("controller", "contact", "retention_days")}
    if unknown := sorted(set(string.Template(f"{subject}\n{body}").get_identifiers()) - known):
        raise ActionNotAllowed(f"Unknown placeholder: {', '.join(f'${name}' for name in unknown)}.")
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
    values = {
        **template_values(person),
        "controller": settings.CONTROLLER_NAME,
        "contact": settings.CONTROLLER_CONTACT,
        "retention_days": str(settings.RETENTION_DAYS),
    }
    subject = " ".join(string.Template(text.subject).safe_substitute(values).split())
    return subject, string.Template(text.body).safe_substitute(values)
