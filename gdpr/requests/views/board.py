"""Requests: what is due?"""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render

from gdpr import audit
from gdpr.due_dates import deadline
from gdpr.kinds import RequestKind
from gdpr.models import Regime, SubjectRequest
from gdpr.requests import board
from gdpr.states import RequestStatus
from gdpr.suppression.views import IdentifierForm
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.csv_export import attachment
from swarm_admin.core.numbers import parse_int
from swarm_admin.core.screens import screen

VIEW = "gdpr.view_request"
HANDLE = "gdpr.handle_request"
PAGE = 50


@screen(VIEW, fragments=True)
def show(request: HttpRequest) -> HttpResponse:
    """The board; for htmx its live part."""
    template = "gdpr/requests/_board.html" if request.htmx else "gdpr/requests/board.html"  # type: ignore[attr-defined]
    return render(request, template, _context(request))


def _context(request: HttpRequest, **more: Any) -> dict[str, Any]:
    filters = board.Filters.read(request.GET)
    page = Paginator(filters.requests(), PAGE).get_page(parse_int(request.GET.get("page")))
    return {
        "filters": filters,
        "page": page,
        "rows": [row(each) for each in page],
        "figures": board.figures(),
        "workload": board.workload(),
        "officers": board.officers(),
        "kinds": RequestKind.choices,
        "statuses": RequestStatus.choices,
        "regimes": Regime.choices,
        "states": board.STATES.items(),
        "lates": board.LATE.items(),
        "who": IdentifierForm(auto_id="who_%s"),
        "may_handle": request.user.has_perm(HANDLE),
        **more,
    }


def row(each: SubjectRequest) -> dict[str, Any]:
    """A request with its days left and the tone of its date."""
    left = each.days_left(deadline.today())
    tone = "red" if left < 0 else "amber" if left <= deadline.SOON else ""
    return {"request": each, "left": left, "late_by": -left, "tone": tone if each.is_open else ""}


@screen(VIEW, "POST")
def find(request: HttpRequest) -> HttpResponse:
    """Requests of a person, by identifier: by POST, so that no address holds it; looking is an event."""
    form = IdentifierForm(request.POST, auto_id="who_%s")
    if not form.is_valid():
        return render(request, "gdpr/requests/board.html", _context(request, who=form), status=422)
    found = list(board.requests_of_person(form.cleaned_data["identity"])[:PAGE])
    audit.record(Verb.SEARCH_REQUESTS, by=request.user, counts={"found": len(found)})
    more = {"who": form, "found": [row(each) for each in found], "looked": True}
    return render(request, "gdpr/requests/board.html", _context(request, **more))


@screen(VIEW)
def export(request: HttpRequest) -> StreamingHttpResponse:
    """The list as it is filtered, as CSV."""
    audit.record(Verb.EXPORT_REQUESTS, by=request.user)
    requests = board.Filters.read(request.GET).requests()
    return attachment(board.EXPORTED, board.export_rows(requests), "requests.csv")
