"""The options of each waterfall as form fields: the words staff read, and what may be typed."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.validators import RegexValidator

from enrichment.models import WaterfallKind
from swarm_admin.core.form_fields import WholeField

POLICY_WORDS = {"wait": "wait", "skip": "continue without it, fill in later"}


def _switch(label: str, help_text: str) -> forms.BooleanField:
    widget = forms.CheckboxInput(attrs={"class": "form-check-input"})
    return forms.BooleanField(label=label, help_text=help_text, required=False, widget=widget)


def _choice(label: str, choices: list[tuple[str, str]], *, required: bool = True) -> forms.ChoiceField:
    widget = forms.Select(attrs={"class": "form-select"})
    return forms.ChoiceField(label=label, choices=choices, required=required, widget=widget)


class OptionForm(forms.Form):
    """What every waterfall has: what to do when a provider's hourly budget is used up."""

    kind: WaterfallKind

    def __init__(self, data: Any = None, *, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial, prefix=str(self.kind))
        usual = POLICY_WORDS[settings.PROVIDER_BUDGET_POLICY]
        choices = [("", f"Default ({usual})"), *((key, words) for key, words in _policies())]
        self.fields["policy"] = _choice("When a provider's hourly limit is reached", choices, required=False)

    def options(self) -> dict[str, Any]:
        """The options of a valid form, as they stand in the document."""
        return dict(self.cleaned_data)


def _policies() -> list[tuple[str, str]]:
    return [(key, words.capitalize()) for key, words in POLICY_WORDS.items()]


class EmailOptions(OptionForm):
    kind = WaterfallKind.EMAIL
    stop_on_success = _switch("Stop at first match", "Off: all providers are called and charged per match.")
    verify_deliverability = _switch("Verify deliverability", "An address that would bounce counts as no match.")
    prefer_work_email = _switch("Prefer the work address", "A personal address alone doesn't stop the search.")


class PhoneOptions(OptionForm):
    kind = WaterfallKind.PHONE
    format = _choice("Format", [("e164", "E.164 (+14155551234)"), ("national", "National (415-555-1234)")])
    country_default = forms.CharField(
        label="Default country code",
        max_length=2,
        validators=[RegexValidator(r"^[A-Z]{2}\Z", "Two letters, such as US.")],
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": "Two letters, such as US."},
    )


class CompanyOptions(OptionForm):
    kind = WaterfallKind.COMPANY
    merge_results = _switch("Merge results", "Calls all providers. Off: stops at first match.")


class TechstackOptions(OptionForm):
    kind = WaterfallKind.TECHSTACK
    merge_results = _switch("Merge results", "Calls all providers. Off: stops at first match.")
    limit = WholeField(
        label="Maximum technologies kept",
        min_value=1,
        max_value=200,
        widget=forms.NumberInput(attrs={"class": "form-control"}),
        error_messages={"required": "Enter a number from 1 to 200."},
    )


FORMS: dict[str, type[OptionForm]] = {
    form.kind.value: form for form in (EmailOptions, PhoneOptions, CompanyOptions, TechstackOptions)
}
