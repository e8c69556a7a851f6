"""In Clay: what has to be set up there by hand, was it, and do the results show it?"""

import datetime

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from enrichment.documents.waterfall import WaterfallDocument
from enrichment.models import AppliedWaterfall, WaterfallVersion
from enrichment.waterfall import plan_of_record, studio
from enrichment.waterfall.checklist import checklist, checklist_text
from enrichment.waterfall.plan_results import plan_results
from enrichment.waterfall.views.waterfall import EDIT, VIEW
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.screens import screen

SHOWN = 20  # marks in the history


@screen(VIEW)
def show(request: HttpRequest) -> HttpResponse:
    """The checklist, who applied it, and what the results show; only the history where Clay is told by call."""
    if not plan_of_record.is_set_up_by_hand():
        return render(request, "enrichment/waterfall/waterfall_in_clay.html", {"by_hand": False, "section": "in_clay"})
    plan = plan_of_record.plan_status()
    version, since = plan.compared
    tables = plan_of_record.open_tables()
    context = {
        "by_hand": True,
        "plan": plan,
        "parts": checklist(WaterfallDocument.model_validate(plan.published.document)),
        "text": checklist_text(plan.published, tables),
        "tables": tables,
        "marks": _marks(),
        "results": plan_results(version, since),
        "compared": version,
        "since": since,
        "now": timezone.now(),
        "why_not": "" if request.user.has_perm(EDIT) else studio.NO_EDIT,
        "section": "in_clay",
    }
    return render(request, "enrichment/waterfall/waterfall_in_clay.html", context)


def _marks() -> list[AppliedWaterfall]:
    return list(AppliedWaterfall.objects.select_related("version", "applied_by")[:SHOWN])


@screen(VIEW)
def download(request: HttpRequest, number: int) -> HttpResponse:
    """The checklist of a version that is or was published, as a text file."""
    version = get_object_or_404(WaterfallVersion, number=number)
    if version.published_at is None:
        raise Http404
    text = checklist_text(version, plan_of_record.open_tables())
    answer = HttpResponse(text, content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="clay-checklist-version-{version.number}.txt"'
    return answer


@screen(EDIT, "POST")
def apply(request: HttpRequest, number: int) -> HttpResponse:
    """Mark the published version as applied."""
    version = get_object_or_404(WaterfallVersion, number=number)
    try:
        plan_of_record.mark_applied(version, at=_moment(request.POST.get("at", "")), by=request.user)
    except ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
    else:
        messages.success(request, f"Version {version.number} is marked as applied in Clay.")
    return redirect("waterfall_in_clay")


@screen(EDIT, "POST")
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a mark back."""
    applied = get_object_or_404(AppliedWaterfall.objects.select_related("version"), pk=pk)
    number = applied.version.number
    plan_of_record.undo_applied(applied, by=request.user)
    messages.success(request, f"Version {number} is no longer marked as applied.")
    return redirect("waterfall_in_clay")


def _moment(text: str) -> datetime.datetime:
    """A form's date and time, which has no offset: UTC, as the label says."""
    try:
        read = parse_datetime(text)
    except ValueError:  # the 30th of February
        read = None
    if read is None:
        raise ActionNotAllowed(plan_of_record.BAD_TIME)
    return read if read.tzinfo else read.replace(tzinfo=datetime.UTC)
