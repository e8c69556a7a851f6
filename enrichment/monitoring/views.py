"""Alerts: what should somebody know about now?"""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import NoReverseMatch, reverse

from enrichment import alerts
from enrichment.models import Alert, AlertKind, Severity
from enrichment.monitoring.open_issues import open_issues
from enrichment.vendors import registry
from swarm_admin.core.htmx import HtmxRequest
from swarm_admin.core.screens import screen

VIEW = "enrichment.view_lead"
HANDLE = "enrichment.handle_alert"
SHOWN = 200
OVER_SHOWN = 50
# kind → (name of the screen where something can be done, what it is called)
PLACES: dict[str, tuple[str, str]] = {
    AlertKind.KEY_REFUSED: ("connections", "Connections"),
    AlertKind.QUOTA: ("connections", "Connections"),
    AlertKind.CREDITS: ("connections", "Connections"),
    AlertKind.NO_ANSWER: ("connections", "Connections"),
    AlertKind.TABLE_FULL: ("connections", "Connections"),
    AlertKind.HOLD: ("connections", "Connections"),
    AlertKind.RATE_LIMITED: ("limits", "Vendor limits"),
    AlertKind.WEBHOOK_BACKLOG: ("webhooks", "Webhooks"),
    AlertKind.OVERDUE: ("leads", "Leads"),
    AlertKind.NEEDS_PERSON: ("failures", "Failures"),
    AlertKind.DRIFT: ("drift", "Sync with Clay"),
    AlertKind.SOURCE: ("connections", "Connections"),
    AlertKind.RUNWAY: ("drift", "Sync with Clay"),
    AlertKind.ROWS_NOT_KEPT: ("drift", "Sync with Clay"),
    AlertKind.COMPLIANCE: ("requests", "Requests"),
}
LOOKS = {
    Severity.CRITICAL: ("alert-octagon", "red"),
    Severity.WARNING: ("alert-triangle", "amber"),
    Severity.INFO: ("info-circle", "blue"),
}


@screen(VIEW)
def show(request: HtmxRequest) -> HttpResponse:
    """The page, or for htmx its live part."""
    opened = list(alerts.open_alerts(request.user).select_related("acknowledged_by")[:SHOWN])
    closed = alerts.visible_to(request.user).filter(closed_at__isnull=False).select_related("closed_by")
    over = list(closed.order_by("-closed_at")[:OVER_SHOWN])
    for alert in (*opened, *over):
        _dress(alert)
    context = {
        "opened": opened,
        "over": over,
        "counts": alerts.count_open(request.user),
        "critical": sum(alert.severity == Severity.CRITICAL for alert in opened),
        "troubles": open_issues(request.user),
        "why_not": why_not(request.user),
    }
    return render(
        request, "enrichment/monitoring/_alerts.html" if request.htmx else "enrichment/monitoring/alerts.html", context
    )


def why_not(user: object) -> str:
    """Why this person may not acknowledge or close; "" if they may."""
    if user.has_perm(HANDLE):  # type: ignore[attr-defined]
        return ""
    return "You don't have permission to handle alerts. Ask an admin."


def _dress(alert: Alert) -> None:
    """How it looks and where something can be done about it."""
    alert.icon, alert.colour = LOOKS[Severity(alert.severity)]  # type: ignore[attr-defined]
    system = registry.name_of(alert.system)
    # "Leads overdue in Clay" names its system already.
    alert.system_name = "" if system in alert.get_kind_display() else system  # type: ignore[attr-defined]
    name, label = PLACES.get(alert.kind, ("", ""))
    try:
        alert.place, alert.place_name = reverse(name), label  # type: ignore[attr-defined]
    except NoReverseMatch:
        alert.place, alert.place_name = "", ""  # type: ignore[attr-defined]


@screen(VIEW)
def bell(request: HttpRequest, place: str) -> HttpResponse:
    """The bell of the frame, for polling; `place` tells its two copies apart."""
    return render(request, "components/_bell.html", {"place": place})


@screen(HANDLE, "POST")
def acknowledge(request: HttpRequest, pk: int) -> HttpResponse:
    if alerts.acknowledge(get_object_or_404(alerts.visible_to(request.user), pk=pk), by=request.user):
        messages.success(request, "Alert acknowledged. No more reminders.")
    else:
        messages.info(request, "Already acknowledged or closed.")
    return redirect("alerts")


@screen(HANDLE, "POST")
def close(request: HttpRequest, pk: int) -> HttpResponse:
    if alerts.close_by_hand(get_object_or_404(alerts.visible_to(request.user), pk=pk), by=request.user):
        messages.success(request, "Alert closed. If the cause persists, a new alert opens.")
    else:
        messages.info(request, "Already closed.")
    return redirect("alerts")
