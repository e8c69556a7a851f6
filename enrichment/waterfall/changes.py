"""What changes from one set of waterfalls to another, field by field, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from enrichment.documents.waterfall import WaterfallDocument
from enrichment.labels import provider_name
from enrichment.models import WaterfallKind
from enrichment.versions.kinds import Document
from enrichment.waterfall.option_forms import FORMS


def with_defaults(document: Document) -> Document:
    """The document with every default spelled out."""
    return WaterfallDocument.model_validate(document).model_dump()


@dataclass(frozen=True)
class Difference:
    """One field of one waterfall that differs, in the words of the screen."""

    kind: str
    field: str
    label: str
    before: str
    after: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def kind_label(self) -> str:
        return str(WaterfallKind(self.kind).label)


def differences(before: Document, after: Document) -> list[Difference]:
    """What changes from `before` to `after`."""
    one, other = with_defaults(before), with_defaults(after)
    differing = []
    for kind, name in _fields(one):
        was, becomes = one[f"waterfall_{kind}"][name], other[f"waterfall_{kind}"][name]
        if was == becomes:
            continue
        lists = (was, becomes) if name == "providers" else ([], [])
        differing.append(
            Difference(
                kind,
                name,
                label(kind, name),
                value_in_words(kind, name, was),
                value_in_words(kind, name, becomes),
                tuple(provider_name(slug) for slug in lists[1] if slug not in lists[0]),
                tuple(provider_name(slug) for slug in lists[0] if slug not in lists[1]),
            )
        )
    return differing


def _fields(document: Document) -> Iterator[tuple[str, str]]:
    for name, waterfall in document.items():
        for option in sorted(waterfall, key=lambda each: (each != "providers", each == "policy")):
            yield name.removeprefix("waterfall_"), option


def label(kind: str, name: str) -> str:
    """A field of one waterfall in the words of the screen."""
    if name == "providers":
        return "Providers, in order"
    return str(FORMS[kind]().fields[name].label)


def value_in_words(kind: str, name: str, value: Any) -> str:
    """A value of that field in the words of the screen."""
    if name == "providers":
        return " → ".join(provider_name(slug) for slug in value) or "nobody"
    if isinstance(value, bool):
        return "yes" if value else "no"
    choices = dict(getattr(FORMS[kind]().fields[name], "choices", ()))
    return str(choices.get(value, value))
