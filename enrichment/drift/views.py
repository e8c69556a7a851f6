"""Drift: where do Clay and the mirror disagree, and what would mending it take?"""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Min
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from enrichment.drift import capacity_forecast, mending
from enrichment.drift.known_kinds import is_compared, kinds
from enrichment.estimates.estimating import estimate
from enrichment.models import Drift, DriftKind, ReconcileRun
from enrichment.vendors import limiter
from enrichment.vendors.connections import clay
from enrichment.vendors.errors import VendorError
from gdpr.suppression import gate
from swarm_admin.core.htmx import HtmxRequest
from swarm_admin.core.numbers import parse_int
from swarm_admin.core.screens import screen

VIEW = "enrichment.view_lead"
MEND = "enrichment.mend_drift"
PAGE = 50
MEANINGS = {
    DriftKind.VALUES: "Clay's row has different values than our lead.",
    DriftKind.UNKNOWN_ROW: "Clay has a row with no matching lead.",
    DriftKind.DUPLICATE: "Clay has a second row for the same person.",
    DriftKind.OTHER_TABLE: "The row is in a different table than recorded.",
    DriftKind.ROW_GONE: "The lead's row no longer exists in Clay.",
    DriftKind.NOT_KEPT: "Clay assigned the row an ID but never stored it. The table may be full.",
    DriftKind.NO_ROW: "The lead is waiting for a row that won't be created.",
    DriftKind.SUPPRESSED: "Clay returned data of someone on the suppression list. The row is being deleted.",
    DriftKind.SHARED_RECORD: "Several leads share one record in GoHighLevel or Instantly.",
}
NEVER_SUBMITTED = "The lead is waiting for Clay, and nobody is going to submit it."


@screen(VIEW)
def show(request: HtmxRequest) -> HttpResponse:
    """The page, or for htmx its live part."""
    kind = _kind(request.GET.get("kind", ""))
    page = Paginator(mending.open_drift(kind or ""), PAGE).get_page(parse_int(request.GET.get("page")))
    drifts = list(page.object_list)
    hidden = gate.look_up([drift.lead.identity for drift in drifts if drift.lead])
    known = [drift for drift in drifts if drift.lead]
    suppressed = {known[position].pk for position in hidden}
    last = ReconcileRun.objects.order_by("-started_at").first()
    good = ReconcileRun.objects.filter(is_open=False, error="").order_by("-finished_at")
    context = {
        "kind": kind,
        "kinds": _kinds(),
        "page": page,
        "drifts": [drift for drift in drifts if drift.pk not in suppressed],
        "tables": capacity_forecast.tables(),
        "run": last,
        "last_good": good.first(),
        "last_whole": good.filter(full=True).first(),
        "exports": _exports(),
        "why_not": why_not(request.user),
        "is_compared": is_compared(),
    }
    return render(request, "enrichment/drift/_drift.html" if request.htmx else "enrichment/drift/drift.html", context)


def why_not(user: object) -> str:
    """Why this person may not mend; "" if they may."""
    if user.has_perm(MEND):  # type: ignore[attr-defined]
        return ""
    return "You don't have permission to fix mismatches. Ask an admin."


def _kind(name: str) -> DriftKind | None:
    return DriftKind(name) if name in kinds() else None


def _kinds() -> list[dict[str, Any]]:
    """Every kind that is looked for with its open count, those that have any first."""
    compared = is_compared()
    counted = Drift.objects.filter(resolved_at__isnull=True).values("kind")
    counts: dict[str, Any] = {
        row["kind"]: row for row in counted.annotate(count=Count("pk"), since=Min("first_seen")).order_by()
    }
    rows = [
        {
            "kind": kind,
            "label": kind.label,
            "meaning": MEANINGS[kind] if compared or kind != DriftKind.NO_ROW else NEVER_SUBMITTED,
            "mending": mending.MENDINGS[kind],
            "count": counts.get(kind, {}).get("count", 0),
            "since": counts.get(kind, {}).get("since"),
        }
        for kind in kinds()
    ]
    return sorted(rows, key=lambda row: not row["count"])


def _exports() -> limiter.Gauge | None:
    if not is_compared():
        return None
    try:
        return limiter.peek("clay.exports", clay().workspace_id)
    except VendorError:
        return None  # no key yet


@screen(MEND, "POST")
def plan(request: HttpRequest) -> HttpResponse:
    """What mending a kind, or one row, would do."""
    kind, pk = _kind(request.POST.get("kind", "")), parse_int(request.POST.get("id", ""))
    if kind is None:
        messages.warning(request, "Choose what to fix.")
        return redirect("drift")
    repair_plan = mending.plan_repairs(kind, pk)
    time = estimate(mending.estimated_work(repair_plan))
    shown = {
        "title": f"{kind.label}: {mending.MENDINGS[kind]}",
        "action": reverse("drift_mend"),
        "confirm": "Delete in Clay" if kind == DriftKind.DUPLICATE else "Fix",
        "danger": kind == DriftKind.DUPLICATE,
        "count": len(repair_plan.ready),
        "noun": "row" if len(repair_plan.ready) == 1 else "rows",
        "cost": repair_plan.cost,
        "cost_label": repair_plan.price.label if repair_plan.price else "",
        "cost_caveat": repair_plan.price.caveat if repair_plan.price else "",
        "duration": time.words if repair_plan.ready else "",
        "duration_note": time.note if repair_plan.ready else "",
        "nothing": "Nothing to fix.",
        "left_out": [{"count": count, "why": why} for why, count in repair_plan.left_out.most_common()],
        "fields": [("kind", kind), *([("id", pk)] if pk else [])],
        "cancel_url": f"{reverse('drift')}?kind={kind}",
    }
    return render(request, "enrichment/drift/drift_plan.html", {"plan": shown})


@screen(MEND, "POST")
def mend(request: HttpRequest) -> HttpResponse:
    """Ask for it; a tick does it."""
    kind, pk = _kind(request.POST.get("kind", "")), parse_int(request.POST.get("id", ""))
    if kind is None:
        return redirect("drift")
    asked = mending.request_repairs(mending.plan_repairs(kind, pk), by=request.user)
    if asked:
        messages.success(request, f"Fixing {asked:,}. Each disappears from this list when done.")
    else:
        messages.info(request, "Nothing left to fix.")
    return redirect(f"{reverse('drift')}?kind={kind}")
