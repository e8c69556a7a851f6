"""What a person decides about a lead: about records that are not simply its own, and about whom its answer named."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from enrichment.leads import decisions
from enrichment.models import CampaignMove, ContactMatch, Lead
from enrichment.pipeline import overdue
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.screens import screen

DELIVER = "enrichment.deliver_lead"
RETRY = "enrichment.retry_lead"


@screen(DELIVER, "POST")
def contact(request: HttpRequest, pk: int, match: int) -> HttpResponse:
    """About a contact that a look-up found."""
    match_to_decide = get_object_or_404(ContactMatch, pk=match, lead=pk)
    action = request.POST.get("action", "")
    return _run_decision(request, pk, lambda: decisions.decide_contact(match_to_decide, action, by=request.user))


@screen(DELIVER, "POST")
def campaign(request: HttpRequest, pk: int, move: int) -> HttpResponse:
    """About the campaign's record under an earlier address."""
    move_to_decide = get_object_or_404(CampaignMove, pk=move, lead=pk)
    status = request.POST.get("status", "")
    return _run_decision(request, pk, lambda: decisions.decide_campaign(move_to_decide, status, by=request.user))


@screen(DELIVER, "POST")
def person(request: HttpRequest, pk: int) -> HttpResponse:
    """That the lead is not the suppressed person its answer named."""
    lead = get_object_or_404(Lead.objects.only("pk"), pk=pk)
    return _run_decision(request, pk, lambda: decisions.mark_as_another_person(lead, by=request.user))


@screen(RETRY, "POST")
def late_result(request: HttpRequest, pk: int) -> HttpResponse:
    """About a result of Clay's that did not come in time."""
    act = {"wait": overdue.wait_longer, "give_up": overdue.give_up}.get(request.POST.get("action", ""))
    if act is None:
        raise Http404
    try:
        act([pk], by=request.user)
    except ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
    else:
        messages.success(request, "Waiting longer." if act is overdue.wait_longer else "Gave up on the result.")
    return redirect("lead", pk=pk)


def _run_decision(request: HttpRequest, pk: int, decide: Callable[[], Any]) -> HttpResponse:
    try:
        decide()
    except ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
    else:
        messages.success(request, "Decision saved. Delivery starting.")
    return redirect("lead", pk=pk)
