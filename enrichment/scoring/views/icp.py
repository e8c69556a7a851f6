"""ICP: who counts as good? The editor, with the effect of what is typed beside it."""

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from enrichment import versions
from enrichment.documents.scorecard_problems import problems
from enrichment.models import ScorecardVersion
from enrichment.scoring import drafting, editing, form, merging, publishing
from enrichment.scoring.changes import changes, count, describe
from enrichment.scoring.drafting import Began
from enrichment.scoring.views.icp_effect import effect_context, typed
from enrichment.versions import Stale
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.htmx import HtmxRequest
from swarm_admin.core.numbers import whole
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
        "form": form.build(document, problems(document), at),
        "unsaved": typed is not None,
        "may_edit": may_edit,
        "why_no_edit": "" if may_edit else NO_EDIT,
        "why_no_publish": _why_no_publish(draft) if may_edit else NO_EDIT,
    }


def _why_no_publish(draft: ScorecardVersion | None) -> str:
    try:
        publishing.check_can_publish(draft)
    except ActionNotAllowed as impossible:
        return str(impossible)
    return ""


@screen(EDIT, "POST")
def edit(request: HtmxRequest) -> HttpResponse:
    """What a button of the form does to what is in it; nothing is saved."""
    operation = request.POST.get("do", "")
    if operation == "component":
        operation = f"component:{request.POST.get('new_component', '')}"
    document, at = editing.apply(editing.read(request.POST.dict()), operation)
    context = page(request, document, at)
    if not request.htmx:
        return render(request, "enrichment/scoring/icp.html", context)
    answer = render(request, "enrichment/scoring/_icp_editor.html", context)
    answer["HX-Trigger-After-Settle"] = "icp-edited"
    return answer


@screen(EDIT, "POST")
def save(request: HttpRequest) -> HttpResponse:
    """Save the form as the draft; what somebody else saved meanwhile is not overwritten but merged."""
    document = editing.read(request.POST.dict())
    try:
        draft = drafting.save(document, began(request), by=request.user)
    except Stale as stale:
        base = stale.base or versions.published(ScorecardVersion).document
        return _merge_view(request, base, document, stale.theirs, stale.revision, stale.by, {})
    except ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
        return render(request, "enrichment/scoring/icp.html", page(request, document), status=409)
    if request.POST.get("then") == "publish" and not problems(draft.document):
        return redirect("icp_publish")
    found = problems(draft.document)
    if found:
        words = f"Saved, with {len(found)} problem{'' if len(found) == 1 else 's'} to fix before you can publish."
        messages.warning(request, words)
    else:
        messages.success(request, "Draft saved.")
    return redirect("icp")


def began(request: HttpRequest) -> Began:
    def number(name: str) -> int | None:
        return whole(request.POST.get(name), most=10**9)

    return Began(number("draft"), number("revision") or 0, number("over") or 0)


@screen(EDIT, "POST")
def merge(request: HttpRequest) -> HttpResponse:
    """Save the merge of two people's edits, once everything is chosen."""
    base, yours = (_document(request, name) for name in ("base", "yours"))
    draft = versions.draft_of(ScorecardVersion)
    if draft is None or base is None or yours is None:
        messages.error(request, drafting.GONE)
        return render(request, "enrichment/scoring/icp.html", page(request, yours), status=409)
    revision = began(request).revision
    chosen = {
        name.removeprefix("choose:"): str(value) for name, value in request.POST.items() if name.startswith("choose:")
    }
    merged = merging.merge(base, draft.document, yours, chosen)
    if draft.revision != revision or merged.open:
        return _merge_view(request, base, yours, draft.document, draft.revision, draft.edited_by, chosen)
    try:
        versions.save_draft(draft, merged.document, revision=revision, by=request.user)
    except Stale as stale:
        return _merge_view(request, base, yours, stale.theirs, stale.revision, stale.by, chosen)
    messages.success(request, "Changes merged into the draft.")
    return redirect("icp")


def _document(request: HttpRequest, name: str) -> dict[str, Any] | None:
    try:
        found = json.loads(request.POST.get(name, ""))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _merge_view(
    request: HttpRequest,
    base: dict[str, Any],
    yours: dict[str, Any],
    theirs: dict[str, Any],
    revision: int,
    by: Any,
    chosen: dict[str, str],
) -> HttpResponse:
    merged = merging.merge(base, theirs, yours, chosen)
    context = {
        "conflicts": [describe(conflict, base) for conflict in merged.conflicts],
        "yours_lines": _changes(base, yours),
        "theirs_lines": _changes(base, theirs),
        "base": json.dumps(base),
        "yours": json.dumps(yours),
        "revision": revision,
        "by": by,
        "asked_again": bool(chosen),
    }
    return render(request, "enrichment/scoring/icp_merge.html", context)


def _changes(base: dict[str, Any], after: dict[str, Any]) -> Any:
    """In words where both can be read; else None."""
    if problems(base) or problems(after):
        return None
    found = changes(base, after)
    return {"sections": found, "count": count(found)}


@screen(EDIT, "POST")
def discard(request: HttpRequest) -> HttpResponse:
    """Give the draft up."""
    draft = versions.draft_of(ScorecardVersion)
    if draft is None:
        messages.error(request, "There is no draft.")
        return redirect("icp")
    if draft.pk != began(request).draft:
        messages.error(request, "Someone started another draft. It was not discarded.")
        return redirect("icp")
    try:
        versions.discard(draft, revision=began(request).revision, by=request.user)
    except ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
    else:
        messages.success(request, "Draft discarded. The published version stays active.")
    return redirect("icp")


@screen(VIEW, "POST")
def effect(request: HtmxRequest) -> HttpResponse:
    """The effect of what is in the form, over all leads."""
    context = effect_context(request, typed(request))
    if not request.htmx:
        return render(request, "enrichment/scoring/icp_effect.html", context)
    return render(request, "enrichment/scoring/_icp_effect.html", context)
