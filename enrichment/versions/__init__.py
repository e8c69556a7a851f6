"""One editor of versioned documents: draft, save, merge two people's edits, publish with a note, roll back.

The scorecard and the waterfalls are documents of this kind; each room registers a `DocumentKind` and keeps what is its
own: its form, its preview, its words. `reading` looks versions up, `life_cycle` acts on them, `saving` on what an
editor sends, `merging` is arithmetic alone, `views` holds the screens that are the same for every kind.
"""

from enrichment.versions.kinds import Choice, DocumentKind, kind_of, register
from enrichment.versions.life_cycle import (
    InvalidDocument,
    StaleDraft,
    check_can_publish,
    discard,
    keep_trial,
    publish,
    roll_back,
    save_draft,
    start_draft,
    why_not_publish,
)
from enrichment.versions.reading import changes_by_version, draft_of, history, published, saved_as
from enrichment.versions.saving import DraftGone, EditStart, save_edit

__all__ = [
    "Choice",
    "DocumentKind",
    "DraftGone",
    "EditStart",
    "InvalidDocument",
    "StaleDraft",
    "changes_by_version",
    "check_can_publish",
    "discard",
    "draft_of",
    "history",
    "keep_trial",
    "kind_of",
    "publish",
    "published",
    "register",
    "roll_back",
    "save_draft",
    "save_edit",
    "saved_as",
    "start_draft",
    "why_not_publish",
]
