"""After how long a lead without a result is overdue, and what becomes of it then."""

from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.db import transaction

from enrichment.models import Connection
from enrichment.pipeline.overdue_policy import ASK, GIVE_UP, RESUBMIT, policy
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.form_fields import WholeField

POLICIES: Final = {
    ASK: "Ask a person",
    RESUBMIT: "Submit again",
    GIVE_UP: "Give up",
}
MEANING: Final = (
    "Ask lists the lead under Failures. Submitting again costs again and adds a second row in Clay. Given up, the lead "
    "fails; a late row still counts."
)
SHORTEST, LONGEST = 5, 7 * 24 * 60  # minutes


@dataclass(frozen=True)
class Overdue:
    """`minutes` of the product's clock, and one of POLICIES."""

    minutes: int
    policy: str


def current() -> Overdue:
    """What was set here, else the environment's."""
    found = policy()
    return Overdue(round(found.seconds / 60) or 1, found.action)


class OverdueForm(forms.Form):
    minutes = WholeField(
        label="Overdue after (minutes)",
        min_value=SHORTEST,
        max_value=LONGEST,
        widget=forms.NumberInput(attrs={"class": "form-control"}),
    )
    policy = forms.ChoiceField(
        label="Then",
        choices=list(POLICIES.items()),
        help_text=MEANING,
        widget=forms.Select(attrs={"class": "form-select"}),
    )


def save(values: dict[str, Any], *, by: Any) -> None:
    """From a valid OverdueForm; leads that wait already are judged by it at the next look."""
    with transaction.atomic():
        connection, _ = Connection.objects.get_or_create(system="clay")
        connection.overdue_seconds = values["minutes"] * 60
        connection.overdue_policy = values["policy"]
        connection.save(update_fields=["overdue_seconds", "overdue_policy"])
        audit.record(Verb.SET_CLAY_OVERDUE, by=by, on=connection, fields=["overdue_seconds", "overdue_policy"])
