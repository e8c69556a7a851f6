"""Publishing the waterfalls, what was published before, and going back to it."""

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render

from enrichment import versions
from enrichment.models import WaterfallVersion
from enrichment.states import VersionStatus
from enrichment.versions import EditStart
from enrichment.waterfall import plan_of_record, studio
from enrichment.waterfall.changes import differences
from enrichment.waterfall.views.waterfall import EDIT, VIEW
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.numbers import parse_int
from swarm_admin.core.screens import screen


@screen(EDIT, "GET", "POST")
def publish(request: HttpRequest) -> HttpResponse:
    """What publishing the draft changes, with the note that stays with it; then it is published."""
    draft = versions.draft_of(WaterfallVersion)
    live = versions.published(WaterfallVersion)
    if draft is None:
        messages.info(request, "There is no draft to publish.")
        return redirect("waterfall")
    problem = ""
    if request.method == "POST":
        try:
            published = _publish(request, draft)
        except ActionNotAllowed as impossible:
            problem = str(impossible)
        else:
            return _after_publishing(request, published, "All new enrichments use it.")
        draft, live = versions.draft_of(WaterfallVersion), versions.published(WaterfallVersion)
        if draft is None:
            messages.error(request, problem)
            return redirect("waterfall")
    changes = differences(live.document, draft.document)
    context = {
        "draft": draft,
        "live": live,
        "changes": changes,
        "problem": problem,
        "note": request.POST.get("note", ""),
        "why_not": versions.why_not_publish(draft),
        "empty": [fall.label for fall in studio.panels(draft.document) if not fall.asked],
        "section": "editor",
    }
    return render(request, "enrichment/waterfall/waterfall_publish.html", context)


def _publish(request: HttpRequest, draft: WaterfallVersion) -> WaterfallVersion:
    """What was looked at: this draft, at that save, over that version."""
    began = EditStart.posted(request.POST)
    began.check_is(draft)
    note = request.POST.get("note", "")
    return versions.publish(draft, revision=began.revision, over=began.over or 0, note=note, by=request.user)


def _after_publishing(
    request: HttpRequest, published: WaterfallVersion, words: str, screen_name: str = "waterfall"
) -> HttpResponse:
    """Where Clay has to be set up by hand, on to the checklist."""
    if plan_of_record.is_set_up_by_hand():
        messages.success(request, f"Version {published.number} is published. Now set it up in Clay.")
        return redirect("waterfall_in_clay")
    messages.success(request, f"Version {published.number} is live. {words}")
    return redirect(screen_name)


@screen(VIEW)
def history(request: HttpRequest) -> HttpResponse:
    """Every version that was published, the newest first."""
    rows = versions.changes_by_version(WaterfallVersion)
    return render(request, "enrichment/waterfall/waterfall_history.html", {"rows": rows, "section": "history"})


@screen(VIEW)
def version(request: HttpRequest, number: int) -> HttpResponse:
    """One version: what it says, what going back to it would change, and the way back."""
    shown_version = get_object_or_404(
        WaterfallVersion.objects.select_related("created_by", "published_by"), number=number
    )
    live = versions.published(WaterfallVersion)
    return render(request, "enrichment/waterfall/waterfall_version.html", _shown(request, shown_version, live))


def _shown(request: HttpRequest, found: WaterfallVersion, live: WaterfallVersion) -> dict[str, Any]:
    may = request.user.has_perm(EDIT)
    return {
        "version": found,
        "live": live,
        "falls": studio.panels(found.document),
        "changes": differences(live.document, found.document),
        "json": json.dumps(studio.exported(found), indent=2),
        "is_live": found.pk == live.pk,
        "was_published": found.status == VersionStatus.SUPERSEDED,
        "why_not": "" if may else studio.NO_EDIT,
        "section": "history",
    }


@screen(EDIT, "POST")
def roll_back(request: HttpRequest, number: int) -> HttpResponse:
    """Publish a copy of an older version; a draft goes on as it is."""
    old = get_object_or_404(WaterfallVersion, number=number, status=VersionStatus.SUPERSEDED)
    try:
        copy = versions.roll_back(
            old,
            by=request.user,
            note=request.POST.get("note", ""),
            over=parse_int(request.POST.get("over", "")) or 0,
        )
    except ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
        return redirect("waterfall_version", number=number)
    return _after_publishing(request, copy, f"It is a copy of version {old.number}.", "waterfall_history")


@screen(VIEW)
def export(request: HttpRequest, number: int) -> JsonResponse:
    """The specification's JSON of a version, as Clay is sent it, for download."""
    exported_version = get_object_or_404(WaterfallVersion, number=number)
    answer = JsonResponse(studio.exported(exported_version), json_dumps_params={"indent": 2})
    answer["Content-Disposition"] = f'attachment; filename="waterfalls-version-{exported_version.number}.json"'
    return answer
