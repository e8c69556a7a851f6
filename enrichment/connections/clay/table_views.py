"""Connect a Clay table: step by step, with what to copy, and a row sent to see whether it comes back."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache

from enrichment.connections.clay import choosing, editing, guide, overdue, test_rows
from enrichment.connections.clay.editing import SourceForm
from enrichment.connections.clay.overdue import OverdueForm
from enrichment.connections.clay.test_rows import TestForm
from enrichment.connections.rights import MANAGE, VIEW, check_can_manage
from enrichment.models import ClaySource, TestRow
from enrichment.vendors.clay import template
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.htmx import HtmxRequest
from swarm_admin.core.screens import screen

PAGE = "enrichment/connections/clay/connect_clay_table.html"


@screen(VIEW, fragments=True)
def show(request: HtmxRequest) -> HttpResponse:
    """The guide, with everything as it stands; for htmx the checklist and the sources."""
    if request.htmx:
        return render(request, "enrichment/connections/clay/_state.html", _state(request))
    return _page(request)


@screen(MANAGE, "POST", fragments=True)
@never_cache
def secret(request: HtmxRequest) -> HttpResponse:
    """The header with the secret, for copying; whoever looks is in the audit log."""
    shown = guide.show_secret(by=request.user)
    context: dict[str, Any] = {"headers_text": guide.headers_text(shown) if shown else "", "asked": True}
    if request.htmx:
        return render(request, "enrichment/connections/clay/_secret.html", context)
    return _page(request, **context)


@screen(MANAGE, "POST")
def add_source(request: HttpRequest) -> HttpResponse:
    """A table's webhook; the last in order."""
    form = SourceForm(request.POST)
    if not form.is_valid():
        return _page(request, source_form=form, status=422)
    source = editing.add(form.cleaned_data, by=request.user)
    messages.success(request, f"Added {source.name}. Next: the columns that go in.")
    return _back("columns")


@screen(MANAGE, "GET", "POST")
def edit_source(request: HttpRequest, pk: int) -> HttpResponse:
    """Name, token and figures of a source."""
    source = get_object_or_404(ClaySource, pk=pk)
    form = SourceForm(request.POST or None, source=source)
    if request.method == "POST" and form.is_valid():
        editing.change(source, form, by=request.user)
        messages.success(request, f"Saved {form.cleaned_data['name']}.")
        return _back("sources")
    context = {"source": source, "form": form}
    status = 422 if request.method == "POST" else 200
    return render(request, "enrichment/connections/clay/connect_clay_source.html", context, status=status)


@screen(MANAGE, "POST")
def close_source(request: HttpRequest, pk: int) -> HttpResponse:
    """No more rows go there."""
    source = get_object_or_404(ClaySource, pk=pk)
    if editing.close(source, by=request.user):
        messages.success(request, f"Closed {source.name}. Rows on their way are still accepted.")
    else:
        messages.info(request, f"{source.name} was closed already.")
    return _back("sources")


@screen(MANAGE, "POST")
def reopen_source(request: HttpRequest, pk: int) -> HttpResponse:
    """It takes rows again."""
    source = get_object_or_404(ClaySource, pk=pk)
    try:
        editing.reopen(source, by=request.user)
        messages.success(request, f"Reopened {source.name}.")
    except ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
    return _back("sources")


@screen(MANAGE, "POST")
def use_source_first(request: HttpRequest, pk: int) -> HttpResponse:
    """It goes before all others."""
    source = get_object_or_404(ClaySource, pk=pk)
    editing.use_first(source, by=request.user)
    messages.success(request, f"{source.name} is used first now.")
    return _back("sources")


@screen(MANAGE, "POST")
def send_test(request: HttpRequest) -> HttpResponse:
    """One row of a person, through the source named, else the one in use."""
    form = TestForm(request.POST)
    if not form.is_valid():
        return _page(request, test_form=form, status=422)
    try:
        source = test_rows.source_to_test(request.POST.get("source", ""))
        test_rows.send(source, form.cleaned_data, by=request.user)
    except ActionNotAllowed as impossible:
        form.add_error(None, str(impossible))
        return _page(request, test_form=form, status=422)
    return _back("test")


@screen(VIEW, fragments=True)
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """How far a test row is: the part of the page that polls."""
    row = get_object_or_404(TestRow.objects.select_related("source", "by"), pk=pk)
    context = {"progress": test_rows.progress_of(row), "empty": test_rows.empty_columns(row)}
    return render(request, "enrichment/connections/clay/_test.html", context)


def _state(request: HttpRequest) -> dict[str, Any]:
    lines = guide.source_lines()
    return {"why_not": check_can_manage(request.user), "sources": lines, "checks": guide.checklist(lines)}


def _page(request: HttpRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    state = _state(request)
    last = TestRow.objects.select_related("source", "by").order_by("-sent_at").first()
    context = {
        "card": choosing.card("table"),
        **state,
        "open_sources": [
            line.source for line in state["sources"] if line.source.closed_at is None and line.source.left
        ],
        "inputs": template.INPUTS,
        "row_url": guide.row_url(),
        "reaches_us": guide.reaches_us(),
        "secret_header": guide.SECRET_HEADER,
        "body": template.body(),
        "overdue_form": OverdueForm(initial=vars(overdue.current())),
        "source_form": SourceForm(),
        "test_form": TestForm(),
        "progress": test_rows.progress_of(last) if last else None,
        "empty": test_rows.empty_columns(last) if last and last.came_back_at else [],
        **more,
    }
    return render(request, PAGE, context, status=status)


def _back(part: str) -> HttpResponse:
    return redirect(f"{reverse('connect_clay_table')}#{part}")
