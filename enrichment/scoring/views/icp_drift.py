"""Drift of scores: where does Clay's score differ from ours, and why?"""

import datetime
import itertools
from collections.abc import Iterator
from typing import Any

from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from enrichment.leads import export as exporting
from enrichment.leads.columns import BY_KEY, Column
from enrichment.models import Lead, ScorecardVersion
from enrichment.pipeline.score.engine import engine
from enrichment.scoring import drift
from enrichment.scoring.clay_formula import formula_place, last_placement
from enrichment.scoring.clay_values import OTHER_VALUES, PINNED, UNREADABLE, read_clay_values
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.cache import invalidate
from swarm_admin.core.csv_export import dated_name, download
from swarm_admin.core.masking import may_see
from swarm_admin.core.numbers import parse_int
from swarm_admin.core.screens import screen

VIEW = "enrichment.view_lead"
PAGE = 50
CHUNK = 2_000
# Which fields Clay had otherwise is shown for these.
BY_VALUES = (PINNED, UNREADABLE, OTHER_VALUES, drift.UNEXPLAINED)
EXPORTED = (
    Column("id", "Lead", ("id",), lambda lead: lead.pk, look="number"),
    *(BY_KEY[key] for key in ("name", "company_name", "title")),
    Column("icp_score", "Our score", ("icp_score",), lambda lead: lead.icp_score, look="number"),
    Column("clay_score", "Clay's score", ("clay_score",), lambda lead: lead.clay_score, look="number"),
    BY_KEY["drift"],
)


@screen(VIEW)
def show(request: HttpRequest) -> HttpResponse:
    """The differing leads by cause."""
    report = drift.drift_report()
    context = {
        "report": report,
        "counted_at": datetime.datetime.fromtimestamp(report.at, datetime.UTC),
        "there": last_placement(formula_place()),
        "live": ScorecardVersion.active(),
    }
    return render(request, "enrichment/scoring/icp_drift.html", context)


@screen(VIEW, "POST")
def count_again(request: HttpRequest) -> HttpResponse:
    """Count anew, not from what is kept for some seconds."""
    invalidate(drift.KEPT)
    return redirect("icp_drift")


@screen(VIEW)
def leads(request: HttpRequest, key: str) -> HttpResponse:
    """The leads of one cause."""
    report = drift.drift_report()
    cause = report.cause(key)
    if cause is None:
        if not drift.is_cause(key):
            raise Http404
        return redirect("icp_drift")  # none is left of it
    page = Paginator(report.ids[key], PAGE).get_page(parse_int(request.GET.get("page")))
    ids = [int(pk) for pk in page.object_list]
    by_id = Lead.objects.defer("raw", "search").in_bulk(ids)
    fields = _fields_that_differ(ids) if key in BY_VALUES else {}
    context = {
        "cause": cause,
        "page": page,
        "rows": [{"lead": by_id[pk], "fields": fields.get(pk, ())} for pk in ids if pk in by_id],
        "shows_fields": key in BY_VALUES,
    }
    return render(request, "enrichment/scoring/icp_drift_leads.html", context)


def _fields_that_differ(ids: list[int]) -> dict[int, tuple[str, ...]]:
    names = sorted(engine(ScorecardVersion.active().pk).columns)
    return {row.lead_id: row.fields for row in read_clay_values(ids, names)}


@screen(VIEW, "POST")
def export(request: HttpRequest, key: str) -> HttpResponseBase:
    """The leads of one cause as CSV; masked for people who see them masked."""
    report = drift.drift_report()
    if report.cause(key) is None:
        return redirect("icp_drift")
    unmasked = may_see(request.user)
    with transaction.atomic():
        audit.record(
            Verb.EXPORT_SCORE_DRIFT,
            by=request.user,
            object_type="lead",
            fields=[name for column in EXPORTED for name in column.needs],
            counts={"leads": report.ids[key].len()},
            reason=key if unmasked else f"{key}, masked",
        )
    return download(_lines(report.ids[key], unmasked=unmasked), dated_name(f"score-drift-{key}"))


def _lines(ids: Any, *, unmasked: bool) -> Iterator[str]:
    """The head once, then chunk by chunk, in the order of the leads' ids."""
    for at in range(0, len(ids), CHUNK):
        chunk = Lead.objects.filter(pk__in=ids[at : at + CHUNK].to_list()).order_by("pk")
        lines = exporting.rows(chunk, EXPORTED, unmasked=unmasked)
        yield from lines if at == 0 else itertools.islice(lines, 1, None)
