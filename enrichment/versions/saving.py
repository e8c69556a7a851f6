"""Saving what a person edited: into the draft there is, into a new one, or not over somebody else's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from enrichment.models.version import Version
from enrichment.versions.kinds import kind_of
from enrichment.versions.life_cycle import StaleDraft, save_draft, start_draft
from enrichment.versions.reading import draft_of, published
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.numbers import parse_int

V = TypeVar("V", bound=Version)
NO_DRAFT = -1  # the revision where what is published was looked at


class DraftGone(StaleDraft):
    """The draft a save began with is no more; `base`, `theirs` are what it was begun from and what stands now."""

    sentence = (
        "The draft you edited was published or discarded. Your edits are kept here as changes to the published "
        "version. Review and save them again."
    )


@dataclass(frozen=True)
class EditStart:
    """What an editor began with: the draft and its save, or (`draft` None) version number `over` as published."""

    draft: int | None = None
    revision: int = NO_DRAFT
    over: int | None = None

    @classmethod
    def posted(cls, data: Mapping[str, Any]) -> EditStart:
        draft, revision, over = (parse_int(data.get(name), most=10**9) for name in ("draft", "revision", "over"))
        return cls(draft, NO_DRAFT if revision is None else revision, over)

    def check_is(self, draft: Version) -> None:
        """Raises ActionNotAllowed where the draft that was looked at is another one."""
        if draft.pk != self.draft:
            raise ActionNotAllowed("Someone started another draft. Review the changes again.")


def save_edit(model: type[V], document: dict[str, Any], began: EditStart, *, by: Any) -> V:
    """Save the document as the draft; returns it, or what is published where nothing was changed.

    Raises:
        StaleDraft: somebody saved since, or began a draft; it carries what a merge needs.
        DraftGone: the draft it began with was published or discarded.
    """
    kind = kind_of(model)
    document = kind.whole(document)
    draft = draft_of(model)
    if draft is None and began.draft is None:
        live = published(model)
        if kind.same(document, live.document):
            return live
        return save_draft(start_draft(model, by=by), document, revision=0, by=by)
    if draft is None or draft.pk != began.draft:
        if draft is not None and kind.same(document, draft.document):
            return draft
        raise stale_error(model, began)
    return save_draft(draft, document, revision=began.revision, by=by)


def stale_error(model: type[Version], began: EditStart) -> StaleDraft:
    """The refusal of a save whose draft is gone, or beside which a draft was begun meanwhile."""
    live, draft = published(model), draft_of(model)
    missing_draft = model._default_manager.filter(pk=began.draft).first() if began.draft is not None else None
    base = (
        model._default_manager.filter(number=(missing_draft.based_on if missing_draft else began.over) or 0).first()
        or live
    )
    now = draft or live
    refusal = StaleDraft if began.draft is None else DraftGone
    by = draft.edited_by if draft else live.published_by
    return refusal(base.document, now.document, draft.revision if draft else NO_DRAFT, by)
