"""Connections: are we connected? And the vendors' limits."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from enrichment.connections import health, limits, setup
from enrichment.connections.clay import choosing, guide
from enrichment.connections.rights import MANAGE, check_can_manage
from enrichment.models import ServiceHold
from enrichment.models.connection import CLAY_ROWS
from enrichment.scoring import clay_formula
from enrichment.vendor_pauses import words as hold_words
from enrichment.vendor_pauses.pauses import end_pause
from enrichment.vendors import registry
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay.chosen import can, connector_slug
from enrichment.vendors.clay.table import TABLE_NAME, clay_table
from enrichment.vendors.errors import VendorError
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.htmx import HtmxRequest
from swarm_admin.core.screens import screen

BY_HAND = "Clay takes no set-up from here with the connector in use."


@screen("enrichment.view_lead")
def show(request: HtmxRequest) -> HttpResponse:
    """The page, or for htmx its live part."""
    vendors = health.all_vendors(budgets=True)
    context = {
        "vendors": vendors,
        "well": [vendor for vendor in vendors if vendor.state == "ok"],
        "unwell": [vendor for vendor in vendors if vendor.state in ("held", "error", "no_key")],
        "providers": health.provider_budgets(),
        "clay": choosing.card(connector_slug()),
        "asks_by_itself": not can(Capability.TRIGGER),
        "sources": [line for line in guide.source_lines() if line.source.closed_at is None],
        "row_url": guide.row_url(),
        "clay_table": clay_table(),
        "full_table": next((hold for hold in health.pauses_in_force() if hold.system == CLAY_ROWS), None),
        "webhook_url": setup.webhook_url(),
        "table_name": TABLE_NAME,
        "why_not": check_can_manage(request.user),
    }
    template = "enrichment/connections/_connections.html" if request.htmx else "enrichment/connections/connections.html"
    return render(request, template, context)


@screen(MANAGE, "POST")
def test(request: HttpRequest, system: str) -> HttpResponse:
    """One cheap read at the vendor."""
    if registry.find(system) is None:
        raise Http404
    result = health.test_call(system)
    (messages.success if result.ok else messages.error)(request, result.sentence)
    return redirect("connections")


@screen(MANAGE, "POST")
def set_up(request: HttpRequest) -> HttpResponse:
    """Table and webhook in Clay."""
    if not can(Capability.TRIGGER):
        messages.info(request, f"{BY_HAND} Follow the steps below.")
        return redirect(choosing.card(connector_slug()).guide)
    try:
        messages.success(request, setup.clay_setup(by=request.user).sentence)
    except setup.SetupError as error:
        messages.error(request, str(error))
    except VendorError as error:
        messages.error(request, f"Clay setup failed: {error}. {error.advice}")
    return redirect("connections")


@screen(MANAGE, "POST")
def new_table(request: HttpRequest) -> HttpResponse:
    """A new table in the place of the full one; the leads that wait go on there."""
    if not can(Capability.TRIGGER):
        messages.info(request, f"{BY_HAND} Create it in Clay, then add its webhook as a source.")
        return redirect(choosing.card(connector_slug()).guide)
    try:
        placement = clay_formula.replace_full_table(by=request.user)
        messages.success(request, f"Created table {placement.table_id}. Waiting leads go there now.")
    except ActionNotAllowed as impossible:
        messages.info(request, str(impossible))
    except VendorError as error:
        messages.error(request, f"The table wasn't created: {error}. {error.advice}")
    return redirect("connections")


@screen(MANAGE, "POST")
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Lift a hold."""
    hold = get_object_or_404(ServiceHold, pk=pk)
    name = hold_words.name(hold)
    if end_pause(hold, by=request.user, reason="resumed by hand"):
        messages.success(request, f"{name} resumed. If the cause persists, it pauses again.")
    else:
        messages.info(request, f"{name} was already resumed.")
    return redirect("connections")


@screen("enrichment.view_lead")
def show_limits(request: HtmxRequest) -> HttpResponse:
    """Vendor limits: how much is left, what waits, and how long will it take? For htmx the live part."""
    vendors, providers = limits.all_limits(), limits.provider_limits()
    shown = [limit for vendor in vendors for limit in vendor.limits]
    queues = [limit.queue for limit in (*shown, *providers) if limit.queue and limit.queue.count]
    context = {
        "vendors": vendors,
        "providers": providers,
        "too_many": sum(vendor.too_many for vendor in vendors),
        "blocked": [limit for limit in (*shown, *providers) if limit.blocked_for],
        "longest": max((queue.seconds for queue in queues), default=0.0),
        "waiting": bool(queues),
        "paused": list(dict.fromkeys(queue.paused for queue in queues if queue.paused)),
        "refused_by": limits.providers_that_refused(),
    }
    return render(
        request,
        "enrichment/connections/_limits.html" if request.htmx else "enrichment/connections/limits.html",
        context,
    )
