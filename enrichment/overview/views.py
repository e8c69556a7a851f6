"""Overview: is everything flowing?"""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from enrichment.connections import health
from enrichment.estimates.estimating import estimate
from enrichment.failures import groups as failures
from enrichment.failures import set_aside
from enrichment.overview import figures as overview
from enrichment.waterfall import spend_report
from enrichment.webhooks.webhook_lists import webhook_figures
from gdpr.requests import attention
from swarm_admin.core import work
from swarm_admin.core.cache import cached, computed_at
from swarm_admin.core.htmx import HtmxRequest
from swarm_admin.core.screens import screen

CAUSES_SHOWN = 10


@screen("enrichment.view_lead")
def show(request: HtmxRequest) -> HttpResponse:
    """The page, or for htmx its live part."""
    template = "enrichment/overview/_overview.html" if request.htmx else "enrichment/overview/overview.html"
    return render(request, template, _overview_context(_scope(request), request.user))


@screen("enrichment.view_lead")
def charts(request: HttpRequest) -> JsonResponse:
    """What the charts draw: tiers of the scope, throughput of the range; times in ISO 8601, UTC."""
    length = request.GET.get("range", "hour")
    counts = overview.stages(_scope(request))
    tiers = [counts[f"tier_{tier}"] for tier in (1, 2, 3)]
    return JsonResponse(
        {
            "tiers": [*tiers, counts["received"] - sum(tiers)],
            "throughput": overview.throughput(length if length in overview.RANGES else "hour"),
        }
    )


@screen("enrichment.view_lead")
def holds(request: HttpRequest) -> HttpResponse:
    """The banner of paused services, for polling."""
    return render(request, "components/_holds.html")


def _scope(request: HttpRequest) -> str:
    return "all" if request.GET.get("scope") == "all" else "today"


def _overview_context(scope: str, user: Any) -> dict[str, Any]:
    counts = overview.stages(scope)
    vendors = health.all_vendors()
    causes = failures.groups_needing_attention()
    unwell = [vendor for vendor in vendors if vendor.state in ("held", "error", "no_key")]
    totals = failures.totals()
    under_way = counts["pending"] + counts["in_progress"]
    of_the_law = attention.visible_items(user)
    return {
        "scope": scope,
        "counts": counts,
        "steps": overview.funnel(counts),
        "spend": spend_report.against_budget(),
        "causes": causes[:CAUSES_SHOWN],
        "more_causes": len(causes[CAUSES_SHOWN:]),
        "waiting": totals.rows,
        "waiting_leads": totals.leads,
        "set_aside": set_aside.visible_groups(user),
        "law": of_the_law[:CAUSES_SHOWN],
        "more_law": len(of_the_law[CAUSES_SHOWN:]),
        "lost_sentence": work.LOST_SENTENCE,
        "unread_webhooks": webhook_figures()["unread"],
        "vendors": vendors,
        "unwell": unwell,
        "under_way": under_way,
        "time": cached("time", estimate) if under_way else None,
        "counted_at": computed_at(overview.stages_name(scope)),
        "good": counts["tier_1"] + counts["tier_2"],
    }
