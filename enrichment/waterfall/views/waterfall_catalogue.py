"""The catalogue of data providers: who could be asked, at what price?"""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from enrichment.models import ProviderService
from enrichment.waterfall import catalogue_edits, studio
from enrichment.waterfall.views.waterfall import EDIT, VIEW
from swarm_admin.core.screens import screen


@screen(VIEW)
def show(request: HttpRequest) -> HttpResponse:
    """Every provider by waterfall, with what uses it."""
    groups = studio.by_kind()
    services = [service for group in groups.values() for service in group.values()]
    used = catalogue_edits.services_in_use(services)
    context = {
        "groups": [
            {
                "kind": kind,
                "label": next(iter(group.values())).get_waterfall_display(),
                "services": [(service, used.get(service.pk, "")) for service in group.values()],
            }
            for kind in studio.ICONS
            if (group := groups.get(kind))
        ],
        "services": len(services),
        "providers": len({service.provider_id for service in services}),
        "unpriced": sum(service.cost is None for service in services),
        "may_edit": request.user.has_perm(EDIT),
        "why_not_edit": "" if request.user.has_perm(EDIT) else studio.NO_EDIT,
        "section": "catalogue",
    }
    return render(request, "enrichment/waterfall/waterfall_catalogue.html", context)


@screen(EDIT, "GET", "POST")
def service(request: HttpRequest, pk: int) -> HttpResponse:
    """One provider in one waterfall, to change."""
    edited = get_object_or_404(ProviderService.objects.select_related("provider"), pk=pk)
    form = catalogue_edits.ServiceForm(request.POST or None, instance=edited)
    stale = False
    if request.method == "POST" and form.is_valid():
        sent = form.cleaned_data
        try:
            changed = catalogue_edits.change(
                edited, form.values(), hourly_limit=sent["hourly_limit"], began=sent["began"], by=request.user
            )
        except catalogue_edits.Stale as passed_by:
            form, stale = form.over(passed_by), True
        else:
            words = f"{edited.provider.name} saved." if changed else "No changes."
            messages.success(request, words)
            return redirect("waterfall_catalogue")
    context = {"service": edited, "form": form, "stale": stale, "section": "catalogue"}
    return render(request, "enrichment/waterfall/waterfall_service.html", context)


@screen(EDIT, "GET", "POST")
def add(request: HttpRequest) -> HttpResponse:
    """A provider for a waterfall that does not have it yet; it is switched on in the editor."""
    form = catalogue_edits.NewServiceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = catalogue_edits.add(by=request.user, **form.cleaned_data)
        messages.success(request, f"{made.provider.name} added to the catalogue. Enter its cost.")
        return redirect("waterfall_service", pk=made.pk)
    context = {"form": form, "section": "catalogue"}
    return render(request, "enrichment/waterfall/waterfall_service_add.html", context)
