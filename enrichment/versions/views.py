"""The screens that are the same for every kind of document: the merge of two people's edits, giving a draft up."""

import json
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from enrichment.models.version import Version
from enrichment.versions import life_cycle, merging, reading
from enrichment.versions.kinds import Document, DocumentKind
from enrichment.versions.life_cycle import StaleDraft
from enrichment.versions.saving import NO_DRAFT, DraftGone, EditStart, save_edit, stale_error
from swarm_admin.core.errors import ActionNotAllowed

CHOOSE = "choose:"


def posted_document(request: HttpRequest, kind: DocumentKind, name: str) -> Document | None:
    """A document that a merge carries along, as JSON; None where it cannot be read."""
    try:
        document = json.loads(request.POST.get(name, ""))
        return kind.whole(document) if isinstance(document, dict) else None
    except ValueError:
        return None


def merge(request: HttpRequest, kind: DocumentKind) -> HttpResponse:
    """Save the merge of two people's edits, once everything is chosen; somebody may have been quicker once more.

    Raises:
        DraftGone: there is no draft any more.
        ActionNotAllowed: what was sent cannot be read.
    """
    base, yours = (posted_document(request, kind, name) for name in ("base", "yours"))
    if base is None or yours is None:
        raise ActionNotAllowed("The submitted document can't be read. Edit and save again.")
    draft, began = reading.draft_of(kind.model), EditStart.posted(request.POST)
    if draft is None and began.revision != NO_DRAFT:
        raise stale_error(kind.model, began)
    now = draft or reading.published(kind.model)
    chosen = {name.removeprefix(CHOOSE): str(value) for name, value in request.POST.items() if name.startswith(CHOOSE)}
    merged = merging.merge(base, kind.whole(now.document), yours, chosen)
    revision = draft.revision if draft else NO_DRAFT
    if merged.open or (draft and draft.pk, revision) != (began.draft, began.revision):
        moved_on = StaleDraft(base, now.document, revision, now.edited_by)
        return merge_page(request, kind, yours, moved_on, base=base, chosen=chosen)
    try:
        save_edit(kind.model, merged.document, began, by=request.user)
    except StaleDraft as stale:
        return merge_page(request, kind, yours, stale, base=base, chosen=chosen)
    messages.success(request, "Changes merged into the draft.")
    return redirect(kind.editor)


def merge_page(
    request: HttpRequest,
    kind: DocumentKind,
    yours: Document,
    stale: StaleDraft,
    *,
    base: Document | None = None,
    chosen: Mapping[str, str] | None = None,
) -> HttpResponse:
    """What a person has to decide after a save was refused; for htmx the part that goes into the editor."""
    base = kind.whole(base or stale.base or reading.published(kind.model).document)
    theirs = kind.whole(stale.theirs)
    draft = reading.draft_of(kind.model)
    sent = {
        "draft": str(draft.pk) if draft else "",
        "revision": str(stale.revision),
        "base": json.dumps(base),
        "yours": json.dumps(yours),
    }
    context = {
        "conflicts": kind.choices(merging.merge(base, theirs, yours, chosen).conflicts, base),
        "theirs_changes": _changes(kind, base, theirs),
        "yours_changes": _changes(kind, base, yours),
        "sent": sent,
        "by": stale.by,
        "gone": isinstance(stale, DraftGone),
        "asked_again": bool(chosen),
        "kind": kind,
        "merge_url": reverse(f"{kind.editor}_merge"),
        "section": "editor",
    }
    template = kind.merge_part if request.headers.get("HX-Request") else "enrichment/versions/merge.html"
    return render(request, template, context)


def _changes(kind: DocumentKind, before: Document, after: Document) -> Any:
    """In words where both can be read; else None."""
    return None if kind.problems(before) or kind.problems(after) else kind.changes(before, after)


def discard(request: HttpRequest, kind: DocumentKind) -> HttpResponse:
    """Give the draft up; what is published stands as before."""
    began = EditStart.posted(request.POST)
    try:
        life_cycle.discard(_looked_at(kind, began), revision=began.revision, by=request.user)
    except ActionNotAllowed as impossible:
        messages.error(request, f"{impossible} It was not discarded.")
    else:
        messages.success(request, "Draft discarded. The published version stays active.")
    return redirect(kind.editor)


def _looked_at(kind: DocumentKind, began: EditStart) -> Version:
    draft = reading.draft_of(kind.model)
    if draft is None:
        raise ActionNotAllowed("There is no draft.")
    if draft.pk != began.draft:
        raise ActionNotAllowed("Someone started another draft.")
    return draft
