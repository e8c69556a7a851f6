"""Retry of many leads: the plan first, then the work."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse

from enrichment.jobs import jobs
from enrichment.leads import actions
from enrichment.leads.lead_list import LeadList
from enrichment.leads.retry_job import FEW, FEW_LEADS, LEADS
from enrichment.leads.retry_plan import RetryPlan, plan_retry
from enrichment.leads.views.leads import address
from enrichment.models import Lead
from enrichment.models.job import JobKind
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.numbers import parse_ints
from swarm_admin.core.screens import screen

RETRY = "enrichment.retry_lead"
NOTHING = "Nothing to retry."
UNREADABLE = "One filter is invalid, so more leads match than you asked for. Correct or remove it first."


@screen(RETRY, "GET", "POST")
def plan(request: HttpRequest) -> HttpResponse:
    """How many, what it costs, how long it takes, who is left out and why."""
    if request.method != "POST":
        return redirect("leads")
    back = address(_lead_list(request).query)
    if request.POST.get("all") == "1" and _lead_list(request).filter.form.errors:
        messages.error(request, UNREADABLE)
        return redirect(back)
    leads, beyond = _selected(request)
    if not leads:
        messages.warning(request, "No leads selected. Select rows, or choose all matching.")
        return redirect(back)
    retry_plan = plan_retry(leads, beyond=beyond, priority=_priority(leads))
    return render(request, "enrichment/leads/leads_retry.html", {"plan": _render_plan(request, retry_plan, back)})


def _render_plan(request: HttpRequest, retry: RetryPlan, back: str) -> dict[str, Any]:
    # The leads of the plan are named: those that match when it is confirmed may be others.
    planned = ",".join(str(lead.pk) for lead in retry.selection.ready)
    left_out = retry.selection.left_out.most_common()
    return {
        "title": "Plan",
        "action": reverse("leads_retry_run"),
        "confirm": "Submit again" if retry.note else "Start retry",
        "note": retry.note,
        "count": retry.count,
        "noun": "lead" if retry.count == 1 else "leads",
        "cost": retry.cost,
        "cost_label": retry.price.label,
        "cost_caveat": retry.price.caveat,
        "duration": retry.time.words if retry.count else "",
        "duration_note": retry.time.note if retry.count else "",
        "nothing": NOTHING,
        "left_out": [{"count": n, "why": _skipped_sentence(n, why)} for why, n in left_out],
        "fields": [("query", request.POST.get("query", "")), ("ids", planned)],
        "cancel_url": back,
    }


def _priority(leads: list[Lead]) -> int:
    """Few are waited for; many go behind fresh leads."""
    return actions.STAFF_PRIORITY if len(leads) <= FEW else actions.BULK_PRIORITY


def _skipped_sentence(count: int, why: str) -> str:
    return f"{'lead' if count == 1 else 'leads'}: {why}"


@screen(RETRY, "POST")
def run(request: HttpRequest) -> HttpResponse:
    """Start the job for the leads of the plan; who cannot be retried any more is left out."""
    leads = _with_ids(request.POST.get("ids", "").split(","))
    retry_plan = plan_retry(leads, priority=_priority(leads))
    rows = [(lead.pk, lead.pk) for lead in retry_plan.selection.ready]
    what = FEW_LEADS if len(rows) <= FEW else LEADS
    shown = {
        "what": what,
        "count": retry_plan.count,
        "cost": str(retry_plan.cost),
        "cost_label": retry_plan.price.label,
    }
    try:
        job = jobs.start(JobKind.RETRY_LEADS, rows, plan=shown, by=request.user)
    except ActionNotAllowed as impossible:
        messages.error(request, " ".join(retry_plan.selection.left_out) or str(impossible))
        return redirect(address(_lead_list(request).query))
    return redirect("job", pk=job.pk)


def _lead_list(request: HttpRequest) -> LeadList:
    return LeadList(QueryDict(request.POST.get("query", "")), user=request.user)


def _selected(request: HttpRequest) -> tuple[list[Lead], int]:
    """The ticked leads, or all of the list up to MOST; and how many lie beyond that."""
    if request.POST.get("all") == "1":
        wanted = _lead_list(request)
        leads = list(wanted.everything()[: actions.MOST])
        return leads, max(0, wanted.count() - len(leads)) if len(leads) == actions.MOST else 0
    return _with_ids(request.POST.getlist("id")), 0


def _with_ids(texts: list[str]) -> list[Lead]:
    return list(Lead.objects.filter(pk__in=parse_ints(texts)[: actions.MOST]).order_by("pk"))
