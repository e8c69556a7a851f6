"""Waterfall: who is asked, in what order, at what price? The draft is edited here; publishing has a page of its own."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from enrichment import versions
from enrichment.models import WaterfallVersion
from enrichment.versions import DraftGone, EditStart, StaleDraft
from enrichment.versions import views as versions_views
from enrichment.versions.views import merge_page
from enrichment.waterfall import editing, studio
from enrichment.waterfall.document_kind import WATERFALLS
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.htmx import HtmxRequest
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
    opened = studio.open_editor(sent)
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
    sent = editing.parse_form(request.POST)
    if not sent.is_valid:
        return _answer(request, _context(request, sent))
    try:
        versions.save_edit(WaterfallVersion, sent.document, EditStart.posted(request.POST), by=request.user)
    except StaleDraft as stale:
        return merge_page(request, WATERFALLS, WATERFALLS.whole(sent.document), stale)
    except ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
    if not request.htmx:
        return redirect("waterfall")
    answer = _answer(request, _context(request))
    answer["HX-Trigger-After-Settle"] = "draft-saved"
    return answer


def _answer(request: HtmxRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    part = "enrichment/waterfall/_waterfall.html"
    whole = "enrichment/waterfall/waterfall.html"
    return render(request, part if request.htmx else whole, context, status=status)


@screen(EDIT, "POST")
def merge(request: HtmxRequest) -> HttpResponse:
    """Save the merge of two people's edits; where the draft is gone it is merged over what is published."""
    try:
        return versions_views.merge(request, WATERFALLS)
    except DraftGone as gone:
        yours = versions_views.posted_document(request, WATERFALLS, "yours") or gone.theirs
        return merge_page(request, WATERFALLS, yours, gone)
    except ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
        return _answer(request, _context(request), status=409)


@screen(EDIT, "POST")
def discard(request: HttpRequest) -> HttpResponse:
    """Give the draft up."""
    return versions_views.discard(request, WATERFALLS)
