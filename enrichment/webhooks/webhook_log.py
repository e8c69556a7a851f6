"""Webhooks: what did Clay tell us?"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from enrichment.deliveries.lists import list_context
from enrichment.deliveries.payload_display import body_text, value_text
from enrichment.leads import unmask
from enrichment.models import Channel, Verdict, WebhookDelivery
from enrichment.pipeline.failure_advice import advice_of
from enrichment.states import DeliveryStatus
from enrichment.webhooks import replay as replaying
from enrichment.webhooks.webhook_lists import WebhookList, webhook_figures
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.csv_export import attachment, dated_name
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.htmx import HtmxRequest
from swarm_admin.core.masking import may_see
from swarm_admin.core.screens import screen

VIEW = "enrichment.view_lead"
RETRY = "enrichment.retry_lead"
NO_RIGHT = "You don't have permission to replay webhooks. Ask an admin for permission to retry enrichments."

WHY: dict[str, str] = {
    Verdict.ACCEPTED: "The row was fetched from Clay and applied to the lead.",
    Verdict.UNCHANGED: "The row was fetched from Clay. The lead was already up to date.",
    Verdict.DUPLICATE: "An identical body was already received.",
    Verdict.STALE: "A newer event for this lead was already applied, so this one was skipped.",
    Verdict.UNKNOWN_ROW: "No lead belongs to this row.",
    Verdict.UNKNOWN_EVENT: "This type of event is ignored.",
    Verdict.MALFORMED: "The body isn't a readable event.",
    Verdict.SUPPRESSED: "The person is suppressed, or it names too many people to check. Nothing was kept.",
    Verdict.RESTRICTED: "This person's data may only be stored, so it was stored and not applied.",
    Verdict.ERASED: "The person was erased before it was processed. Nothing was applied.",
}
# Of those that carry the row themselves.
WHY_ROW: dict[str, str] = {
    Verdict.ACCEPTED: "The row in this webhook was applied to the lead.",
    Verdict.UNCHANGED: "The lead already had the values of the row in this webhook.",
    Verdict.STALE: "A newer result of this lead was already applied, so this one was skipped.",
    Verdict.UNKNOWN_ROW: "No lead was submitted under this reference.",
    Verdict.MALFORMED: "The body isn't a readable row.",
    Verdict.TEST: "A test row. It belongs to no lead.",
}
WHY_RUN: dict[str, str] = {
    Verdict.ACCEPTED: "The run's results were fetched from Clay and applied to its leads.",
    Verdict.UNCHANGED: "The run's results were fetched from Clay. Its leads were already up to date.",
    Verdict.UNKNOWN_ROW: "We started no run with this ID.",
    Verdict.TEST: "A test event of Clay, without a run.",
}
WHY_BY_CHANNEL = {Channel.ROW: WHY_ROW, Channel.RUN: WHY_RUN}
ROW_GONE = "Clay no longer has this lead's row."
ERASED_LATER = "The person was erased later. The content, row and lead are no longer kept."
EXPORTED = (
    "Delivery", "Received", "Event", "Row", "Lead", "Status", "Verdict", "Changed", "Error", "Erased later",
)  # fmt: skip
ERRORS = {"internal_error": "Not applied because of an internal error. See the log."}


@screen(VIEW, fragments=True)
def show(request: HtmxRequest) -> HttpResponse:
    """The page, or for htmx its list."""
    wanted = WebhookList(request.GET)
    live = "live" in request.GET  # the rows ask again
    context = list_context(wanted, "webhooks", "webhooks") | {"counted": wanted.count() if live else None}
    if not request.htmx:
        context["figures"] = webhook_figures()
    template = "enrichment/webhooks/_webhook_table.html" if request.htmx else "enrichment/webhooks/webhooks.html"
    response = render(request, template, context)
    if request.htmx and not live:  # a filter
        response["HX-Push-Url"] = f"{reverse('webhooks')}?{wanted.query}" if wanted.query else reverse("webhooks")
    return response


@screen(VIEW)
def figures(request: HttpRequest) -> HttpResponse:
    """The answer at the top, for polling."""
    return render(request, "enrichment/webhooks/_webhook_figures.html", {"figures": webhook_figures()})


@screen(VIEW)
def count(request: HttpRequest) -> HttpResponse:
    """The number of rows of a list, fetched after the page so that it waits for no count."""
    return render(request, "enrichment/deliveries/_delivery_count.html", {"count": WebhookList(request.GET).count()})


@screen(VIEW, "POST")
def export(request: HttpRequest) -> StreamingHttpResponse:
    """The list as CSV, without headers and bodies."""
    wanted = WebhookList(QueryDict(request.POST.get("query", "")))
    with transaction.atomic():
        audit.record(
            Verb.EXPORT_WEBHOOKS,
            by=request.user,
            object_type="webhookdelivery",
            counts={"rows": wanted.count()},
        )
    return attachment(EXPORTED, _rows(wanted), dated_name("webhooks"))


def _rows(wanted: WebhookList) -> Iterator[Sequence[object]]:
    for each in wanted.ordered().iterator(chunk_size=2_000):
        yield (
            each.pk,
            each.received_at.isoformat(),
            each.event,
            each.row_id,
            each.lead_id,
            each.status,
            each.verdict,
            ", ".join(map(str, each.changed_fields)),
            each.error_kind,
            each.erased_at and each.erased_at.isoformat(),
        )


@screen(VIEW)
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything about one delivery; its body masked until it is asked for."""
    return render(request, "enrichment/webhooks/webhook.html", _detail_context(request, pk))


@screen(VIEW)
def drawer(request: HttpRequest, pk: int) -> HttpResponse:
    """The same beside the list."""
    return render(request, "enrichment/webhooks/_webhook_drawer.html", _detail_context(request, pk))


@screen(VIEW, "POST")
def body(request: HtmxRequest, pk: int) -> HttpResponse:
    """The raw body unmasked, for those who may see it; every look is audited."""
    delivery = get_object_or_404(WebhookDelivery.objects.select_related("lead"), pk=pk)
    if not _may_read_body(request, delivery):
        messages.error(request, "You don't have permission to see personal data. Ask an admin.")
        return redirect("webhook", pk=pk)
    with transaction.atomic():
        audit.record(Verb.VIEW_WEBHOOK_BODY, by=request.user, on=delivery)
    context = {**_detail_context(request, pk), "body": body_text(bytes(delivery.body), unmasked=True), "unmasked": True}
    template = "enrichment/webhooks/_webhook_body.html" if request.htmx else "enrichment/webhooks/webhook.html"
    return render(request, template, context)


@screen(RETRY, "GET", "POST")
def replay(request: HttpRequest, pk: int) -> HttpResponse:
    """GET: what a replay would do, by one read at Clay. POST: do it."""
    delivery = get_object_or_404(WebhookDelivery.objects.select_related("lead"), pk=pk)
    try:
        if request.method == "POST":
            replaying.replay(delivery, by=request.user)
            messages.success(request, "Replaying the webhook.")
            return redirect("webhook", pk=pk)
        replaying.check_can_replay(delivery)
    except ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
        return redirect("webhook", pk=pk)
    forecast = replaying.forecast(delivery)
    unmasked = may_see(request.user) or bool(forecast.lead and unmask.is_unmasked(request, forecast.lead))
    if unmasked and forecast.lead:
        unmask.audit_view(request.user, forecast.lead)
    context = {
        "delivery": delivery,
        "forecast": forecast,
        "changes": [_change_row(change, unmasked) for change in forecast.changes],
        "conflicts": [_change_row(change, unmasked) for change in forecast.conflicts],
    }
    return render(request, "enrichment/webhooks/webhook_replay.html", context)


def _change_row(change: Any, unmasked: bool) -> dict[str, str]:
    before, after = (value_text(change.field, value, unmasked=unmasked) for value in (change.before, change.after))
    # Two masked values may look alike; that they differ is not hidden.
    return {"field": change.field, "before": before, "after": after, "reason": change.reason}


def _may_read_body(request: HttpRequest, delivery: WebhookDelivery) -> bool:
    return may_see(request.user) or bool(delivery.lead and unmask.is_unmasked(request, delivery.lead))


def _detail_context(request: HttpRequest, pk: int) -> dict[str, Any]:
    delivery = get_object_or_404(WebhookDelivery.objects.select_related("lead"), pk=pk)
    return {
        "delivery": delivery,
        "why": _why_failed(delivery),
        "erased_later": ERASED_LATER if delivery.erased_at and delivery.verdict != Verdict.ERASED else "",
        "unread": delivery.status in (DeliveryStatus.RECEIVED, DeliveryStatus.PROCESSING),
        "body": body_text(bytes(delivery.body), unmasked=False),
        "size": len(delivery.body),
        "unmasked": False,
        "may_unmask": _may_read_body(request, delivery),
        "why_no_replay": _why_no_replay(request, delivery),
    }


def _why_failed(delivery: WebhookDelivery) -> str:
    if sentence := ERRORS.get(delivery.error_kind) or (delivery.error_kind and advice_of(delivery.error_kind)):
        return sentence
    if own := WHY_BY_CHANNEL.get(Channel(delivery.channel), {}).get(delivery.verdict):
        return own
    if delivery.verdict == Verdict.UNKNOWN_ROW and delivery.lead_id:
        return ROW_GONE
    if delivery.verdict == Verdict.UNKNOWN_ROW and delivery.erased_at:
        return "No lead belonged to this row, or Clay no longer had it."
    return WHY.get(delivery.verdict, "")


def _why_no_replay(request: HttpRequest, delivery: WebhookDelivery) -> str:
    if not request.user.has_perm(RETRY):
        return NO_RIGHT
    try:
        replaying.check_can_replay(delivery)
    except ActionNotAllowed as impossible:
        return str(impossible)
    return ""
