"""The waterfalls as a versioned document."""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from enrichment.documents.waterfall import WaterfallDocument
from enrichment.models import WaterfallKind, WaterfallVersion
from enrichment.versions import Choice, DocumentKind
from enrichment.versions.kinds import Document
from enrichment.versions.merging import Conflict
from enrichment.waterfall.changes import Difference, differences, label, value_in_words, with_defaults

NOBODY = "All waterfalls are empty. Enable at least one provider."


class Waterfalls(DocumentKind):
    name = "waterfall"
    model = WaterfallVersion
    editor = "waterfall"
    tabs = "enrichment/waterfall/_waterfall_tabs.html"
    changes_template = "enrichment/waterfall/_waterfall_changes.html"
    stylesheet = "waterfall.css"
    merge_part = "enrichment/waterfall/_waterfall_merge.html"

    def problems(self, document: Any) -> dict[str, str]:
        try:
            WaterfallDocument.model_validate(document)
        except ValidationError as error:
            return {
                ".".join(str(step) for step in each["loc"]): each["msg"] for each in error.errors(include_url=False)
            }
        return {}

    def whole(self, document: Document) -> Document:
        return with_defaults(document)

    def why_not_publish(self, document: Document) -> str:
        return "" if WaterfallDocument.model_validate(document).providers() else NOBODY

    def changes(self, before: Document, after: Document) -> list[Difference]:
        return differences(before, after)

    def choices(self, conflicts: Sequence[Conflict], base: Document) -> list[Choice]:
        return [_choice(conflict) for conflict in conflicts]


def _choice(conflict: Conflict) -> Choice:
    """A conflict's path is "waterfall_email.policy" or "waterfall_email.providers.order"."""
    place, name = conflict.path.split(".")[:2]
    kind = place.removeprefix("waterfall_")
    base, theirs, yours = (
        value_in_words(kind, name, value) for value in (conflict.base, conflict.theirs, conflict.yours)
    )
    where = f"{WaterfallKind(kind).label}: {label(kind, name)}"
    return Choice(conflict.path, where, base, theirs, yours, conflict.choice)


WATERFALLS = Waterfalls()
