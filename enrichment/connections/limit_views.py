"""Vendor limits: how much is left, what waits, and how long will it take?"""

from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from enrichment.connections import limits
from swarm_admin.core.htmx import HtmxRequest


@require_GET
@login_required
@permission_required("enrichment.view_lead", raise_exception=True)
def show(request: HtmxRequest) -> HttpResponse:
    """The page, or for htmx its live part."""
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
    }
    return render(
        request,
        "enrichment/connections/_limits.html" if request.htmx else "enrichment/connections/limits.html",
        context,
    )
