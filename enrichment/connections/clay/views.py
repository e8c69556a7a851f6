"""Connect Clay: which one do you have? And what holds for all of them."""

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from enrichment.clay_routines.setup import routine_id
from enrichment.connections import health, setup
from enrichment.connections.clay import choosing, overdue, switching
from enrichment.connections.rights import MANAGE, VIEW, check_can_manage
from enrichment.models import Connection
from enrichment.vendors.clay.chosen import CONNECTORS, connector_slug
from enrichment.vendors.clay.table import TABLE_NAME, clay_table
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.screens import screen


@screen(VIEW)
def chooser(request: HttpRequest) -> HttpResponse:
    """The ways to Clay side by side, the one in use marked."""
    cards = choosing.cards()
    context = {
        "cards": cards,
        "lines": [
            (label, [card.lines[row] for card in cards]) for row, (label, _) in enumerate(choosing.LINES.values())
        ],
        "is_chosen_here": choosing.is_chosen_here(),
        "by_environment": CONNECTORS[_by_environment()].name,
        "why_not": check_can_manage(request.user),
    }
    return render(request, "enrichment/connections/clay/connect_clay.html", context)


@screen(MANAGE, "GET", "POST")
def choose(request: HttpRequest) -> HttpResponse:
    """What would become of what is on its way; then, the choice."""
    slug = request.POST.get("connector", "") if request.method == "POST" else request.GET.get("connector", "")
    to = slug or _by_environment()
    try:
        switching.check_can_choose(slug)
    except ActionNotAllowed as impossible:
        raise Http404 from impossible
    if request.method == "POST":
        switching.choose(slug, by=request.user)
        messages.success(request, f"{CONNECTORS[to].name} is in use now.")
        return redirect(choosing.card(to).guide if slug else "connect_clay")
    found = switching.on_its_way()
    context = {
        "card": choosing.card(to),
        "slug": slug,
        "before": CONNECTORS[connector_slug()].name,
        "lines": switching.consequences(found, to),
        "waits_for_routine": to == "routine" and not routine_id(),
        "waits_for_source": to == "table" and not health.takes_rows(),
    }
    return render(request, "enrichment/connections/clay/connect_clay_choose.html", context)


@screen(VIEW)
def rows(request: HttpRequest) -> HttpResponse:
    """The set-up of an API for rows: made by call."""
    context = {
        "card": choosing.card("rows-api"),
        "connection": Connection.objects.filter(system="clay").first(),
        "clay_table": clay_table(),
        "table_name": TABLE_NAME,
        "webhook_url": setup.webhook_url(),
        "why_not": check_can_manage(request.user),
        "why_not_yet": "" if connector_slug() == "rows-api" else "Use this connector first.",
    }
    return render(request, "enrichment/connections/clay/connect_clay_rows.html", context)


@screen(MANAGE, "POST")
def set_overdue(request: HttpRequest) -> HttpResponse:
    """After how long a lead without a result is overdue, and what then."""
    form = overdue.OverdueForm(request.POST)
    if form.is_valid():
        overdue.save(form.cleaned_data, by=request.user)
        messages.success(request, "Saved. Leads that are waiting already follow it too.")
    else:
        messages.error(request, " ".join(f"{form[name].label}: {errors[0]}" for name, errors in form.errors.items()))
    return redirect(f"{reverse('connect_clay_table')}#overdue")


def _by_environment() -> str:
    return str(settings.CLAY_CONNECTOR)
