"""What the waterfalls cost and bring, the draft beside what is published, and the cheapest order."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from enrichment import versions
from enrichment.documents.waterfall import WaterfallDocument
from enrichment.models import WaterfallVersion
from enrichment.waterfall.appraisal import Appraisals, WaterfallAppraisal, appraise
from enrichment.waterfall.provider_stats import ProviderStats, Segment, provider_stats
from enrichment.waterfall.views.waterfall import EDIT, VIEW
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.htmx import HtmxRequest
from swarm_admin.core.screens import screen

BASES = {"observed": "Observed rates", "tabled": "Published accuracy"}
SEGMENTS = {
    Segment.ALL: "All leads",
    Segment.SIZE: "Company size",
    Segment.COUNTRY: "Country",
    Segment.SOURCE: "Source",
}


@screen(VIEW)
def show(request: HtmxRequest) -> HttpResponse:
    """The panel; a page of its own where it is opened without htmx."""
    basis = request.GET.get("basis", "observed")
    basis = basis if basis in BASES else "observed"
    chosen = request.GET.get("segment", "")
    segment = Segment(chosen) if chosen in list(Segment) else Segment.ALL
    seen = provider_stats(segment) if basis == "observed" else None
    values = seen.values() if seen else []
    value = request.GET.get("value") or None
    value = value if segment != Segment.ALL and value in values else None
    live = versions.published(WaterfallVersion)
    draft = versions.draft_of(WaterfallVersion)
    context = {
        **_compared(live, draft, seen, value),
        "live_version": live,
        "draft_version": draft,
        "basis": basis,
        "bases": BASES.items(),
        "segment": segment,
        "segments": [(str(key), label) for key, label in SEGMENTS.items()],
        "value": value or "",
        "values": values if segment != Segment.ALL else [],
        "may_edit": request.user.has_perm(EDIT),
        "section": "editor",
    }
    template = (
        "enrichment/waterfall/_waterfall_economics.html"
        if request.htmx
        else "enrichment/waterfall/waterfall_economics.html"
    )
    return render(request, template, context)


def _compared(
    live: WaterfallVersion, draft: WaterfallVersion | None, seen: ProviderStats | None, value: str | None
) -> dict[str, Any]:
    now = _appraised(live, seen, value)
    then = _appraised(draft, seen, value) if draft else None
    return {
        "live": now,
        "draft": then,
        "shown": then or now,
        "falls": [_pair(fall, then.by_kind[fall.kind] if then else None) for fall in now.falls],
    }


def _appraised(version: WaterfallVersion, seen: ProviderStats | None, value: str | None) -> Appraisals:
    return appraise(WaterfallDocument.model_validate(version.document), seen, value)


def _pair(live: WaterfallAppraisal, draft: WaterfallAppraisal | None) -> dict[str, Any]:
    """One waterfall, live and draft; what is said at the margin is said of the draft where there is one."""
    shown = draft or live
    margins = {margin.slug: margin for margin in shown.margins}
    names = {step.slug: step.name for step in shown.outcome.steps}
    return {
        "live": live,
        "draft": draft,
        "shown": shown,
        "steps": [(step, margins[step.slug]) for step in shown.outcome.steps],
        "order": ",".join(shown.suggestion.order),
        "order_words": " → ".join(names[slug] for slug in shown.suggestion.order),
        "better": shown.suggestion.saving > 0,
    }


@screen(EDIT, "POST")
def apply_order(request: HttpRequest) -> HttpResponse:
    """Put a suggested order into the draft; it is the same providers, and nothing else changes."""
    kind, order = request.POST.get("kind", ""), request.POST.get("order", "").split(",")
    version = versions.draft_of(WaterfallVersion) or versions.published(WaterfallVersion)
    document = WaterfallDocument.model_validate(version.document).model_dump()
    waterfall = document.get(f"waterfall_{kind}")
    if waterfall is None or sorted(order) != sorted(waterfall["providers"]):
        messages.error(request, "The waterfall's providers have changed. Review the suggestion again.")
        return redirect("waterfall")
    waterfall["providers"] = order
    try:
        versions.save_edit(WaterfallVersion, document, versions.EditStart.posted(request.POST), by=request.user)
    except ActionNotAllowed as impossible:
        messages.error(request, f"{impossible} Review the suggestion again.")
    else:
        messages.success(request, "Order applied to the draft.")
    return redirect("waterfall")
