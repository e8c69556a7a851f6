"""What a person sets up in Clay so that it runs by a published version: line by line, from its document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from enrichment.documents.waterfall import (
    CompanyWaterfall,
    EmailWaterfall,
    PhoneWaterfall,
    TechstackWaterfall,
    Waterfall,
    WaterfallDocument,
)
from enrichment.labels import provider_name
from enrichment.models import WaterfallKind, WaterfallVersion


@dataclass(frozen=True)
class ChecklistPart:
    """One waterfall: its heading, its providers in order, and the sentence of each setting."""

    kind: str
    title: str
    providers: list[str]
    settings: list[str]

    @property
    def order(self) -> str:
        """ "Apollo, then Hunter.io, then Snov.io"."""
        return ", then ".join(self.providers)

    @property
    def lines(self) -> list[str]:
        """What is done for this waterfall, a sentence each."""
        if not self.providers:
            return [f"{self.title}: no providers. Turn it off."]
        return [f"{self.title}: {self.order}.", *self.settings]


def checklist(document: WaterfallDocument) -> list[ChecklistPart]:
    """Every waterfall of the document, in its order."""
    return [_part(kind, fall) for kind, fall in document.waterfalls().items()]


def checklist_text(version: WaterfallVersion, tables: Sequence[str]) -> str:
    """The checklist as plain text, to paste or to keep; `tables`: names of the Clay tables it is for."""
    parts = checklist(WaterfallDocument.model_validate(version.document))
    lines = [f"Waterfalls version {version.number}: set up in Clay", ""]
    if tables:
        lines += [f"In each of these tables: {', '.join(tables)}" if len(tables) > 1 else f"In table: {tables[0]}", ""]
    for part in parts:
        lines += [f"[ ] {line}" for line in part.lines]
        lines.append("")
    return "\n".join(lines)


def _part(kind: str, fall: Waterfall) -> ChecklistPart:
    title = f"{WaterfallKind(kind).label} waterfall"
    names = [provider_name(slug) for slug in fall.providers]
    return ChecklistPart(kind, title, names, _settings(fall))


def _settings(fall: Waterfall) -> list[str]:
    first = "Run all providers and merge their results." if fall.asks_all() else "Stop at the first match."
    return [first, *_OPTIONS[type(fall)](fall)]


def _email(fall: Waterfall) -> list[str]:
    assert isinstance(fall, EmailWaterfall)
    lines = ["Verify each address; one that would bounce is no match."] if fall.verify_deliverability else []
    return [*lines, "Look for a work address; a personal one alone is no match."] if fall.prefer_work_email else lines


def _phone(fall: Waterfall) -> list[str]:
    assert isinstance(fall, PhoneWaterfall)
    written = "E.164, such as +14155551234" if fall.format == "e164" else "national, such as 415-555-1234"
    return [f"Phone format: {written}. A number without a country code is from {fall.country_default}."]


def _techstack(fall: Waterfall) -> list[str]:
    assert isinstance(fall, TechstackWaterfall)
    return [f"Keep at most {fall.limit} technologies."]


_OPTIONS: dict[type[Waterfall], Callable[[Waterfall], list[str]]] = {
    EmailWaterfall: _email,
    PhoneWaterfall: _phone,
    CompanyWaterfall: lambda _: [],
    TechstackWaterfall: _techstack,
}
