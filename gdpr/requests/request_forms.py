"""What officers type on a request's page. What may be done, and what is too little, the domain says itself."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from pydantic import ValidationError as InvalidRequest

from gdpr.identity.validation import sentences
from gdpr.kinds import RequestKind
from gdpr.models import Channel, CheckMethod, PauseReason, RefusalGround, Regime, SubjectRequest
from gdpr.requests import identity_check
from gdpr.requests.board import officers
from swarm_admin.core.form_fields import WholeField
from swarm_admin.core.numbers import parse_int

# What we may decide ourselves; a copy of the data is handed out to nobody who was not identified.
OWN_DECISIONS = (
    RequestKind.ERASURE,
    RequestKind.RECTIFICATION,
    RequestKind.RESTRICTION,
    RequestKind.OBJECTION,
)
LONG = forms.Textarea(attrs={"rows": 4})
# Labels of the intake that say more than the field's name, as a sentence calls the field.
SHORT_LABELS = {
    "emails.*": "One of the e-mail addresses",
    "phone": "Phone",
    "received_at": "Received at",
    "values": "New values",
    "concerns": "Related request",
    "calendar": "Public holidays",
}


def pairs(text: str) -> dict[str, str]:
    """{name: value} of lines "name: value"; a line without a colon is a name alone.

    Raises ValidationError for a name that comes twice.
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = (part.strip() for part in line.partition(":"))
        if name in found:
            raise ValidationError(f"Line “{name}” appears twice.")
        if name:
            found[name] = value
    return found


class RequestForm(forms.Form):
    """A form that knows its request."""

    def __init__(self, *args: Any, subject: SubjectRequest, **kwargs: Any) -> None:
        self.subject = subject
        super().__init__(*args, **kwargs)


class EmptyForm(RequestForm):
    """A button alone."""


class ItemForm(RequestForm):
    """About one thing of the request: a record, a step, a message, a question."""

    id = WholeField(widget=forms.HiddenInput)


class Assign(RequestForm):
    to = forms.ChoiceField(required=False, label="Assignee")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to"].choices = [("", "Unassigned"), *((str(pk), email) for pk, email in officers())]  # type: ignore[attr-defined]


class Ask(RequestForm):
    reason = forms.ChoiceField(choices=PauseReason.choices, label="About")
    justification = forms.CharField(max_length=500, label="Justification (no personal data)")
    question = forms.CharField(widget=LONG, required=False, label="Message to the person (if different)")
    to = forms.EmailField(required=False, label="Send to another address we hold")


class NoteAnswer(ItemForm):
    answered_at = forms.DateTimeField(
        required=False,
        label="Received at (UTC)",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )


class Reason(RequestForm):
    reason = forms.CharField(max_length=4_000, widget=LONG, label="Reason")


class Refuse(Reason):
    ground = forms.ChoiceField(choices=RefusalGround.choices, label="Ground")
    field_order = ("ground", "reason")


class Withdraw(Reason):
    told = forms.BooleanField(required=False, initial=True, label="Confirm to the person")


class Contact(RequestForm):
    name = forms.CharField(max_length=200, required=False)
    contact_email = forms.CharField(max_length=254, required=False, label="Reply-to e-mail")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial = {
            "name": self.subject.name,
            "contact_email": self.subject.contact_email,
            **self.initial,
        }


class Evidence(RequestForm):
    evidence = forms.CharField(max_length=4_000, widget=LONG, label="Evidence provided (deleted with the decision)")


class ConfirmIdentity(RequestForm):
    method = forms.ChoiceField(label="How")
    answered_at = forms.DateTimeField(
        required=False,
        label="If you asked for proof: received at (UTC)",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        enough = identity_check.methods_for(self.subject.kind)
        self.fields["method"].choices = [(str(method), method.label) for method in enough]  # type: ignore[attr-defined]


class RejectEvidence(RequestForm):
    method = forms.ChoiceField(choices=CheckMethod.choices, label="What you tried")


class Decide(ItemForm):
    include = forms.TypedChoiceField(choices=[("1", "yes"), ("", "no")], coerce=bool, required=False)
    reason = forms.CharField(max_length=300, required=False, label="Why")


class Approve(RequestForm):
    plan_hash = forms.CharField(widget=forms.HiddenInput, max_length=64)


class CompleteStep(ItemForm):
    """`found` is asked for of a search, `data` of a copy and of a correction."""

    evidence = forms.CharField(max_length=4_000, widget=LONG, label="Proof that it was done")
    found = forms.CharField(required=False, widget=LONG, label="Records found, one per line: key: what you see there")
    data = forms.CharField(  # type: ignore[assignment]
        required=False, widget=LONG, label="Data held there, one per line: field: value"
    )

    def clean_found(self) -> dict[str, str]:
        return pairs(self.cleaned_data["found"])

    def clean_data(self) -> dict[str, str]:
        return pairs(self.cleaned_data["data"])


class EraseLeftover(ItemForm):
    """A row, or a key of Redis, that the search for what is left has found."""

    place = forms.CharField(max_length=200, widget=forms.HiddenInput)
    row = forms.CharField(max_length=100, label="Row or key")
    reason = forms.CharField(max_length=300, label="Reason (no personal data)")


class CompleteCheck(ItemForm):
    evidence = forms.CharField(max_length=4_000, widget=LONG, label="Proof that it is gone")


class PlaceHold(ItemForm):
    reason = forms.CharField(max_length=500, label="Law or dispute (no personal data)")
    review_on = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}), label="Review on")


class Intake(forms.Form):
    """A request as an officer enters it; read by gdpr.requests.intake, which says what is missing."""

    kind = forms.ChoiceField(choices=RequestKind.choices, label="Type")
    channel = forms.ChoiceField(
        choices=[c for c in Channel.choices if c[0] not in (Channel.API, Channel.CSV)], label="Channel"
    )
    received_at = forms.DateTimeField(
        label="Received at (UTC)",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    name = forms.CharField(max_length=200, required=False)
    contact_email = forms.CharField(max_length=254, required=False, label="Reply-to e-mail")
    emails = forms.CharField(max_length=2_000, required=False, label="E-mail addresses")
    linkedin_url = forms.CharField(max_length=300, required=False, label="LinkedIn URL")
    phone = forms.CharField(max_length=40, required=False, label="Phone, with country code")
    text = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 6}), max_length=20_000, label="Message from the person"
    )
    values = forms.CharField(required=False, widget=LONG, label="For a rectification, one per line: field: new value")
    concerns = forms.CharField(required=False, max_length=12, label="Related request (SR-00012)")
    regime = forms.ChoiceField(choices=Regime.choices, label="Regime")
    calendar = forms.CharField(max_length=8, label="Public holidays (DE, GB-ENG)")

    def clean_channel(self) -> str:
        channel, kind = self.cleaned_data["channel"], self.cleaned_data.get("kind")
        if channel == Channel.OWN and kind not in OWN_DECISIONS:
            raise ValidationError(
                "Our own decision can only be an erasure, a rectification, a restriction or an objection."
            )
        return str(channel)

    def clean_values(self) -> dict[str, str]:
        return pairs(self.cleaned_data["values"])

    def clean_concerns(self) -> str:
        digits = self.cleaned_data["concerns"].strip().upper().removeprefix("SR-").lstrip("0")
        if digits and parse_int(digits) is None:
            raise ValidationError("Use the format SR-00012.")
        return str(digits)

    def add_errors(self, error: InvalidRequest) -> None:
        """What gdpr.requests.intake found wrong, each beside its field and with the field's label."""
        labels = {name: str(field.label or name.capitalize()) for name, field in self.fields.items()}
        for name, sentence in sentences(error, labels | SHORT_LABELS):
            field = name.partition(".")[0]
            self.add_error(field if field in self.fields else None, sentence)

    def row(self) -> dict[str, Any]:
        """As gdpr.requests.intake reads it; empty fields left out."""
        given = {
            name: value for name, value in self.cleaned_data.items() if name != "channel" and value not in ("", {})
        }
        return given | {"received_at": given.get("received_at", timezone.now())}
