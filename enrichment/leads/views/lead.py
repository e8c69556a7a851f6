"""Lead: what do we know, whence, and why this tier?"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from enrichment.documents.waterfall import active_waterfall
from enrichment.labels import provider_name
from enrichment.leads import actions, lead_detail, unmask
from enrichment.leads.decisions import matches_of, moves_of
from enrichment.leads.resubmission import is_resubmission, resubmission_sentence
from enrichment.leads.timeline import timeline
from enrichment.models import Attempt, Lead, Provider
from enrichment.pipeline.deliver import redeliver
from enrichment.pipeline.score.explained import version_of
from enrichment.states import FINAL_STATUSES, AttemptStatus
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay import chosen
from enrichment.waterfall.prices import PriceList
from swarm_admin.core.errors import ActionNotAllowed, why_not_allowed
from swarm_admin.core.masking import mask
from swarm_admin.core.screens import screen

VIEW = "enrichment.view_lead"
RETRY = "enrichment.retry_lead"
DELIVER = "enrichment.deliver_lead"
NO_RIGHT = "You don't have permission to do this. Ask an admin."
DRAWER_FIELDS = (
    ("title", "Title"),
    ("company_name", "Company"),
    ("company_size", "Employees"),
    ("company_industry", "Industry"),
    ("email_work", "E-mail (work)"),
    ("email_personal", "E-mail (personal)"),
    ("phone", "Phone"),
    ("linkedin_url", "LinkedIn"),
    ("source_type", "Source"),
    ("source_name", "Source name"),
)


@screen(VIEW)
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything about one lead."""
    lead = get_object_or_404(Lead.objects.select_related("scorecard").defer("raw", "search"), pk=pk)
    unmasked = _audited_unmasked(request, lead)
    context = {
        **_header_context(request, lead, unmasked),
        "groups": lead_detail.detail_groups(lead, unmasked=unmasked),
        "scorecard": version_of(lead),
        "points": lead_detail.component_points(lead, unmasked=unmasked),
        "lifts": lead_detail.tier_lifts(lead),
        "references": lead_detail.references(lead),
        "moves": moves_of(lead, may_decide=request.user.has_perm(DELIVER)),
        "contacts": matches_of(lead, may_decide=request.user.has_perm(DELIVER)),
        "happenings": timeline(lead),
        **_choices(),
    }
    return render(request, "enrichment/leads/lead.html", context)


@screen(VIEW)
def drawer(request: HttpRequest, pk: int) -> HttpResponse:
    """The lead in short, beside the list."""
    lead = get_object_or_404(Lead.objects.select_related("scorecard").defer("raw", "search"), pk=pk)
    unmasked = _audited_unmasked(request, lead)
    values = [
        (label, lead_detail.value_of(lead, name, unmasked=unmasked))
        for name, label in DRAWER_FIELDS
    ]  # fmt: skip
    context = {
        **_header_context(request, lead, unmasked),
        "values": [(label, value) for label, value in values if value],
        "missing": [label for label, value in values if not value],
        "points": lead_detail.component_points(lead, unmasked=unmasked),
        "happenings": timeline(lead)[:6],
    }
    return render(request, "enrichment/leads/_lead_drawer.html", context)


@screen(VIEW)
def status(request: HttpRequest, pk: int) -> HttpResponse:
    """The part that is polled while the lead is under way; when it is final, the whole page is asked for."""
    lead = get_object_or_404(Lead.objects.defer("raw", "search"), pk=pk)
    response = render(
        request, "enrichment/leads/_lead_status.html", _header_context(request, lead, unmask.is_unmasked(request, lead))
    )
    if request.htmx and _is_final(lead):  # type: ignore[attr-defined]
        response["HX-Refresh"] = "true"
    return response


@screen(RETRY, "GET", "POST")
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask Clay again, without a provider if one is named."""
    if request.method != "POST":  # an address typed in or kept: the form stands on the lead's page
        return redirect("lead", pk=pk)
    skip = [slug for slug in request.POST.getlist("without") if slug in {slug for slug, _ in _providers()}]
    words = f"Retrying the lead{f', without {provider_name(skip[0])}' if skip else ''}."
    if is_resubmission():
        words = "Submitting the lead again."
    return _run_action(
        request, pk, lambda lead: actions.retry_leads([lead], by=request.user, skip_providers=skip), words
    )


@screen(DELIVER, "POST")
def deliver(request: HttpRequest, pk: int) -> HttpResponse:
    """Hand the lead over again though nothing changed."""
    words = "Delivery starting."
    return _run_action(request, pk, lambda lead: redeliver.retry_delivery(lead, by=request.user), words)


@screen(VIEW, "POST")
def show_unmasked(request: HttpRequest, pk: int) -> HttpResponse:
    """Reveal the lead's personal data to this person for an hour, for a reason that is kept."""
    lead = get_object_or_404(Lead.objects.only("pk"), pk=pk)
    try:
        unmask.unmask(request, lead, reason=request.POST.get("reason", ""))
    except ValueError as error:
        messages.error(request, str(error))
    return redirect("lead", pk=pk)


def _run_action(request: HttpRequest, pk: int, action: Callable[[Lead], Any], done: str) -> HttpResponse:
    lead = get_object_or_404(Lead, pk=pk)
    try:
        action(lead)
    except ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
    else:
        messages.success(request, done)
    return redirect("lead", pk=pk)


def _audited_unmasked(request: HttpRequest, lead: Lead) -> bool:
    unmasked = unmask.is_unmasked(request, lead)
    if unmasked:
        unmask.audit_view(request.user, lead)
    return unmasked


def _is_final(lead: Lead) -> bool:
    settled = lead.dispatch_after is None and not lead.awaits_fill_in
    return lead.enrichment_status in FINAL_STATUSES and settled


def _header_context(request: HttpRequest, lead: Lead, unmasked: bool) -> dict[str, Any]:
    """Name, status and buttons: what the page and the drawer share."""
    return {
        "lead": lead,
        "unmasked": unmasked,
        "name": (lead.full_name if unmasked else mask(lead.full_name, "name")) or f"Lead {lead.pk}",
        "final": _is_final(lead),
        "repeat_cost": _reserved(lead) if lead.is_overdue else None,
        "why_no_retry": why_not_allowed(actions.check_can_retry, lead) if request.user.has_perm(RETRY) else NO_RIGHT,
        "why_no_delivery": why_not_allowed(redeliver.check_can_deliver, lead)
        if request.user.has_perm(DELIVER)
        else NO_RIGHT,
    }


def _reserved(lead: Lead) -> Decimal:
    """US dollars that were kept back for the run whose result did not come: so much may another one cost."""
    attempts = Attempt.objects.filter(lead=lead, status=AttemptStatus.RUNNING, overdue_at__isnull=False)
    return attempts.values_list("reserved", flat=True).first() or Decimal(0)


def _choices() -> dict[str, Any]:
    """What a retry may leave out, and what each choice costs; nothing where Clay takes no choice."""
    document = active_waterfall()
    prices = PriceList()
    price = prices.of(document)
    offered = _providers() if chosen.can(Capability.SKIP_PROVIDER) else []
    return {
        "price": price,
        "resubmission": resubmission_sentence(price, "the lead"),
        "providers": [(slug, name, prices.of(document, [slug])) for slug, name in offered],
    }


def _providers() -> list[tuple[str, str]]:
    """(slug, name) of the active waterfall's providers."""
    document = active_waterfall()
    return list(Provider.objects.filter(slug__in=document.providers()).values_list("slug", "name"))
