"""The menu of saved views beside the list of leads."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from enrichment.leads import saved
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.screens import screen

VIEW = "enrichment.view_lead"


@screen(VIEW)
def menu(request: HttpRequest) -> HttpResponse:
    """What the menu holds, fetched when it is opened."""
    views = list(saved.visible_views(request.user))
    context = {
        "mine": [view for view in views if view.owner_id == request.user.pk],
        "shared": [view for view in views if view.owner_id != request.user.pk],
    }
    return render(request, "enrichment/leads/_lead_views.html", context)


@screen(VIEW, "POST")
def save(request: HttpRequest) -> HttpResponse:
    given = request.POST
    try:
        view = saved.save_view(
            name=given.get("name", ""),
            query=given.get("query", ""),
            is_shared="shared" in given,
            by=request.user,
        )
    except ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
        return redirect("leads")
    words = " Its search terms aren't saved." if "find=" in given.get("query", "") else ""
    messages.success(request, f"Saved as “{view.name}”.{words}")
    return redirect(f"{reverse('leads')}?{view.query}")


@screen(VIEW, "POST")
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    view = get_object_or_404(saved.visible_views(request.user), pk=pk)
    try:
        saved.delete_view(view, by=request.user)
    except ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
    else:
        messages.success(request, f"Deleted “{view.name}”.")
    return redirect("leads")
