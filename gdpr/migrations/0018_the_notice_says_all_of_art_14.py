"""Where the notice still has the text we began with, its next version says everything that Art. 14 requires."""

from typing import Any

from django.db import migrations

SLUG = "notice_art14"
BEFORE = """\
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
AFTER = """\
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


def say_everything(apps: Any, schema_editor: Any) -> None:
    templates = apps.get_model("gdpr", "MessageTemplate")
    newest = templates.objects.filter(slug=SLUG).order_by("-number").first()
    if newest is not None and newest.body.strip() == BEFORE.strip():
        templates.objects.create(
            slug=SLUG,
            number=newest.number + 1,
            subject=newest.subject,
            body=AFTER,
            note="Says all that Art. 14 requires",
        )


class Migration(migrations.Migration):
    dependencies = [("gdpr", "0017_exported_is_not_told")]
    operations = [migrations.RunPython(say_everything, migrations.RunPython.noop)]
