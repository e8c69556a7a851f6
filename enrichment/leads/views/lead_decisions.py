"""What a person decides about a lead: about records that are not simply its own, and about whom its answer named."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from enrichment.deliveries import campaign_decisions, contact_decisions, person_decisions
from enrichment.leads import actions
from enrichment.models import CampaignMove, ContactMatch, Lead

DELIVER = "enrichment.deliver_lead"


@require_POST
@login_required
@permission_required(DELIVER, raise_exception=True)
def contact(request: HttpRequest, pk: int, match: int) -> HttpResponse:
    """About a contact that a look-up found."""
    found = get_object_or_404(ContactMatch, pk=match, lead=pk)
    action = request.POST.get("action", "")
    return _do(request, pk, lambda: contact_decisions.decide(found, action, by=request.user))


@require_POST
@login_required
@permission_required(DELIVER, raise_exception=True)
def campaign(request: HttpRequest, pk: int, move: int) -> HttpResponse:
    """About the campaign's record under an earlier address."""
    found = get_object_or_404(CampaignMove, pk=move, lead=pk)
    status = request.POST.get("status", "")
    return _do(request, pk, lambda: campaign_decisions.decide(found, status, by=request.user))


@require_POST
@login_required
@permission_required(DELIVER, raise_exception=True)
def person(request: HttpRequest, pk: int) -> HttpResponse:
    """That the lead is not the suppressed person its answer named."""
    found = get_object_or_404(Lead.objects.only("pk"), pk=pk)
    return _do(request, pk, lambda: person_decisions.is_another(found, by=request.user))


def _do(request: HttpRequest, pk: int, decide: Callable[[], Any]) -> HttpResponse:
    try:
        decide()
    except actions.ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
    else:
        messages.success(request, "Decision saved. The delivery starts in a moment.")
    return redirect("lead", pk=pk)
