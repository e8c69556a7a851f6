"""Retention: what ends when, and is it gone?"""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from gdpr import stores
from gdpr.models import Purge, PurgeRecord
from gdpr.retention import retention
from gdpr.states import PurgeStatus
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.numbers import parse_int
from swarm_admin.core.screens import screen

VIEW = "gdpr.view_retention"
HANDLE = "gdpr.handle_request"
PAGE = 50
WEEKS = {"7": 7, "30": 30}


@screen(VIEW, fragments=True)
def show(request: HttpRequest) -> HttpResponse:
    """The coming days and what is being removed; for htmx the live part."""
    status = request.GET.get("status", "")
    found = Purge.objects.order_by("-id").prefetch_related("records")
    found = found.filter(status=status) if status in PurgeStatus.values else found
    days = WEEKS.get(request.GET.get("days", ""), 7)
    coming = retention.expiring_by_day(days)
    page = Paginator(found, PAGE).get_page(parse_int(request.GET.get("page")))
    context = {
        "page": page,
        "removals": [(purge, _labelled(purge)) for purge in page],
        "status": status,
        "statuses": PurgeStatus.choices,
        "figures": retention.figures(),
        "coming": coming,
        "days": days,
        "ending": sum(count for _, count in coming),
        "most": max((count for _, count in coming), default=0),
        "why_not": ""
        if request.user.has_perm(HANDLE)
        else "You don't have permission to remove records. Ask a compliance officer.",
    }
    template = "gdpr/retention/_retention.html" if request.htmx else "gdpr/retention/retention.html"  # type: ignore[attr-defined]
    return render(request, template, context)


def _labelled(purge: Purge) -> list[tuple[PurgeRecord, str]]:
    """Its records, each with the name that its system goes by."""
    return [(record, stores.label_of(record.store)) for record in purge.records.all()]


@screen(HANDLE, "POST")
def complete_by_hand(request: HttpRequest, pk: int) -> HttpResponse:
    """An officer removed one record where no call could, and says how that is known."""
    record = get_object_or_404(PurgeRecord, pk=pk)
    try:
        retention.complete_by_hand(record, evidence=request.POST.get("evidence", ""), by=request.user)
    except ActionNotAllowed as why:
        messages.error(request, str(why))
    else:
        messages.success(request, "Marked as removed. The remaining removals continue.")
    return redirect("retention")


@screen(HANDLE, "POST")
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        retention.retry(get_object_or_404(Purge, pk=pk), by=request.user)
    except ActionNotAllowed as why:
        messages.error(request, str(why))
    else:
        messages.success(request, "Retrying now.")
    return redirect("retention")
