"""Changing the catalogue: prices, accuracy, fields, limits. The waterfalls themselves are not touched by it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from django import forms
from django.core import signing
from django.core.cache import cache
from django.db import transaction

from enrichment import labels
from enrichment.models import Provider, ProviderService, WaterfallKind, WaterfallVersion
from enrichment.states import VersionStatus
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay import chosen
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.form_fields import PlainDecimalField, WholeField

# What the providers of each waterfall can fill: columns of Clay's table.
FIELDS: dict[str, tuple[str, ...]] = {
    "email": ("email_work", "email_personal"),
    "phone": ("phone",),
    "company": (
        "company_domain",
        "company_industry",
        "company_size",
        "company_revenue",
        "company_location",
        "funding_stage",
        "funding_amount",
    ),
    "techstack": ("tech_stack",),
}
CLAY_KEEPS_LIMITS = "Not used with this connection: Clay runs the providers itself and keeps their limits."
HIGHEST_COST = Decimal(9999)
TENTH = Decimal("0.1")
_CONTROL = {"class": "form-control"}


def field_choices(kind: str) -> list[tuple[str, str]]:
    return [(name, labels.LIST_LABELS.get(name) or labels.field_label(name)) for name in FIELDS[kind]]


class Stale(ActionNotAllowed):
    """A save that began with values that somebody has changed since: `differs` are their names in the form."""

    def __init__(self, differs: list[str]) -> None:
        super().__init__("Someone changed this provider after you opened it.")
        self.differs = differs


class ServiceForm(forms.ModelForm):
    """One provider in one waterfall. The hourly limit is the provider's, in whatever waterfall it is asked.

    `began` says which values the person was looking at, so that a later save does not undo somebody else's.
    """

    began = forms.CharField(required=False, widget=forms.HiddenInput)

    accuracy_percent = PlainDecimalField(
        label="Published accuracy, percent",
        required=False,
        min_value=0,
        max_value=100,
        decimal_places=1,
        help_text="As published by the provider. An assumption, not a match rate.",
        widget=forms.NumberInput(attrs={**_CONTROL, "step": "0.1"}),
    )
    fields_filled = forms.MultipleChoiceField(
        label="Fields filled",
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
    )
    hourly_limit = WholeField(
        label="Calls per hour",
        required=False,
        min_value=1,
        max_value=1_000_000,
        help_text="For this provider across all waterfalls. Leave empty for no limit.",
        widget=forms.NumberInput(attrs=_CONTROL),
    )

    class Meta:
        model = ProviderService
        fields = ("cost", "charge", "coverage")
        field_classes = {"cost": PlainDecimalField}
        labels = {"cost": "Cost, US dollars", "charge": "Charged", "coverage": "Coverage note"}
        widgets = {
            "cost": forms.NumberInput(attrs={**_CONTROL, "step": "0.0001"}),
            "charge": forms.Select(attrs={"class": "form-select"}),
            "coverage": forms.TextInput(attrs=_CONTROL),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        service = self.instance
        self.fields["fields_filled"].choices = field_choices(service.waterfall)  # type: ignore[attr-defined]
        self.fields["cost"].help_text = "Leave empty if unknown: the recently observed cost is used."
        accuracy = service.accuracy
        self.initial["accuracy_percent"] = None if accuracy is None else (100 * accuracy).quantize(TENTH)
        self.initial["fields_filled"] = service.fields
        if not chosen.can(Capability.TRIGGER):
            self.fields["hourly_limit"].help_text = CLAY_KEEPS_LIMITS
        if service.provider_id:
            self.initial["hourly_limit"] = service.provider.hourly_limit
        self.initial["began"] = signed_values(service)

    def clean_cost(self) -> Decimal | None:
        cost: Decimal | None = self.cleaned_data["cost"]
        if cost is not None and not 0 <= cost <= HIGHEST_COST:
            raise forms.ValidationError("Enter an amount from 0 to 9,999 dollars.")
        return cost

    def over(self, stale: Stale) -> ServiceForm:
        """The form anew after a refused save: theirs where this person changed nothing, else mine, and both told."""
        now = ProviderService.objects.select_related("provider").get(pk=self.instance.pk)
        fresh = ServiceForm(instance=now)
        for name in stale.differs:
            words = _in_words(fresh, name, fresh.initial[name])
            fresh.fields[name].help_text = f"Changed to {words} after you opened it."
        for name in self.changed_names():
            if name in stale.differs and _comparable(fresh.initial[name]) != _comparable(self.cleaned_data[name]):
                fresh.fields[name].help_text += " Your value is shown here."
            fresh.initial[name] = self.cleaned_data[name]
        return fresh

    def changed_names(self) -> list[str]:
        """The fields this person has changed since they opened it."""
        before = _unsigned_values(self.cleaned_data["began"])
        return [name for name in SHOWN if before.get(name) != _comparable(self.cleaned_data[name])]

    def values(self) -> dict[str, Any]:
        """The columns of the service in a valid form."""
        accuracy = self.cleaned_data["accuracy_percent"]
        return {
            **{name: self.cleaned_data[name] for name in self._meta.fields or ()},
            "accuracy": None if accuracy is None else accuracy / 100,
            "fields": self.cleaned_data["fields_filled"],
        }


SHOWN = ("cost", "charge", "coverage", "accuracy_percent", "fields_filled", "hourly_limit")


def signed_values(service: ProviderService) -> str:
    """The values of a service as its form shows them, signed: what a save says it began with."""
    accuracy = service.accuracy
    values = {
        "cost": service.cost,
        "charge": service.charge,
        "coverage": service.coverage,
        "accuracy_percent": None if accuracy is None else 100 * accuracy,
        "fields_filled": service.fields,
        "hourly_limit": service.provider.hourly_limit if service.provider_id else None,
    }
    plain = {name: _comparable(value) for name, value in values.items()}
    return signing.dumps(json.dumps(plain, sort_keys=True), salt="catalogue")


def _unsigned_values(began: str) -> dict[str, Any]:
    """What `signed_values` recorded; {} where it cannot be read, so that everything counts as changed."""
    try:
        return dict(json.loads(signing.loads(began, salt="catalogue")))
    except signing.BadSignature:
        return {}


def _comparable(value: Any) -> Any:
    """A value so that equal ones look alike: 0.05 and 0.0500, a list in whatever order."""
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return sorted(value) if isinstance(value, list) else value


def _in_words(form: forms.ModelForm, name: str, value: Any) -> str:
    if value is None or value in ("", []):
        return "nothing"
    choices = dict(getattr(form.fields[name], "choices", ()))
    many = value if isinstance(value, list) else [value]
    return ", ".join(str(choices.get(each, _comparable(each))) for each in many)


class NewServiceForm(forms.Form):
    """A provider for a waterfall that does not have it: one of the catalogue, or a new one."""

    waterfall = forms.ChoiceField(choices=WaterfallKind.choices, widget=forms.Select(attrs={"class": "form-select"}))
    slug = forms.RegexField(
        r"^[a-z0-9_]{1,40}\Z",
        label="Name in Clay",
        help_text="As spelled in Clay: lowercase letters, digits and underscores.",
        widget=forms.TextInput(attrs={**_CONTROL, "autocomplete": "off", "spellcheck": "false"}),
        error_messages={"invalid": "Use up to 40 lowercase letters, digits and underscores."},
    )
    name = forms.CharField(
        label="Display name",
        max_length=80,
        required=False,
        help_text="Only for a provider that is new to the catalogue.",
        widget=forms.TextInput(attrs=_CONTROL),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        slug, kind = cleaned.get("slug"), cleaned.get("waterfall")
        if slug and kind and ProviderService.objects.filter(provider__slug=slug, waterfall=kind).exists():
            self.add_error("slug", "This waterfall already has it.")
        if slug and not cleaned.get("name") and not Provider.objects.filter(slug=slug).exists():
            self.add_error("name", "New provider: enter a display name.")
        return cleaned


def change(
    service: ProviderService, values: dict[str, Any], *, hourly_limit: int | None, began: str, by: Any
) -> list[str]:
    """Write what differs, the provider's limit too; returns the names of the columns that changed.

    `began`: what the person was looking at, as `signed_values` told it.

    Raises:
        Stale: somebody has changed it since.
    """
    with transaction.atomic():
        current = ProviderService.objects.select_for_update().select_related("provider").get(pk=service.pk)
        before, now = _unsigned_values(began), _unsigned_values(signed_values(current))
        if differs := [name for name in SHOWN if before.get(name, ...) != now[name]]:
            raise Stale(differs)
        changed = [name for name, value in values.items() if getattr(current, name) != value]
        if changed:
            ProviderService.objects.filter(pk=current.pk).update(**{name: values[name] for name in changed})
            audit.record(Verb.CHANGE_SERVICE, by=by, on=current, fields=changed, reason=str(current.provider.slug))
        if current.provider.hourly_limit != hourly_limit:
            Provider.objects.filter(pk=current.provider_id).update(hourly_limit=hourly_limit)
            audit.record(
                Verb.CHANGE_SERVICE,
                by=by,
                on=current.provider,
                fields=["hourly_limit"],
                counts={"before": current.provider.hourly_limit or 0, "after": hourly_limit or 0},
                reason=str(current.provider.slug),
            )
            changed.append("hourly_limit")
    return changed


def add(*, waterfall: str, slug: str, name: str, by: Any) -> ProviderService:
    """Put a provider at the end of a waterfall's catalogue, switched off; a new provider is made for it."""
    with transaction.atomic():
        provider, _ = Provider.objects.get_or_create(slug=slug, defaults={"name": name})
        last = ProviderService.objects.order_by("-position").values_list("position", flat=True).first() or 0
        service = ProviderService.objects.create(
            provider=provider, waterfall=waterfall, position=last + 1, fields=list(FIELDS[waterfall])
        )
        audit.record(Verb.ADD_SERVICE, by=by, on=service, reason=f"{slug} for {waterfall}")
    cache.delete(labels.KEPT)
    return service


def services_in_use(services: list[ProviderService]) -> dict[int, str]:
    """{service: "published" or "draft"} of those that a waterfall asks now."""
    states: dict[int, str] = {}
    versions = WaterfallVersion.objects.filter(status__in=[VersionStatus.DRAFT, VersionStatus.PUBLISHED])
    for status, document in versions.order_by("status").values_list("status", "document"):
        for service in services:
            asked = document.get(f"waterfall_{service.waterfall}", {}).get("providers", ())
            if service.provider.slug in asked:
                states[service.pk] = status
    return states
