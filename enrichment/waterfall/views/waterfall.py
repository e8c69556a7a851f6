"""Waterfall: who is asked, in what order, at what price? The draft is edited here; publishing has a page of its own."""

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from pydantic import ValidationError

from enrichment import versions
from enrichment.documents.waterfall import WaterfallDocument
from enrichment.models import WaterfallVersion
from enrichment.versions import Stale
from enrichment.waterfall import editing, studio
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.htmx import HtmxRequest
from swarm_admin.core.numbers import whole
from swarm_admin.core.screens import screen

VIEW = "enrichment.view_lead"
EDIT = "enrichment.edit_waterfall"


@screen(VIEW, fragments=True)
def show(request: HtmxRequest) -> HttpResponse:
    """The editor on the draft, or on what is published where there is none."""
    template = "enrichment/waterfall/_waterfall.html" if request.htmx else "enrichment/waterfall/waterfall.html"
    return render(request, template, _context(request))


def _context(request: HttpRequest, sent: editing.Sent | None = None) -> dict[str, Any]:
    may = request.user.has_perm(EDIT)
    opened = studio.open_studio(sent)
    return {
        "studio": opened,
        "may_edit": may,
        "why_not_edit": "" if may else studio.NO_EDIT,
        "why_not_publish": opened.why_not_publish if may else studio.NO_EDIT,
        "unsaved": sent is not None,
        "section": "editor",
    }


@screen(EDIT, "POST")
def save(request: HtmxRequest) -> HttpResponse:
    """Save the editor as the draft. A save that began with an older one is answered with the merge."""
    sent = editing.read(request.POST)
    if not sent.is_valid:
        return _answer(request, _context(request, sent))
    try:
        editing.save(sent.document, by=request.user, **_began_with(request))
    except Stale as stale:
        return _merge(request, editing.merge_of(stale, sent.document, studio.names()))
    except ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
    if not request.htmx:
        return redirect("waterfall")
    answer = _answer(request, _context(request))
    answer["HX-Trigger-After-Settle"] = "draft-saved"
    return answer


def _began_with(request: HttpRequest) -> dict[str, Any]:
    draft, revision = (whole(request.POST.get(name, "")) for name in ("draft", "revision"))
    return {"draft_id": draft, "revision": -1 if revision is None else revision}


def _answer(request: HtmxRequest, context: dict[str, Any]) -> HttpResponse:
    part = "enrichment/waterfall/_waterfall.html"
    whole = "enrichment/waterfall/waterfall.html"
    return render(request, part if request.htmx else whole, context)


def _merge(request: HtmxRequest, found: editing.Merge) -> HttpResponse:
    draft = versions.draft_of(WaterfallVersion)
    context = {
        "merge": found,
        "mine": json.dumps(found.mine),
        "draft": draft,
        "live": versions.published(WaterfallVersion),
        "section": "editor",
    }
    part = "enrichment/waterfall/_waterfall_merge.html"
    whole = "enrichment/waterfall/waterfall_merge.html"
    return render(request, part if request.htmx else whole, context)


@screen(EDIT, "POST")
def merge(request: HtmxRequest) -> HttpResponse:
    """Save what was chosen of mine and theirs; somebody may have been quicker once more."""
    try:
        mine = WaterfallDocument.model_validate_json(request.POST.get("mine", "")).model_dump()
    except ValidationError:
        return HttpResponseBadRequest("The submitted document can't be read.")
    theirs = (versions.draft_of(WaterfallVersion) or versions.published(WaterfallVersion)).document
    document = editing.merged(theirs, mine, request.POST)
    try:
        editing.save(document, by=request.user, **_began_with(request))
    except Stale as stale:
        return _merge(request, editing.merge_of(stale, mine, studio.names()))
    except ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
    else:
        messages.success(request, "Merged and saved as draft.")
    return redirect("waterfall")


@screen(EDIT, "POST")
def discard(request: HttpRequest) -> HttpResponse:
    """Give the draft up; what is published stands as before."""
    draft = versions.draft_of(WaterfallVersion)
    if draft is None or draft.pk != whole(request.POST.get("draft", "")):
        messages.error(request, "This draft was already published or discarded.")
        return redirect("waterfall")
    try:
        versions.discard(draft, by=request.user, revision=_began_with(request)["revision"])
    except ActionNotAllowed as impossible:
        messages.error(request, f"{impossible} It was not discarded.")
    else:
        messages.success(request, "Draft discarded. The published version is unchanged.")
    return redirect("waterfall")
