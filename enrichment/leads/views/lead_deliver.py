"""The plan of delivering a lead again: what is sent where, how many calls, when."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from enrichment.leads.delivery_plan import steps
from enrichment.models import Lead
from enrichment.pipeline.deliver.redeliver import check_can_deliver
from swarm_admin.core.errors import why_not_allowed
from swarm_admin.core.screens import screen


@screen("enrichment.deliver_lead")
def plan(request: HttpRequest, pk: int) -> HttpResponse:
    """Shown before anything is sent; nothing is planned by looking."""
    lead = get_object_or_404(Lead.objects.defer("raw", "search"), pk=pk)
    if reason := why_not_allowed(check_can_deliver, lead):
        messages.error(request, reason)
        return redirect("lead", pk=pk)
    plan_steps = steps(lead)
    context = {"lead": lead, "steps": plan_steps, "calls": sum(step.calls for step in plan_steps)}
    return render(request, "enrichment/leads/lead_deliver.html", context)
