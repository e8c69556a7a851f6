"""Saving what a person edited: into the draft there is, into a new one, or not over somebody else's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from enrichment import versions
from enrichment.models import ScorecardVersion
from enrichment.versions import Stale
from swarm_admin.core.errors import ActionNotAllowed

GONE = (
    "The draft you edited was published or discarded. Your edits are kept here as changes to the published "
    "version. Review and save them again."
)


@dataclass(frozen=True)
class Began:
    """What an editor began with: the draft and its save, or (`draft` None) version number `over` as published."""

    draft: int | None
    revision: int
    over: int


def save(document: dict[str, Any], began: Began, *, by: Any) -> ScorecardVersion:
    """Save the document as the draft.

    Raises:
        Stale: somebody saved since; `base` is what this editor began with.
        ActionNotAllowed: the draft it began with is no more.
    """
    draft = versions.draft_of(ScorecardVersion)
    if began.draft is not None:
        if draft is None or draft.pk != began.draft:
            raise ActionNotAllowed(GONE)
        return versions.save_draft(draft, document, revision=began.revision, by=by)
    if draft is None:
        draft = versions.start_draft(ScorecardVersion, by=by)
        return versions.save_draft(draft, document, revision=0, by=by)
    if draft.document == document:
        return draft
    base = published_document(began.over)
    raise Stale(base, draft.document, draft.revision, draft.edited_by)


def published_document(number: int) -> dict[str, Any] | None:
    """The document of that version; None where there is none."""
    found = ScorecardVersion.objects.filter(number=number).values_list("document", flat=True).first()
    return dict(found) if found else None
