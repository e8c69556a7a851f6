"""Deliveries: what did we hand over?"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib import messages
from django.core.cache import cache
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from enrichment.deliveries import redelivery
from enrichment.deliveries.delivery_lists import HandoverList, handover_figures
from enrichment.deliveries.lists import list_context
from enrichment.deliveries.payload_display import value_text
from enrichment.deliveries.retry_job import DELIVERIES
from enrichment.estimates.estimating import Work, estimate
from enrichment.jobs import jobs
from enrichment.leads import unmask
from enrichment.models import Handover
from enrichment.models.handover import LEFT_OUT, System
from enrichment.models.job import JobKind
from enrichment.models.lead_queries import NAMED_SUPPRESSED
from enrichment.pipeline import compare
from enrichment.pipeline.deliver.redeliver import RETRIED, sort_for_retry, why_not_retryable
from enrichment.pipeline.failure_advice import advice_of
from enrichment.states import HandoverStatus
from enrichment.vendors.errors import VendorError
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.csv_export import attachment, dated_name
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.htmx import HtmxRequest
from swarm_admin.core.masking import mask, may_see
from swarm_admin.core.screens import screen

VIEW = "enrichment.view_lead"
DELIVER = "enrichment.deliver_lead"
EXPORTED = ("Delivery", "Lead", "System", "Status", "Record", "Mismatch", "Tries", "Error", "Finished")
NOTHING_TO_RETRY = "Nothing to retry."
NO_RIGHT = "You don't have permission to deliver leads. Ask an admin."
HOUR = 3600
WITHHELD = {
    "suppressed": "This person is suppressed. Their data isn't sent anywhere.",
    "restricted": "This person's data may only be stored. It isn't sent anywhere.",
    "not_wanted": "The lead was no longer eligible: no e-mail or phone, or not in a delivered tier.",
    NAMED_SUPPRESSED: (
        "Clay returned data of a suppressed person. Delivery is blocked until you decide on the lead's page "
        "whether the lead is that person."
    ),
    LEFT_OUT: "Someone decided not to deliver this lead. See the contact found on the lead's page.",
}
WAITS = {
    "retryable": "Temporary failure. Retrying automatically.",
    "misconfigured": "The system is paused. Delivery continues when it resumes.",
    "paused": "The system is paused. Delivery continues when it resumes.",
}


@screen(VIEW, fragments=True)
def show(request: HtmxRequest) -> HttpResponse:
    """The page, or for htmx its list."""
    wanted = HandoverList(request.GET)
    live = "live" in request.GET  # the rows ask again
    context = list_context(wanted, "deliveries", "deliveries") | {"counted": wanted.count() if live else None}
    unmasked = may_see(request.user)
    rows = context["rows"]
    for handover in rows:
        handover.lead_name = _lead_name(handover, unmasked)
    if rows and unmasked and cache.add(f"viewed-deliveries:{request.user.pk}", 1, HOUR):
        audit.record(Verb.VIEW_DELIVERIES, by=request.user, object_type="handover", counts={"rows": len(rows)})
    context["why_no_retry"] = _why_no_bulk(request, wanted)
    if not request.htmx:
        context["figures"] = _figures()
    template = "enrichment/deliveries/_delivery_table.html" if request.htmx else "enrichment/deliveries/deliveries.html"
    response = render(request, template, context)
    if request.htmx and not live:  # a filter
        response["HX-Push-Url"] = _address(wanted)
    return response


def _address(wanted: HandoverList) -> str:
    return f"{reverse('deliveries')}?{wanted.query}" if wanted.query else reverse("deliveries")


def _figures() -> list[dict[str, Any]]:
    counted = handover_figures()
    return [{"system": system, "name": name, **counted[system]} for system, name in System.choices]


def _why_no_bulk(request: HttpRequest, wanted: HandoverList) -> str:
    if not request.user.has_perm(DELIVER):
        return NO_RIGHT
    status = wanted.chosen.get("status")
    if status is not None and status not in RETRIED:
        return "Only failed and withheld deliveries can be retried. Filter for them first."
    return ""


@screen(VIEW)
def figures(request: HttpRequest) -> HttpResponse:
    """The answer at the top, for polling."""
    return render(request, "enrichment/deliveries/_delivery_figures.html", {"figures": _figures()})


@screen(VIEW)
def count(request: HttpRequest) -> HttpResponse:
    """The number of rows of a list, fetched after the page so that it waits for no count."""
    return render(request, "enrichment/deliveries/_delivery_count.html", {"count": HandoverList(request.GET).count()})


@screen(VIEW, "POST")
def export(request: HttpRequest) -> StreamingHttpResponse:
    """The list as CSV: numbers of leads, no names."""
    wanted = HandoverList(QueryDict(request.POST.get("query", "")))
    with transaction.atomic():
        audit.record(Verb.EXPORT_DELIVERIES, by=request.user, object_type="handover", counts={"rows": wanted.count()})
    return attachment(EXPORTED, _rows(wanted), dated_name("deliveries"))


def _rows(wanted: HandoverList) -> Iterator[Sequence[object]]:
    for each in wanted.ordered().iterator(chunk_size=2_000):
        yield (
            each.pk,
            each.lead_id,
            each.system,
            each.status,
            each.external_id,
            ", ".join(map(str, each.differences)),
            each.tries,
            each.error_kind,
            each.finished_at and each.finished_at.isoformat(),
        )


@screen(VIEW)
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything about one delivery."""
    return render(request, "enrichment/deliveries/delivery.html", _detail_context(request, pk))


@screen(VIEW)
def drawer(request: HttpRequest, pk: int) -> HttpResponse:
    """The same beside the list."""
    return render(request, "enrichment/deliveries/_delivery_drawer.html", _detail_context(request, pk))


@screen(DELIVER, "POST")
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Plan one failed or withheld delivery again."""
    handover = get_object_or_404(Handover, pk=pk)
    try:
        redelivery.retry_deliveries([handover], by=request.user)
    except ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
    else:
        messages.success(request, "Delivery starting.")
    return redirect("delivery", pk=pk)


@screen(DELIVER, "POST")
def read_back(request: HtmxRequest, pk: int) -> HttpResponse:
    """The record as it is at the other side now; audited."""
    handover = get_object_or_404(Handover.objects.select_related("lead"), pk=pk)
    context = _detail_context(request, pk)
    try:
        sides = redelivery.read_back(handover, by=request.user)
    except ActionNotAllowed as impossible:
        context["problem"] = str(impossible)
    except VendorError as error:
        context["problem"] = f"{handover.get_system_display()} returned an error: {error}. {error.advice}"
    else:
        context |= {"was_read": True, "gone": sides is None}
        context["sides"] = [_compared_row(side, context["unmasked"]) for side in sides or ()]
        context["differing"] = sum(not side.same for side in sides or ())
    template = "enrichment/deliveries/_delivery_sides.html" if request.htmx else "enrichment/deliveries/delivery.html"
    return render(request, template, context)


@screen(DELIVER, "POST")
def retry_plan(request: HttpRequest) -> HttpResponse:
    """How many of the list can be retried, how long it takes, and who is left out and why."""
    wanted = HandoverList(QueryDict(request.POST.get("query", "")))
    handovers, beyond = redelivery.candidates(wanted.rows())
    selection = sort_for_retry(handovers)
    if beyond:
        selection.left_out[f"One retry covers up to {redelivery.MOST:,}. Retry the others afterwards."] += beyond
    systems = {system: sum(h.system == system for h in selection.ready) for system in System.values}
    number = len(selection.ready)
    time = estimate(Work(deliveries=systems)) if number else None
    plan = {
        "title": "Retry deliveries",
        "action": reverse("deliveries_retry_run"),
        "confirm": "Start retry",
        "count": number,
        "noun": "delivery" if number == 1 else "deliveries",
        "cost": None,
        "duration": time.words if time else "",
        "duration_note": time.note if time else "",
        "nothing": NOTHING_TO_RETRY,
        "left_out": [{"count": n, "why": _skipped_sentence(n, why)} for why, n in selection.left_out.most_common()],
        "fields": [("query", wanted.query)],
        "cancel_url": _address(wanted),
    }
    return render(request, "enrichment/deliveries/deliveries_retry.html", {"plan": plan})


def _skipped_sentence(count: int, why: str) -> str:
    return f"{'delivery' if count == 1 else 'deliveries'}: {why}"


@screen(DELIVER, "POST")
def retry_run(request: HttpRequest) -> HttpResponse:
    """Start the job; what cannot be retried any more is left out."""
    wanted = HandoverList(QueryDict(request.POST.get("query", "")))
    handovers, _ = redelivery.candidates(wanted.rows())
    selection = sort_for_retry(handovers)
    rows = [(each.pk, each.lead_id) for each in selection.ready]
    plan = {"what": DELIVERIES, "count": len(rows)}
    try:
        job = jobs.start(JobKind.RETRY_DELIVERIES, rows, plan=plan, by=request.user)
    except ActionNotAllowed as impossible:
        messages.error(request, " ".join(selection.left_out) or str(impossible))
        return redirect(_address(wanted))
    return redirect("job", pk=job.pk)


def _lead_name(handover: Handover, unmasked: bool) -> str:
    name = handover.lead.full_name
    return (name if unmasked else mask(name, "name")) or f"Lead {handover.lead_id}"


def _detail_context(request: HttpRequest, pk: int) -> dict[str, Any]:
    handover = get_object_or_404(Handover.objects.select_related("lead"), pk=pk)
    unmasked = unmask.is_unmasked(request, handover.lead)
    if unmasked:
        unmask.audit_view(request.user, handover.lead)
    sent = compare.sent_values(handover.lead, handover.system)
    return {
        "handover": handover,
        "unmasked": unmasked,
        "name": _lead_name(handover, unmasked),
        "advice": _advice_on_error(handover),
        "differences": [
            {"field": name, "sent": value_text(name, sent.get(name), unmasked=unmasked)}
            for name in handover.differences
        ],
        "why_no_retry": _why_no_retry(request, handover),
        "why_no_read_back": _why_no_read_back(request, handover),
        "is_over": handover.status in RETRIED,
    }


def _compared_row(side: redelivery.ComparedField, unmasked: bool) -> dict[str, Any]:
    sent, stored = (value_text(side.name, value, unmasked=unmasked) for value in (side.sent, side.stored))
    return {"field": side.name, "sent": sent, "stored": stored, "same": side.same}


def _advice_on_error(handover: Handover) -> str:
    if handover.status == HandoverStatus.WITHHELD:
        return WITHHELD.get(handover.error_kind, "")
    kind = handover.error_kind
    return WAITS.get(kind) or advice_of(kind)


def _why_no_retry(request: HttpRequest, handover: Handover) -> str:
    return why_not_retryable(handover) if request.user.has_perm(DELIVER) else NO_RIGHT


def _why_no_read_back(request: HttpRequest, handover: Handover) -> str:
    if not request.user.has_perm(DELIVER):
        return NO_RIGHT
    try:
        redelivery.check_can_read_back(handover)
    except ActionNotAllowed as impossible:
        return str(impossible)
    return ""
