"""Pilots: what does a draft cost and bring on a few leads, before it is published?"""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from enrichment import versions
from enrichment.jobs.job_outcome import outcome, outcomes
from enrichment.models import BulkJob, SourceType, WaterfallVersion
from enrichment.models.job import JobKind
from enrichment.pilots import pilot, pilot_result
from enrichment.waterfall import studio
from enrichment.waterfall.changes import differences
from enrichment.waterfall.document_kind import WATERFALLS
from enrichment.waterfall.views.waterfall import EDIT, VIEW
from swarm_admin.core.errors import ActionNotAllowed, why_not_allowed
from swarm_admin.core.form_fields import WholeField
from swarm_admin.core.htmx import HtmxRequest
from swarm_admin.core.jobs import LIVE
from swarm_admin.core.numbers import parse_int, parse_ints
from swarm_admin.core.screens import screen

SHOWN = 50  # of those that wait, to choose from by hand
NOTHING = "Nothing to test."
NO_DRAFT = "There is no draft to test. Edit something first."


class PilotForm(forms.Form):
    """How many at random, of which source; those ticked by hand come instead."""

    count = WholeField(
        label="Number of random leads",
        min_value=1,
        max_value=pilot.MOST,
        initial=25,
        help_text="More leads give narrower intervals.",
        widget=forms.NumberInput(attrs={"class": "form-control"}),
    )
    source_type = forms.ChoiceField(
        label="Source",
        required=False,
        choices=[("", "all sources"), *SourceType.choices],
        widget=forms.Select(attrs={"class": "form-select"}),
    )


@screen(VIEW)
def show(request: HttpRequest) -> HttpResponse:
    """Every pilot, the newest first."""
    jobs = list(BulkJob.objects.filter(kind=JobKind.PILOT).select_related("created_by").order_by("-id")[:100])
    ends = outcomes(jobs)
    draft = versions.draft_of(WaterfallVersion)
    why_not = "" if request.user.has_perm(EDIT) else studio.NO_EDIT
    impossible = why_not_allowed(pilot.check_can_pilot)
    context = {
        "pilots": [(job, pilot_result.pilot_result(job), ends[job.pk]) for job in jobs],
        "why_not": why_not or impossible or ("" if draft else NO_DRAFT),
        "impossible": impossible,
        "section": "pilots",
    }
    return render(request, "enrichment/pilots/pilots.html", context)


@screen(EDIT, "GET", "POST")
def plan(request: HttpRequest) -> HttpResponse:
    """Choose the leads; then the plan with its cost, before anything is started."""
    if impossible := why_not_allowed(pilot.check_can_pilot):
        messages.error(request, impossible)
        return redirect("waterfall_pilots")
    draft = versions.draft_of(WaterfallVersion)
    if draft is None:
        messages.info(request, NO_DRAFT)
        return redirect("waterfall")
    form = PilotForm(request.POST or None)
    ids = parse_ints(request.POST.getlist("id"))
    if request.method == "POST" and (ids or form.is_valid()):
        ids = ids or pilot.draw_leads(form.cleaned_data["count"], form.cleaned_data["source_type"])
        pilot_plan = pilot.plan_pilot(draft, ids)
        context = {"plan": _render_plan(draft, pilot_plan), "found": pilot_plan, "section": "pilots"}
        return render(request, "enrichment/pilots/pilot_plan.html", context)
    context = {
        "form": form,
        "draft": draft,
        "waiting": pilot.eligible_leads().count(),
        "leads": pilot.eligible_leads().order_by("dispatch_after", "pk")[:SHOWN],
        "section": "pilots",
    }
    return render(request, "enrichment/pilots/pilot.html", context)


def _render_plan(draft: WaterfallVersion, found: pilot.PilotPlan) -> dict[str, Any]:
    ids = ",".join(str(lead.pk) for lead in found.leads)
    return {
        "title": "Plan",
        "action": reverse("waterfall_pilot_start"),
        "confirm": "Start pilot",
        "count": len(found.leads),
        "noun": "lead" if len(found.leads) == 1 else "leads",
        "cost": found.cost,
        "cost_label": found.price.label,
        "cost_caveat": found.price.caveat,
        "duration": found.time.words if found.leads else "",
        "duration_note": found.time.note if found.leads else "",
        "nothing": NOTHING,
        "left_out": [{"count": count, "why": why} for why, count in found.left_out.items()],
        "fields": [("ids", ids), ("draft", draft.pk), ("revision", draft.revision)],
        "cancel_url": reverse("waterfall_pilot"),
    }


@screen(EDIT, "POST")
def start(request: HttpRequest) -> HttpResponse:
    """Start it on the leads of the plan."""
    draft = versions.draft_of(WaterfallVersion)
    ids = parse_ints(request.POST.get("ids", "").split(","))
    if draft is None or draft.pk != parse_int(request.POST.get("draft", "")):
        messages.error(request, "The draft was already published or discarded.")
        return redirect("waterfall")
    try:
        revision = parse_int(request.POST.get("revision", ""))
        job = pilot.start_pilot(draft, ids, revision=-1 if revision is None else revision, by=request.user)
    except ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
        return redirect("waterfall_pilot")
    messages.success(request, f"Pilot started on {job.total:,} lead{'' if job.total == 1 else 's'}.")
    return redirect("waterfall_pilot_result", pk=job.pk)


@screen(VIEW, fragments=True)
def result(request: HtmxRequest, pk: int) -> HttpResponse:
    """Progress, and what was measured beside what was forecast; for htmx the live part."""
    job = get_object_or_404(BulkJob.objects.select_related("created_by"), pk=pk, kind=JobKind.PILOT)
    trial = pilot.trial_version(job)
    draft = versions.draft_of(WaterfallVersion)
    live = versions.published(WaterfallVersion)
    context = {
        "job": job,
        "trial": trial,
        "result": pilot_result.pilot_result(job),
        "live_job": job.status in LIVE,
        "outcome": outcome(job),
        "changes": differences(live.document, trial.document),
        "still": draft is not None and WATERFALLS.same(draft.document, trial.document),
        "is_published": WATERFALLS.same(live.document, trial.document),
        "may_edit": request.user.has_perm(EDIT),
        "section": "pilots",
    }
    template = "enrichment/pilots/_pilot.html" if request.htmx else "enrichment/pilots/pilot_result.html"
    return render(request, template, context)
