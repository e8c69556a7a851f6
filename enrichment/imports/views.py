"""Import: which rows of this file become leads, and how far is it?"""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from enrichment.estimates.estimating import Work, estimate
from enrichment.imports import importing
from enrichment.imports.forms import MappingForm, UploadForm
from enrichment.imports.import_files import Unreadable
from enrichment.imports.importing import PERMISSION
from enrichment.jobs import jobs
from enrichment.jobs.job_outcome import outcome, outcomes
from enrichment.jobs.job_progress import time_left
from enrichment.models import BulkJob
from enrichment.models.job import JobKind
from swarm_admin.core.csv_export import attachment
from swarm_admin.core.jobs import LIVE, JobStatus
from swarm_admin.core.masking import may_see
from swarm_admin.core.screens import screen
from swarm_admin.core.states import InvalidTransition

RECENT = 20
SHOWN_REJECTIONS = 100
NOTHING_VALID = "No row can be imported. Correct the column mapping and check it, or fix the file."


def _get(pk: int) -> BulkJob:
    return get_object_or_404(BulkJob, pk=pk, kind=JobKind.IMPORT)


@screen(PERMISSION, "GET", "HEAD", "POST")
def upload(request: HttpRequest) -> HttpResponse:
    """Choose a file; on to its preview."""
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    if form.is_valid():
        file = form.cleaned_data["file"]
        try:
            job = importing.upload(file, name=file.name, by=request.user)
        except Unreadable as error:
            form.add_error("file", str(error))
        else:
            return redirect("import_preview", pk=job.pk)
    recent = list(BulkJob.objects.filter(kind=JobKind.IMPORT).select_related("created_by")[:RECENT])
    ends = outcomes(recent)
    status = 422 if form.is_bound and form.errors else 200
    return render(
        request,
        "enrichment/imports/import.html",
        {"form": form, "jobs": [(job, ends[job.pk]) for job in recent]},
        status=status,
    )


@screen(PERMISSION, "GET", "HEAD", "POST")
def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """What would come in under this mapping; `start_import` lets it run, `check` shows it again."""
    job = _get(pk)
    if job.columns or job.status != JobStatus.QUEUED:
        return redirect("import_job", pk=job.pk)
    try:
        first = importing.preview(job)
        form = MappingForm(request.POST if request.method == "POST" else None, columns=first.columns)
        if form.is_valid():
            first = importing.preview(job, form.columns())
            if request.POST.get("action") == "start" and first.valid:
                importing.start_import(job, columns=form.columns(), by=request.user)
                return redirect("import_job", pk=job.pk)
    except (Unreadable, importing.NotStartable) as error:
        messages.error(request, str(error))
        return redirect("import")
    sees = may_see(request.user) or job.created_by_id == request.user.pk  # one's own file hides nothing
    expected = round(first.total * first.valid / first.checked) if first.checked else 0
    context = {
        "job": job,
        "form": form,
        "time": estimate(Work(leads=expected, rowless=expected, priority=importing.PRIORITY)) if expected else None,
        "preview": first,
        "reasons": sorted(first.reasons.items(), key=lambda each: -each[1])[:RECENT],
        "why_no_start": "" if first.valid else NOTHING_VALID,
        "sees_values": sees,
        "shown_fields": list(form.fields),
        "shown_rows": [(row, [row.values.get(name, "") for name in form.fields]) for row in first.rows],
    }
    refused = request.POST.get("action") == "start" and not first.valid
    status = 422 if refused or (form.is_bound and form.errors) else 200
    return render(request, "enrichment/imports/import_preview.html", context, status=status)


@screen(PERMISSION)
def job(request: HttpRequest, pk: int) -> HttpResponse:
    """Progress, and afterwards the result."""
    return render(request, "enrichment/imports/import_job.html", _progress(_get(pk)))


@screen(PERMISSION)
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """The live part of the page; it asks again until the job has ended."""
    return render(request, "enrichment/imports/_import_job.html", _progress(_get(pk)))


@screen(PERMISSION, "POST")
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop; what came in stays."""
    try:
        jobs.cancel(_get(pk), by=request.user)
    except InvalidTransition:
        messages.error(request, "This import has already finished.")
    return redirect("import_job", pk=pk)


@screen(PERMISSION)
def rejections(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    """Every refused row as CSV: number, field, sentence; nothing of the row itself."""
    import_job = _get(pk)
    rows = import_job.rejected_rows.order_by("index", "id").values_list("index", "field", "sentence")
    numbered = ((index + 1, field, sentence) for index, field, sentence in rows.iterator(chunk_size=2_000))
    return attachment(("row", "field", "reason"), numbered, f"import-{import_job.pk}-rejections.csv")


def _progress(found: BulkJob) -> dict[str, Any]:
    live = found.status in LIVE
    read = found.accepted + found.known + found.rejected + found.suppressed
    return {
        "job": found,
        "live": live,
        "waits_for_mapping": found.waits_for_person,
        "rows_left": found.total - found.position,
        "time_left": time_left(found) if live else None,
        "outcome": outcome(found),
        "empty": max(found.position - read, 0),
        "rejections": [] if live else found.rejected_rows.all()[:SHOWN_REJECTIONS],
        "shown_rejections": SHOWN_REJECTIONS,
    }
