"""Review: leads a scorecard lifted into Tier 1 or 2, delivered or dismissed by a person."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from enrichment.estimates.estimating import Work, estimate
from enrichment.models import Lead, TierMove
from enrichment.models.handover import System
from enrichment.pipeline.deliver.redeliver import suppressed_ids
from enrichment.pipeline.payload import is_deliverable
from enrichment.scoring import moves
from enrichment.scoring.tier_moves import waiting_moves
from enrichment.vendors import registry
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.masking import display_value
from swarm_admin.core.numbers import parse_int, parse_ints
from swarm_admin.core.screens import screen

VIEW = "enrichment.view_lead"
DELIVER = "enrichment.deliver_lead"
NO_RIGHT = "You don't have permission to start deliveries. Ask an admin."
PAGE = 50
NOTHING = "Nothing to deliver."
LOOKED_AT = 5_000  # leads of a plan that are looked at one by one; the others are when they are sent


@screen(VIEW)
def show(request: HttpRequest) -> HttpResponse:
    """Those that wait, the best first."""
    waiting = waiting_moves().select_related("lead", "rescore__version").order_by("-score", "-pk")
    page = Paginator(waiting.defer("lead__raw", "lead__search"), PAGE).get_page(parse_int(request.GET.get("page")))
    rows = [(move, display_value(request.user, move.lead.full_name, "name") or f"Lead {move.lead_id}") for move in page]
    context = {
        "page": page,
        "rows": rows,
        "why_not": "" if request.user.has_perm(DELIVER) else NO_RIGHT,
        "section": "review",
    }
    return render(request, "enrichment/scoring/icp_review.html", context)


def _chosen(request: HttpRequest) -> QuerySet[TierMove]:
    if request.POST.get("all") == "1":
        return waiting_moves()
    return waiting_moves().filter(pk__in=parse_ints(request.POST.getlist("id")))


@screen(DELIVER, "POST")
def plan(request: HttpRequest) -> HttpResponse:
    """How many, to where, how long, and who is left out; or which are dismissed."""
    chosen = _chosen(request)
    count = chosen.count()
    if not count:
        messages.warning(request, "No leads selected. Select rows, or choose all.")
        return redirect("icp_review")
    return render(request, "enrichment/scoring/icp_review_plan.html", {"plan": _plan(request, chosen, count)})


def _plan(request: HttpRequest, chosen: QuerySet[TierMove], count: int) -> dict[str, Any]:
    leads = list(Lead.objects.filter(tier_moves__in=chosen.order_by("-score", "-pk")[:LOOKED_AT]))
    blocked = {lead.pk for lead in leads if lead.restriction} | suppressed_ids(leads)
    sent = [lead for lead in leads if lead.pk not in blocked]
    places = [
        (registry.name_of(each), sum(is_deliverable(lead, each) for lead in sent), each) for each in System.values
    ]
    beyond = count - len(leads)
    time = estimate(Work(deliveries={each: number + beyond for _, number, each in places}))
    left_out = [{"count": len(blocked), "why": "suppressed or restricted"}] if blocked else []
    if beyond:
        left_out.append({"count": beyond, "why": "are checked when sent, and skipped if suppressed"})
    words = ", ".join(f"{number + beyond:,} to {name}" for name, number, _ in places)
    keys = [] if request.POST.get("all") == "1" else list(chosen.values_list("pk", flat=True))
    return {
        "title": "Deliver leads that came into Tier 1 or 2",
        "action": reverse("icp_review_deliver"),
        "confirm": "Start deliveries",
        "count": len(sent) + beyond,
        "noun": "lead" if len(sent) + beyond == 1 else "leads",
        "cost": None,
        "duration": time.words if sent or beyond else "",
        "duration_note": f"{words}. {time.note}".strip() if sent or beyond else "",
        "nothing": NOTHING,
        "left_out": left_out,
        "fields": [("id", key) for key in keys] or [("all", "1")],
        "cancel_url": reverse("icp_review"),
    }


@screen(DELIVER, "POST")
def deliver(request: HttpRequest) -> HttpResponse:
    """Start the deliveries as a job."""
    try:
        job = moves.deliver_moves(_chosen(request), by=request.user)
    except ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
        return redirect("icp_review")
    messages.success(request, f"{job.total:,} {'delivery starts' if job.total == 1 else 'deliveries start'}.")
    return redirect("job", pk=job.pk)


@screen(DELIVER, "POST")
def dismiss(request: HttpRequest) -> HttpResponse:
    """Leave them undelivered."""
    count = moves.dismiss_moves(_chosen(request), by=request.user)
    if count:
        messages.success(request, f"{count:,} {'lead was' if count == 1 else 'leads were'} dismissed.")
    else:
        messages.warning(request, "No leads selected. Select rows, or choose all.")
    return redirect("icp_review")
