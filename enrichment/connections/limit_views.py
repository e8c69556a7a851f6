"""Vendor limits: how much is left, what waits, and how long will it take?"""

from django.http import HttpResponse
from django.shortcuts import render

from enrichment.connections import limits
from swarm_admin.core.htmx import HtmxRequest
from swarm_admin.core.screens import screen


@screen("enrichment.view_lead")
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
        "paused": list(dict.fromkeys(queue.paused for queue in queues if queue.paused)),
        "refused_by": limits.providers_that_refused(),
    }
    return render(
        request,
        "enrichment/connections/_limits.html" if request.htmx else "enrichment/connections/limits.html",
        context,
    )
