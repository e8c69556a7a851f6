"""The filters of the list of leads, read from the address."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import django_filters as filters
from django import forms
from django.db.models import F, Q
from django.http import QueryDict

from enrichment.labels import tier_label, tier_names
from enrichment.models import Lead, SourceType
from enrichment.models.lead_queries import FILL_IN, LeadQuerySet
from enrichment.states import EnrichmentStatus

YES_NO = (("yes", "Yes"), ("no", "No"))


def tier_choices() -> list[tuple[str, str]]:
    """The tiers of the published scorecard, by number, and those without one."""
    numbers = range(1, len(tier_names()) + 1)
    return [*((str(tier), tier_label(tier)) for tier in numbers), ("none", "Not scored")]


@dataclass(frozen=True)
class Chip:
    """One filter that is on. `query`: the address's query without it."""

    label: str
    value: str
    query: str


class LeadFilter(filters.FilterSet):
    """Every filter is optional; a value that cannot be read is an error of the form and filters nothing."""

    status = filters.MultipleChoiceFilter(
        label="Status",
        choices=EnrichmentStatus.choices,
        method="any_status",
        widget=forms.CheckboxSelectMultiple,
    )
    tier = filters.MultipleChoiceFilter(
        label="Tier", choices=tier_choices, method="any_tier", widget=forms.CheckboxSelectMultiple
    )
    source = filters.ChoiceFilter(
        label="Source", field_name="source_type", choices=SourceType.choices, empty_label="Any"
    )
    source_name = filters.CharFilter(label="Source name", field_name="source_name", lookup_expr="iexact")
    email = filters.ChoiceFilter(label="Has e-mail", choices=YES_NO, method="has_email", empty_label="Any")
    phone = filters.ChoiceFilter(label="Has phone", choices=YES_NO, method="has_phone", empty_label="Any")
    person = filters.ChoiceFilter(label="Needs attention", choices=YES_NO, method="needs_person", empty_label="Any")
    fill_in = filters.ChoiceFilter(
        label="Waiting for a fill-in", choices=YES_NO, method="awaits_fill_in", empty_label="Any"
    )
    drift = filters.ChoiceFilter(label="Clay's score differs", choices=YES_NO, method="differs", empty_label="Any")
    score_min = filters.NumberFilter(label="Score from", field_name="icp_score", lookup_expr="gte")
    score_max = filters.NumberFilter(label="Score to", field_name="icp_score", lookup_expr="lte")
    size_min = filters.NumberFilter(label="Employees from", field_name="company_size", lookup_expr="gte")
    size_max = filters.NumberFilter(label="Employees to", field_name="company_size", lookup_expr="lte")
    received_from = filters.DateFilter(
        label="Received from",
        method="from_day",
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    received_to = filters.DateFilter(
        label="Received to",
        method="to_day",
        widget=forms.DateInput(attrs={"type": "date"}),
    )

    class Meta:
        model = Lead
        fields: list[str] = []

    def any_status(self, leads: LeadQuerySet, name: str, values: list[str]) -> LeadQuerySet:
        if len(values) == 1:  # an equation, so that an index sorted by what follows can be read in order
            return leads.filter(enrichment_status=values[0])
        return leads.filter(enrichment_status__in=values) if values else leads

    def any_tier(self, leads: LeadQuerySet, name: str, values: list[str]) -> LeadQuerySet:
        tiers = [int(value) for value in values if value != "none"]
        if not values:
            return leads
        if values == ["none"]:
            return leads.filter(icp_tier__isnull=True)
        some = Q(icp_tier=tiers[0]) if len(tiers) == 1 else Q(icp_tier__in=tiers)
        return leads.filter(some | Q(icp_tier__isnull=True) if "none" in values else some)

    def has_email(self, leads: LeadQuerySet, name: str, value: str) -> LeadQuerySet:
        none = Q(email_work="", email_personal="")
        return leads.filter(none) if value == "no" else leads.filter(~Q(email_work="") | ~Q(email_personal=""))

    def has_phone(self, leads: LeadQuerySet, name: str, value: str) -> LeadQuerySet:
        return leads.filter(phone="") if value == "no" else leads.filter(~Q(phone=""))

    def needs_person(self, leads: LeadQuerySet, name: str, value: str) -> LeadQuerySet:
        """The leads of the Failures screen, those of causes that were ignored as well."""
        failing = Q(pk__in=Lead.objects.failing().values("pk"))
        return leads.filter(failing if value == "yes" else ~failing)

    def awaits_fill_in(self, leads: LeadQuerySet, name: str, value: str) -> LeadQuerySet:
        return leads.filter(FILL_IN) if value == "yes" else leads.exclude(FILL_IN)

    def differs(self, leads: LeadQuerySet, name: str, value: str) -> LeadQuerySet:
        """Only of leads with both scores (D1), and not where Clay's was read before its row took values of ours."""
        if value == "no":
            return leads.filter(clay_score=F("icp_score"))
        differs = Q(clay_score__lt=F("icp_score")) | Q(clay_score__gt=F("icp_score"))
        return leads.filter(differs, clay_rewritten_at=None)

    def from_day(self, leads: LeadQuerySet, name: str, day: Any) -> LeadQuerySet:
        return leads.filter(received_at__gte=_midnight(day))

    def to_day(self, leads: LeadQuerySet, name: str, day: Any) -> LeadQuerySet:
        """The day itself included."""
        last = datetime.datetime.combine(day, datetime.time.max, tzinfo=datetime.UTC)
        return leads.filter(received_at__lte=last)  # the next midnight may be beyond the calendar's end

    def applied(self) -> dict[str, list[str]]:
        """{name: values} of the filters that are on and readable, as texts."""
        values: dict[str, list[str]] = {}
        for name in self.filters:
            value = self._cleaned().get(name)
            if value in (None, "", []):
                continue
            values[name] = [str(v) for v in value] if isinstance(value, list) else [str(value)]
        return values

    def narrow(self, leads: LeadQuerySet) -> LeadQuerySet:
        """`leads` with every readable filter applied."""
        self._cleaned()
        narrowed: LeadQuerySet = self.filter_queryset(leads)
        return narrowed

    def _cleaned(self) -> dict[str, Any]:
        """The form's readable values; asking for its errors is what reads it."""
        return dict(self.form.cleaned_data) if self.form.errors is not None else {}

    def drawn(self) -> dict[str, str]:
        """{name: its element of the form}. Most filters are off, and those look the same on every page."""
        return {
            **_blank(tuple(tier_names())),
            **{name: str(self.form[name]) for name in self.filters if name in self.data},
        }

    def chips(self, params: QueryDict) -> Iterator[Chip]:
        """One for each filter that is on, in the form's order."""
        for name, values in self.applied().items():
            filter_ = self.filters[name]
            choices = filter_.extra.get("choices", ())
            names = dict(choices() if callable(choices) else choices)
            rest = params.copy()
            rest.pop(name, None)
            words = ", ".join(str(names.get(value, value)) for value in values)
            yield Chip(str(filter_.label), words, rest.urlencode())


def _midnight(day: datetime.date) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time.min, tzinfo=datetime.UTC)


@functools.lru_cache(maxsize=8)
def _blank(tiers: tuple[str, ...]) -> dict[str, str]:
    """Every element as it is when its filter is off, with tiers of these names."""
    form = LeadFilter(QueryDict(), queryset=Lead.objects.none()).form
    return {name: str(form[name]) for name in form.fields}
