"""The sources that rows are posted to: added, changed, put in order, closed and opened again."""

from typing import Any, Final

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max

from enrichment.clay_sources import sources
from enrichment.models import ClaySource, SourceClosed
from enrichment.vendor_pauses import pauses, words
from enrichment.vendors.clay.table_webhook import BadSource, check_address
from gdpr import audit
from swarm_admin.core import encryption
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.clean_text import cleaned
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.form_fields import WholeField

MOST_LIFE: Final = 10_000_000
LONGEST_TOKEN: Final = 500


class SourceForm(forms.Form):
    """A table's webhook. A token once saved is never shown: left empty, it stays."""

    name = forms.CharField(
        label="Table name in Clay",
        max_length=100,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )
    url = forms.CharField(
        label="Webhook address",
        max_length=500,
        widget=forms.TextInput(
            attrs={
                "class": "form-control",
                "autocomplete": "off",
                "spellcheck": "false",
                "inputmode": "url",
                "placeholder": "https://api.clay.com/v3/sources/webhook/…",
            }
        ),
    )
    token = forms.CharField(
        label="Token",
        required=False,
        max_length=LONGEST_TOKEN,
        help_text="Clay shows it once. Leave empty if the webhook has no authentication.",
        widget=forms.PasswordInput(attrs={"class": "form-control", "autocomplete": "new-password"}),
    )
    taken = WholeField(
        label="Submissions already used",
        required=False,
        show_hidden_initial=True,  # it goes on being counted while the form is open
        min_value=0,
        max_value=MOST_LIFE,
        help_text="0 for a new webhook. Clay shows the count in the source's settings.",
        widget=forms.NumberInput(attrs={"class": "form-control"}),
    )
    life = WholeField(
        label="Submissions in its life",
        min_value=1,
        max_value=MOST_LIFE,
        help_text="Clay accepts 50,000 for each webhook. Beyond that it loses rows without an error.",
        widget=forms.NumberInput(attrs={"class": "form-control"}),
    )

    def __init__(self, data: Any = None, *, source: ClaySource | None = None) -> None:
        self.source = source
        initial = {"life": settings.CLAY_SOURCE_LIFE, "taken": 0}
        if source:
            initial = {"name": source.name, "url": source.url, "life": source.life, "taken": source.taken}
        super().__init__(data, initial=initial)
        if source:
            self.fields["token"].help_text = "Leave empty to keep the saved token."
            if source.token:
                self.fields["no_token"] = forms.BooleanField(
                    label="Remove the saved token",
                    required=False,
                    widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
                )

    def clean_name(self) -> str:
        name = cleaned(self.cleaned_data["name"])
        if not name:
            raise ValidationError("Enter the table's name.")
        return name

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"].strip()
        if self.source and url != self.source.url and self.source.taken:
            raise ValidationError("Rows were sent here already. Add the other webhook as a new source.")
        try:
            check_address(url)
        except BadSource as wrong:
            raise ValidationError(str(wrong)) from None
        others = ClaySource.objects.exclude(pk=self.source.pk) if self.source else ClaySource.objects.all()
        if others.filter(url=url).exists():
            raise ValidationError("This webhook is a source already.")
        return url

    def clean_token(self) -> str:
        token: str = self.cleaned_data["token"].strip()
        if not (token.isascii() and token.isprintable()) or " " in token:
            raise ValidationError("Copy the token from Clay, without spaces.")
        return token

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if (values.get("taken") or 0) > (values.get("life") or MOST_LIFE):
            self.add_error("taken", "More than its life.")
        return values


def add(values: dict[str, Any], *, by: Any) -> ClaySource:
    """From a valid SourceForm; the last in order. What waits for a source goes on."""
    with transaction.atomic():
        last = ClaySource.objects.aggregate(last=Max("position"))["last"]
        source = ClaySource.objects.create(
            name=values["name"],
            url=values["url"],
            token=encryption.encrypt(values["token"]),
            life=values["life"],
            taken=values["taken"] or 0,
            position=0 if last is None else last + 1,
        )
        audit.record(Verb.ADD_CLAY_SOURCE, by=by, on=source)
    sources.resume()
    return source


def change(source: ClaySource, form: SourceForm, *, by: Any) -> None:
    """From a valid form of this source. Submissions counted while it was open stay counted, if nobody changed them."""
    values = form.cleaned_data
    with transaction.atomic():
        stored = ClaySource.objects.select_for_update().get(pk=source.pk)
        before = {name: getattr(stored, name) for name in ("name", "url", "life", "taken")}
        new = {name: values[name] for name in ("name", "url", "life")}
        if "taken" in form.changed_data and values["taken"] is not None:
            new["taken"] = values["taken"]
        changed = [name for name, value in new.items() if value != before[name]]
        for name in changed:
            setattr(stored, name, new[name])
        if values["token"] or values.get("no_token"):
            stored.token = encryption.encrypt(values["token"])
            changed.append("token")
        if changed:
            stored.save(update_fields=changed)
            audit.record(Verb.CHANGE_CLAY_SOURCE, by=by, on=stored, fields=changed)
    sources.resume()
    hold = pauses.open_pause("clay") if "token" in changed else None
    if hold and words.is_token(hold):
        pauses.end_pause(hold, by=by, reason="a source's token was changed")


def close(source: ClaySource, *, by: Any) -> bool:
    """No more rows go there; what is on its way may come back. False where it was closed already."""
    return sources.close(source, SourceClosed.BY_HAND, by=by)


def check_can_reopen(source: ClaySource) -> None:
    """Raises ActionNotAllowed with the sentence why not."""
    if source.closed_at is None:
        raise ActionNotAllowed("This source is open.")
    if not source.left:
        raise ActionNotAllowed("Its submissions are used up. Create a new webhook in Clay and add it.")


def reopen(source: ClaySource, *, by: Any) -> None:
    """Raises ActionNotAllowed."""
    with transaction.atomic():
        stored = ClaySource.objects.select_for_update().get(pk=source.pk)
        check_can_reopen(stored)
        stored.closed_at, stored.closed_because = None, ""
        stored.save(update_fields=["closed_at", "closed_because"])
        audit.record(Verb.REOPEN_CLAY_SOURCE, by=by, on=stored)
    sources.resume()


def use_first(source: ClaySource, *, by: Any) -> None:
    """It goes before all others; they keep their order."""
    with transaction.atomic():
        others = list(ClaySource.objects.select_for_update().exclude(pk=source.pk))
        ClaySource.objects.filter(pk=source.pk).update(position=0)
        for position, other in enumerate(others, 1):
            other.position = position
        ClaySource.objects.bulk_update(others, ["position"])
        audit.record(Verb.CHANGE_CLAY_SOURCE, by=by, on=source, fields=["position"])
