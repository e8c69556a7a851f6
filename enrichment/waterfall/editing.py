"""The waterfalls as staff edit them: orders, options and the pressed button, read from the screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.http import QueryDict

from enrichment.models import ProviderService, WaterfallKind
from enrichment.versions.kinds import Document
from enrichment.waterfall.option_forms import FORMS, OptionForm


@dataclass
class Sent:
    """The editor as it was sent: the document it says, and the option forms with what is wrong in them."""

    document: Document
    forms: dict[str, OptionForm]

    @property
    def is_valid(self) -> bool:
        return all(form.is_valid() for form in self.forms.values())


def parse_form(data: QueryDict) -> Sent:
    """The orders (`email-providers`, as often as there are providers), the options and the pressed button (`op`).

    A provider that the catalogue does not offer to its waterfall is left out, and so is one named twice.
    """
    offered = _available_providers()
    forms = {kind: form(data) for kind, form in FORMS.items()}
    document: Document = {}
    for kind, form in forms.items():
        named = dict.fromkeys(data.getlist(f"{kind}-providers"))
        options = form.options() if form.is_valid() else {}
        document[f"waterfall_{kind}"] = {
            "providers": [slug for slug in named if slug in offered[kind]],
            **options,
        }
    _apply_button(document, data.get("op", ""), offered)
    return Sent(document, forms)


def _available_providers() -> dict[str, set[str]]:
    offered: dict[str, set[str]] = {kind: set() for kind in WaterfallKind.values}
    for kind, slug in ProviderService.objects.values_list("waterfall", "provider__slug"):
        offered[kind].add(slug)
    return offered


def _apply_button(document: Document, op: str, offered: Mapping[str, set[str]]) -> None:
    """`up:email:apollo`, `down:…`, `off:…` or `on:…`; anything else does nothing."""
    verb, kind, slug = [*op.split(":"), "", "", ""][:3]
    if slug not in offered.get(kind, ()):
        return
    providers: list[str] = document[f"waterfall_{kind}"]["providers"]
    if verb == "on" and slug not in providers:
        providers.append(slug)
    if slug not in providers:
        return
    at = providers.index(slug)
    if verb == "off":
        providers.remove(slug)
    elif verb == "up" and at > 0:
        providers.insert(at - 1, providers.pop(at))
    elif verb == "down":
        providers.insert(at + 1, providers.pop(at))
