"""Versions as they stand: the published one, the draft and its saves, and the history."""

from __future__ import annotations

from typing import Any, TypeVar

from enrichment.models import DraftSave
from enrichment.models.version import Version
from enrichment.states import VersionStatus
from enrichment.versions.kinds import kind_of

V = TypeVar("V", bound=Version)


def published(model: type[V]) -> V:
    """The published version, from the table: what a person is shown is never a second old."""
    return model._default_manager.select_related("published_by").get(status=VersionStatus.PUBLISHED)


def draft_of(model: type[V]) -> V | None:
    return model._default_manager.select_related("created_by", "edited_by").filter(status=VersionStatus.DRAFT).first()


def history(model: type[V]) -> list[V]:
    """Every version that was published, the newest first."""
    was = model._default_manager.filter(status__in=(VersionStatus.PUBLISHED, VersionStatus.SUPERSEDED))
    return list(was.select_related("created_by", "published_by").order_by("-published_at", "-number"))


def changes_by_version(model: type[V]) -> list[tuple[V, Any]]:
    """Each with what it changed from the one it took the place of, in its kind's words; None for the first."""
    versions, kind = history(model), kind_of(model)
    pairs = zip(versions, [*versions[1:], None], strict=True)
    return [(version, kind.changes(old.document, version.document) if old else None) for version, old in pairs]


def saved_as(draft: Version, revision: int) -> dict[str, Any] | None:
    """The draft's document as it was at that save."""
    saves = DraftSave.objects.filter(kind=kind_of(draft).name, number=draft.number, revision=revision)
    return saves.values_list("document", flat=True).first()
