"""Publishing a scorecard, its history, and rolling back: the plan first, then the version and its rescore."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from enrichment import versions
from enrichment.estimates.estimating import Work, estimate
from enrichment.models import AfterRescore, Lead, Rescore, ScorecardVersion
from enrichment.scoring import publishing, rescore, rescore_progress
from enrichment.scoring.changes import changes, count, describe_card
from enrichment.scoring.views.icp_effect import matrix
from enrichment.states import VersionStatus
from enrichment.versions import EditStart, StaleDraft
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.screens import screen

VIEW = "enrichment.view_lead"
EDIT = "enrichment.edit_scorecard"
DELIVER = "enrichment.deliver_lead"
NO_EDIT = "You can view the scorecard but not change it. Ask an admin."
NO_DELIVERY = "You don't have permission to start deliveries. Ask an admin."
WAS_PUBLISHED = (VersionStatus.PUBLISHED, VersionStatus.SUPERSEDED)


@screen(EDIT)
def plan(request: HttpRequest) -> HttpResponse:
    """What publishing the draft would do, before it does."""
    draft = versions.draft_of(ScorecardVersion)
    try:
        versions.check_can_publish(draft)
    except ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
        return redirect("icp")
    assert draft is not None  # check_can_publish says so
    return render(request, "enrichment/scoring/icp_publish.html", _plan(request, draft))


def _plan(request: HttpRequest, version: ScorecardVersion, note: str = "") -> dict[str, Any]:
    """Diff, effect and where it would send; the same for a draft and for a version to roll back to."""
    live = versions.published(ScorecardVersion)
    sections = changes(live.document, version.document)
    card_effect = publishing.effect_of(version.document)
    return {
        "version": version,
        "is_draft": version.status == VersionStatus.DRAFT,
        "live": live,
        "changes": sections,
        "change_count": count(sections),
        "effect": card_effect,
        "matrix": matrix(card_effect),
        "rescore_time": estimate(Work(scored=Lead.objects.usable().filter(icp_score__isnull=False).count())),
        "delivery": publishing.delivery_plan(card_effect),
        "choices": AfterRescore.choices,
        "why_no_delivery": "" if request.user.has_perm(DELIVER) else NO_DELIVERY,
        "note": note,
        "running": rescore_progress.progress(),
    }


@screen(EDIT, "POST")
def publish(request: HttpRequest) -> HttpResponse:
    """Publish the draft as it was looked at, and start the rescore."""
    draft = versions.draft_of(ScorecardVersion)
    if draft is None:
        messages.error(request, "The draft was already published or discarded.")
        return redirect("icp")

    def act(**values: Any) -> Rescore:
        began = EditStart.posted(request.POST)
        began.check_is(draft)
        return publishing.publish(draft, revision=began.revision, **values)

    return _run_publish(request, draft, act)


def _run_publish(request: HttpRequest, version: ScorecardVersion, act: Any) -> HttpResponse:
    after, note = request.POST.get("after", ""), request.POST.get("note", "")
    if after == AfterRescore.DELIVER and not request.user.has_perm(DELIVER):
        messages.error(request, NO_DELIVERY)
        return render(request, "enrichment/scoring/icp_publish.html", _plan(request, version, note), status=409)
    try:
        started = act(over=EditStart.posted(request.POST).over or 0, note=note, after=after, by=request.user)
    except StaleDraft:
        messages.error(request, "Someone else saved the draft. These are its current changes.")
        return redirect("icp_publish")
    except ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
        return render(request, "enrichment/scoring/icp_publish.html", _plan(request, version, note), status=409)
    messages.success(request, f"Version {started.version.number} published. Rescoring all leads.")
    return redirect("job", pk=started.job_id)


@screen(VIEW)
def history(request: HttpRequest) -> HttpResponse:
    """Every version that was published, with its note and what it changed."""
    rescores = {each.version_id: each for each in Rescore.objects.select_related("job")}
    rows = [
        {"version": version, "rescore": rescores.get(version.pk), "lines": None if found is None else count(found)}
        for version, found in versions.changes_by_version(ScorecardVersion)
    ]
    return render(
        request, "enrichment/scoring/icp_history.html", {"rows": rows, "draft": versions.draft_of(ScorecardVersion)}
    )


@screen(VIEW)
def version(request: HttpRequest, number: int) -> HttpResponse:
    """One version: what it says, and what it changed from the one before it and from what is live."""
    shown_version = get_object_or_404(
        ScorecardVersion.objects.select_related("published_by", "created_by"),
        number=number,
        status__in=WAS_PUBLISHED,
    )
    live = versions.published(ScorecardVersion)
    before = next((each for each in versions.history(ScorecardVersion) if each.number < number), None)
    context = {
        "version": shown_version,
        "live": live,
        "before": before,
        "changes": changes(before.document, shown_version.document) if before else [],
        "whole": describe_card(shown_version.document),
        "made": Rescore.objects.select_related("job").filter(version=shown_version).first(),
        "why_no_roll_back": _why_no_roll_back(request, shown_version, live),
    }
    return render(request, "enrichment/scoring/icp_version.html", context)


def _why_no_roll_back(request: HttpRequest, found: ScorecardVersion, live: ScorecardVersion) -> str:
    if not request.user.has_perm(EDIT):
        return NO_EDIT
    if found.pk == live.pk:
        return "This version is already published."
    return "Identical to the published version." if found.document == live.document else ""


@screen(EDIT, "GET", "POST")
def roll_back(request: HttpRequest, number: int) -> HttpResponse:
    """GET: what publishing a copy of this version would do. POST: do it."""
    old = get_object_or_404(ScorecardVersion, number=number, status__in=WAS_PUBLISHED)
    if request.method == "POST":
        return _run_publish(request, old, lambda **values: publishing.roll_back(old, **values))
    if why := _why_no_roll_back(request, old, versions.published(ScorecardVersion)):
        messages.error(request, why)
        return redirect("icp_version", number=number)
    return render(request, "enrichment/scoring/icp_publish.html", _plan(request, old))


@screen(EDIT, "POST")
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a rescore that stopped go on where it stood."""
    stopped = get_object_or_404(Rescore.objects.select_related("job", "version"), pk=pk)
    try:
        rescore.resume(stopped, by=request.user)
    except ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
    else:
        messages.success(request, "Rescore resumed.")
    return redirect("job", pk=stopped.job_id)


@screen(VIEW)
def progress(request: HttpRequest) -> HttpResponse:
    """The banner of a rescore under way; it polls itself while there is one."""
    return render(request, "components/_rescore.html", {"rescore": rescore_progress.progress()})
