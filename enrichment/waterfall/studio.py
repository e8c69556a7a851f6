"""What the Waterfall screen shows: each waterfall with its providers as the catalogue knows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from enrichment import versions
from enrichment.documents.waterfall import WaterfallDocument
from enrichment.models import ProviderService, WaterfallKind, WaterfallVersion
from enrichment.versions.kinds import Document
from enrichment.waterfall import editing
from enrichment.waterfall.changes import Difference, differences
from enrichment.waterfall.option_forms import FORMS, OptionForm

ICONS = {"email": "mail", "phone": "phone", "company": "building", "techstack": "stack-2"}
NO_EDIT = "You don't have permission to change the waterfalls. Ask an admin."


@dataclass(frozen=True)
class WaterfallPanel:
    """One waterfall on the screen: who is asked, who could be, and its options."""

    kind: str
    label: str
    icon: str
    asked: list[ProviderService]
    available: list[ProviderService]
    form: OptionForm
    asks_all: bool

    @property
    def last(self) -> int:
        return len(self.asked)


@dataclass(frozen=True)
class WaterfallEditor:
    """The draft, or what is published where there is none. `changes`: what publishing it would change."""

    live: WaterfallVersion
    draft: WaterfallVersion | None
    falls: list[WaterfallPanel]
    changes: list[Difference]
    why_not_publish: str

    @property
    def shown(self) -> WaterfallVersion:
        return self.draft or self.live


def open_editor(sent: editing.Sent | None = None) -> WaterfallEditor:
    """The screen; `sent` is what was sent and not saved, because something in it is wrong."""
    live, draft = versions.published(WaterfallVersion), versions.draft_of(WaterfallVersion)
    document = (draft or live).document
    changes = differences(live.document, draft.document) if draft else []
    return WaterfallEditor(live, draft, panels(document, sent), changes, versions.why_not_publish(draft))


def panels(document: Document, sent: editing.Sent | None = None) -> list[WaterfallPanel]:
    whole = WaterfallDocument.model_validate(document)
    services = by_kind()
    shown = []
    for kind, waterfall in whole.waterfalls().items():
        asked = waterfall.providers
        if sent is not None:
            asked = sent.document[f"waterfall_{kind}"]["providers"]
        offered = services.get(kind, {})
        shown.append(
            WaterfallPanel(
                kind,
                str(WaterfallKind(kind).label),
                ICONS[kind],
                [offered[slug] for slug in asked if slug in offered],
                [service for slug, service in offered.items() if slug not in asked],
                sent.forms[kind] if sent else FORMS[kind](initial=waterfall.model_dump()),
                waterfall.asks_all(),
            )
        )
    return shown


def by_kind() -> dict[str, dict[str, ProviderService]]:
    """{kind: {slug: service}} of the catalogue, each in its tabled order."""
    services: dict[str, dict[str, ProviderService]] = {}
    for service in ProviderService.objects.select_related("provider").order_by("waterfall", "position"):
        services.setdefault(service.waterfall, {})[service.provider.slug] = service
    return services


def exported(version: WaterfallVersion) -> dict[str, Any]:
    """The specification's JSON of a version: what Clay is sent."""
    return WaterfallDocument.model_validate(version.document).sent()
