"""Leads: which leads, in what state?"""

import datetime
from typing import Any

from django.core.cache import cache
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from enrichment.labels import tier_label, tier_names
from enrichment.leads import export as exporting
from enrichment.leads import searches
from enrichment.leads.columns import BY_KEY, COLUMNS, Column, chosen_columns
from enrichment.leads.lead_list import MOST_NEW, LeadList, lead_figures
from enrichment.leads.listing import PAGE_SIZES
from enrichment.models import Lead
from enrichment.states import EnrichmentStatus
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.cache import is_cached
from swarm_admin.core.csv_export import dated_name, download
from swarm_admin.core.masking import mask, may_see
from swarm_admin.core.numbers import parse_int
from swarm_admin.core.screens import screen

LAST_MILLISECOND = 253_402_300_799_000  # since 1970, of the year 9999
VIEW = "enrichment.view_lead"
HOUR = 3600
NO_MATCH = (
    "Search matches the start of words in name, company, title, e-mail or address. Remove a filter or search "
    "for fewer words."
)
NO_MATCH_OPEN = (
    "Search matches the start of words in company or title. Searching by name or e-mail requires permission to "
    "see personal data."
)


@screen(VIEW, fragments=True)
def show(request: HttpRequest) -> HttpResponse:
    """The page, or for htmx its list."""
    leads = LeadList(request.GET, user=request.user)
    context = list_context(request, leads)
    if not request.htmx:  # type: ignore[attr-defined]
        drawn = leads.filter.drawn()
        page: dict[str, Any] = {
            "figures_shown": _cached_figures(),
            "status_boxes": drawn.pop("status"),
            "tier_boxes": drawn.pop("tier"),
        }
        page["fields"] = [(leads.filter.form[name], element) for name, element in drawn.items()]
        return render(request, "enrichment/leads/lead_list.html", {**context, **page})
    response = render(request, "enrichment/leads/_lead_table.html", context)
    response["HX-Push-Url"] = address(leads.query_here)
    return response


def address(query: str) -> str:
    return f"{reverse('leads')}?{query}" if query else reverse("leads")


def list_context(request: HttpRequest, leads: LeadList) -> dict[str, Any]:
    """What the list shows: rows, head, chips, pages."""
    since = int(timezone.now().timestamp() * 1000)  # before the rows are read: none falls between
    columns = columns_of(request)
    unmasked = may_see(request.user)
    part = leads.slice(columns)
    known = leads.first + len(part.rows) - 1 if not part.more_after and (part.rows or leads.page == 1) else None
    if part.rows and unmasked:
        _audit_view(request, len(part.rows))
    return {
        "list": leads,
        "rows": [(lead, [(column, _cell(column, lead, unmasked)) for column in columns]) for lead in part.rows],
        "headers": leads.headers(columns),
        "columns": [(column, column in columns) for column in COLUMNS if not column.always],
        "chips": list(leads.filter.chips(leads.params)),
        "form": leads.filter.form,
        "known_count": known,
        "since": since,
        "last": leads.first + len(part.rows) - 1,
        "next_query": leads.query_with(page=leads.page + 1, after=part.rows[-1].pk) if part.more_after else "",
        "previous_query": _previous(leads, part.rows) if part.more_before else "",
        "sizes": PAGE_SIZES,
        "no_match": NO_MATCH if leads.personal else NO_MATCH_OPEN,
        "can_retry": request.user.has_perm("enrichment.retry_lead"),
        "can_pilot": request.user.has_perm("enrichment.edit_waterfall"),
    }


def _previous(leads: LeadList, rows: list[Lead]) -> str:
    before = rows[0].pk if rows else None
    return leads.query_with(page=max(leads.page - 1, 1), before=before)


def _cell(column: Column, lead: Lead, unmasked: bool) -> Any:
    value = column.value(lead)
    return mask(value, column.mask) if column.mask and not unmasked else value


def _audit_view(request: HttpRequest, rows: int) -> None:
    """Once a person and hour: that they worked with the list; single leads are audited when they are opened."""
    if cache.add(f"viewed-list:{request.user.pk}", 1, HOUR):
        audit.record(Verb.VIEW_LEADS, by=request.user, object_type="lead", counts={"rows": rows})


def columns_of(request: HttpRequest) -> list[Column]:
    keys = request.session.get("lead_columns")
    return chosen_columns(keys if isinstance(keys, list) else None)


@screen(VIEW)
def count(request: HttpRequest) -> HttpResponse:
    """The number of leads of a list, fetched after the page so that it waits for no count."""
    leads = LeadList(request.GET, user=request.user)
    number = leads.count()
    context = {"count": number, "list": leads, "pages": max(1, -(-number // leads.size))}
    return render(request, "enrichment/leads/_lead_count.html", context)


@screen(VIEW)
def count_new(request: HttpRequest) -> HttpResponse:
    """How many leads of the list came since it was drawn, at `since` in ms since 1970; polled by the list."""
    leads = LeadList(request.GET, user=request.user)
    since = parse_int(request.GET.get("since"), most=LAST_MILLISECOND)
    if since is None:
        raise Http404
    new = leads.count_new(datetime.datetime.fromtimestamp(since / 1000, datetime.UTC))
    context = {"list": leads, "new": new, "since": since, "more": new == MOST_NEW}
    return render(request, "enrichment/leads/_lead_news.html", context)


@screen(VIEW)
def show_figures(request: HttpRequest) -> HttpResponse:
    """The answer at the top: by status and by tier."""
    return render(request, "enrichment/leads/_lead_figures.html", {"figures_shown": _figures()})


def _cached_figures() -> list[dict[str, Any]] | None:
    """None where they would have to be counted first: the page fetches them afterwards."""
    return _figures() if is_cached("leads:figures") else None


def _figures() -> list[dict[str, Any]]:
    figures = lead_figures()
    shown: list[dict[str, Any]] = [{"label": "All leads", "count": figures["total"], "query": ""}]
    shown += [
        {"label": tier_label(tier), "count": figures["tier"].get(tier, 0), "query": f"tier={tier}"}
        for tier in range(1, len(tier_names()) + 1)
    ]
    shown += [
        {"label": label, "count": figures["status"].get(value, 0), "query": f"status={value}"}
        for value, label in EnrichmentStatus.choices
    ]
    for figure in shown:
        figure["url"] = address(figure["query"])
        figure["tone"] = "red" if figure["label"] == "Failed" and figure["count"] else ""
    return shown


@screen(VIEW, "POST")
def search(request: HttpRequest) -> HttpResponse:
    """Search for words: they come in the body, and the list's address holds only their key."""
    params = QueryDict(request.POST.get("query", ""), mutable=True)
    params.pop("q", None)
    params["find"] = searches.remember_search(request.POST.get("q", ""), by=request.user)
    leads = LeadList(params, user=request.user)
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect(address(leads.query))
    response = render(request, "enrichment/leads/_lead_table.html", list_context(request, leads))
    response["HX-Push-Url"] = address(leads.query)
    return response


@screen(VIEW, "POST")
def set_columns(request: HttpRequest) -> HttpResponse:
    """Which columns this person sees, for as long as they are logged in."""
    if "standard" in request.POST:
        request.session.pop("lead_columns", None)
    else:
        request.session["lead_columns"] = [key for key in request.POST.getlist("column") if key in BY_KEY]
    leads = LeadList(QueryDict(request.POST.get("query", "")), user=request.user)
    return redirect(address(leads.query))


@screen(VIEW, "POST")
def export(request: HttpRequest) -> StreamingHttpResponse:
    """The list as CSV: these columns, these filters, this order; masked for people who see it masked."""
    leads = LeadList(QueryDict(request.POST.get("query", "")), user=request.user)
    columns, unmasked = columns_of(request), may_see(request.user)
    with transaction.atomic():
        audit.record(
            Verb.EXPORT_LEADS,
            by=request.user,
            object_type="lead",
            fields=[name for column in columns for name in column.needs],
            counts={"leads": leads.count()},
            reason="" if unmasked else "masked",
        )
    return download(exporting.rows(leads.everything(), columns, unmasked=unmasked), dated_name("leads"))
