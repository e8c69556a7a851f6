"""ICP: who counts as good? The editor, with the effect of what is typed beside it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from enrichment import versions
from enrichment.documents.scorecard_problems import problems
from enrichment.models import ScorecardVersion
from enrichment.scoring import editing, form
from enrichment.scoring.document_kind import SCORECARDS
from enrichment.scoring.views.icp_effect import effect_context, posted_document
from enrichment.states import VersionStatus
from enrichment.versions import DraftGone, EditStart, StaleDraft
from enrichment.versions import views as versions_views
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.htmx import HtmxRequest
from swarm_admin.core.screens import screen

VIEW = "enrichment.view_lead"
EDIT = "enrichment.edit_scorecard"
NO_EDIT = "You can view the scorecard but not change it. Ask an admin."


@screen(VIEW)
def show(request: HttpRequest) -> HttpResponse:
    """The draft, or the published card where there is none, as a form."""
    return render(request, "enrichment/scoring/icp.html", page(request))


def page(request: HttpRequest, typed: dict[str, Any] | None = None, at: str = "") -> dict[str, Any]:
    """The context of the editor; `typed`: what is in the form and not saved."""
    live, draft = versions.published(ScorecardVersion), versions.draft_of(ScorecardVersion)
    document = typed if typed is not None else (draft or live).document
    may_edit = request.user.has_perm(EDIT)
    return {
        "live": live,
        "draft": draft,
        "form": form.build_form(document, problems(document), at),
        "unsaved": typed is not None,
        "may_edit": may_edit,
        "why_no_edit": "" if may_edit else NO_EDIT,
        "why_no_publish": versions.why_not_publish(draft) if may_edit else NO_EDIT,
    }


@screen(EDIT, "POST")
def edit(request: HtmxRequest) -> HttpResponse:
    """What a button of the form does to what is in it; nothing is saved."""
    operation = request.POST.get("do", "")
    if operation == "component":
        operation = f"component:{request.POST.get('new_component', '')}"
    document, at = editing.apply(editing.parse_form(request.POST.dict()), operation)
    context = page(request, document, at)
    if not request.htmx:
        return render(request, "enrichment/scoring/icp.html", context)
    answer = render(request, "enrichment/scoring/_icp_editor.html", context)
    answer["HX-Trigger-After-Settle"] = "icp-edited"
    return answer


@screen(EDIT, "POST")
def save(request: HttpRequest) -> HttpResponse:
    """Save the form as the draft; what somebody else saved meanwhile is not overwritten but merged."""
    document = editing.parse_form(request.POST.dict())
    try:
        saved = versions.save_edit(ScorecardVersion, document, EditStart.posted(request.POST), by=request.user)
    except DraftGone as gone:
        return _not_saved(request, document, gone)
    except StaleDraft as stale:
        return versions_views.merge_page(request, SCORECARDS, document, stale)
    except ActionNotAllowed as impossible:
        return _not_saved(request, document, impossible)
    issues = problems(saved.document)
    if request.POST.get("then") == "publish" and not issues:
        return redirect("icp_publish")
    if saved.status != VersionStatus.DRAFT:
        messages.info(request, "No changes to save.")
    elif issues:
        words = f"Saved, with {len(issues)} problem{'' if len(issues) == 1 else 's'} to fix before you can publish."
        messages.warning(request, words)
    else:
        messages.success(request, "Draft saved.")
    return redirect("icp")


def _not_saved(request: HttpRequest, typed: dict[str, Any] | None, why: ActionNotAllowed) -> HttpResponse:
    """The editor with what was typed, and why it was not saved."""
    messages.error(request, str(why))
    return render(request, "enrichment/scoring/icp.html", page(request, typed), status=409)


@screen(EDIT, "POST")
def merge(request: HttpRequest) -> HttpResponse:
    """Save the merge of two people's edits; where the draft is gone, what was typed is in the editor again."""
    try:
        return versions_views.merge(request, SCORECARDS)
    except ActionNotAllowed as impossible:
        return _not_saved(request, versions_views.posted_document(request, SCORECARDS, "yours"), impossible)


@screen(EDIT, "POST")
def discard(request: HttpRequest) -> HttpResponse:
    """Give the draft up."""
    return versions_views.discard(request, SCORECARDS)


@screen(VIEW, "POST")
def effect(request: HtmxRequest) -> HttpResponse:
    """The effect of what is in the form, over all leads."""
    context = effect_context(request, posted_document(request))
    if not request.htmx:
        return render(request, "enrichment/scoring/icp_effect.html", context)
    return render(request, "enrichment/scoring/_icp_effect.html", context)
