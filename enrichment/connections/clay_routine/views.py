"""Connect a routine of Clay's public API, step by step."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from enrichment.clay_routines import setup as routine_setup
from enrichment.connections.clay_routine import live_test, mapping_form
from enrichment.connections.clay_routine.mapping_form import MappingForm
from enrichment.connections.rights import MANAGE, NO_RIGHT, VIEW
from enrichment.documents.waterfall import active_waterfall
from enrichment.models import Channel, Verdict, WebhookDelivery
from enrichment.vendor_pauses import pauses
from enrichment.vendors import connections
from enrichment.vendors.clay.chosen import connector_class
from enrichment.vendors.clay.routine import Routine
from enrichment.vendors.errors import Recovery, VendorError
from enrichment.waterfall.prices import price_of
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.screens import screen

PAGE = "enrichment/connections/clay_routine/connect_clay_routine.html"


@screen(VIEW)
def show(request: HttpRequest) -> HttpResponse:
    """The guide, with everything as it stands."""
    return _page(request)


@screen(MANAGE, "POST")
def check_key(request: HttpRequest) -> HttpResponse:
    """One small read with the key: whose workspace is it?"""
    try:
        workspace = connections.routine().workspace()
    except VendorError as error:
        words = live_test.REFUSED.get(error.status or 0) or f"Clay returned an error: {error}. {error.advice}"
        messages.error(request, words)
        return _back("key")
    if workspace and workspace != settings.CLAY_WORKSPACE_ID:
        messages.warning(request, f"The key works, but is of workspace {workspace}, not {settings.CLAY_WORKSPACE_ID}.")
    else:
        messages.success(request, f"The key works{f': workspace {workspace}' if workspace else ''}.")
    return _back("key")


@screen(MANAGE, "POST")
def save(request: HttpRequest) -> HttpResponse:
    """The routine's id and mapping."""
    form = MappingForm.posted(request.POST.dict())
    try:
        form.check()
        routine_setup.save(
            routine=form.routine_id, inputs=form.given_inputs(), outputs=form.given_outputs(), by=request.user
        )
    except ActionNotAllowed as wrong:
        return _page(request, form=form.with_empty_lines(), mapping_error=str(wrong), status=422)
    hold = pauses.open_pause("clay")
    if hold and hold.reason == Recovery.CHECK_ADDRESS:
        pauses.end_pause(hold, by=request.user, reason="the routine was saved")
    messages.success(request, "Saved. Next: run it on one lead.")
    return _back("test")


@screen(MANAGE, "POST")
def start_test(request: HttpRequest) -> HttpResponse:
    """A run of one lead, charged like any."""
    given = request.POST.get("linkedin_url", "")
    try:
        live_test.start(live_test.find_lead(given), by=request.user)
    except ActionNotAllowed as impossible:
        return _page(request, test_error=str(impossible), test_url=given[:300], status=422)
    return _back("test")


@screen(VIEW, fragments=True)
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """How far a test is: the part of the page that polls."""
    attempt = live_test.of(pk)
    if attempt is None:
        raise Http404
    context = {"progress": live_test.progress_of(attempt)}
    return render(request, "enrichment/connections/clay_routine/_routine_test.html", context)


def _page(request: HttpRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    setup = routine_setup.current()
    last = live_test.last_test()
    pointers = WebhookDelivery.objects.filter(channel=Channel.RUN)
    context = {
        "why_not": "" if request.user.has_perm(MANAGE) else NO_RIGHT,
        "in_use": connector_class() is Routine,
        "has_key": bool(str(settings.CLAY_API_KEY).strip()),
        "key_header": settings.CLAY_PUBLIC_API_HEADER,
        "routine_id": setup.routine_id,
        "is_by_environment": bool(str(settings.CLAY_ROUTINE_ID).strip()),
        "form": MappingForm.of(setup),
        "input_choices": mapping_form.input_choices(),
        "output_choices": mapping_form.output_choices(),
        "webhook_url": f"{settings.BASE_URL}{reverse('clay_run')}",
        "reaches_us": (urlsplit(settings.BASE_URL).hostname or "") not in ("127.0.0.1", "localhost", "::1"),
        "has_secret": bool(settings.CLAY_SIGNING_SECRET),
        "webhook_id": settings.CLAY_ROUTINE_WEBHOOK_ID,
        "last_event": pointers.order_by("-received_at").first(),
        "last_run": pointers.filter(verdict__in=(Verdict.ACCEPTED, Verdict.DUPLICATE)).order_by("-received_at").first(),
        "price": price_of(active_waterfall()),
        "progress": live_test.progress_of(last) if last else None,
        **more,
    }
    return render(request, PAGE, context, status=status)


def _back(part: str) -> HttpResponse:
    return redirect(f"{reverse('connect_clay_routine')}#{part}")
