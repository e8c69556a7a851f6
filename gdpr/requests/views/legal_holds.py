"""Legal holds: what is kept although it should go, and until when?"""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from gdpr import stores
from gdpr.due_dates import deadline
from gdpr.models import LegalHold
from gdpr.requests import legal_holds
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.numbers import parse_int
from swarm_admin.core.screens import screen

VIEW = "gdpr.view_request"
HOLD = "gdpr.place_hold"
PAGE = 50


@screen(VIEW)
def show(request: HttpRequest) -> HttpResponse:
    live = LegalHold.objects.live().select_related("placed_by")
    page = Paginator(live, PAGE).get_page(parse_int(request.GET.get("page")))
    lifted = LegalHold.objects.exclude(lifted_at=None).select_related("placed_by", "lifted_by")[:PAGE]
    context = {
        "page": page,
        "kept": [(hold, stores.label_of(hold.store)) for hold in page],
        "lifted": [(hold, stores.label_of(hold.store)) for hold in lifted],
        "due": live.filter(review_on__lte=deadline.today()).count(),
        "count": live.count(),
        "today": deadline.today(),
        "why_not": ""
        if request.user.has_perm(HOLD)
        else "You don't have permission to lift legal holds. Ask a compliance officer.",
    }
    return render(request, "gdpr/requests/legal_holds.html", context)


@screen(HOLD, "POST")
def lift(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        legal_holds.lift(get_object_or_404(LegalHold, pk=pk), reason=request.POST.get("reason", ""), by=request.user)
    except ActionNotAllowed as why:
        messages.error(request, str(why))
    else:
        messages.success(request, "Hold lifted. Blocked work resumes.")
    return redirect("legal_holds")
