"""Jobs: what is running?"""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST
from django.views.decorators.vary import vary_on_headers

from enrichment import batches as batch_list
from enrichment import jobs
from enrichment.failures import groups as failures
from enrichment.models import Batch, BulkJob
from enrichment.models.job import JobKind
from enrichment.models.work import BatchKind
from enrichment.states import BatchStatus, InvalidTransition, JobStatus, MemberStatus

VIEW = "enrichment.view_lead"
RETRY = "enrichment.retry_lead"
IMPORT = "enrichment.import_lead"
PAGE = 50
NO_CANCEL = "You may not start or stop retries. Ask an admin for the right."


@require_GET
@login_required
@permission_required(VIEW, raise_exception=True)
@vary_on_headers("HX-Request")
def show(request: HttpRequest) -> HttpResponse:
    """All long work, newest first; for htmx the live part."""
    kind, status = request.GET.get("kind", ""), request.GET.get("status", "")
    found = BulkJob.objects.select_related("created_by").order_by("-id")
    if kind in JobKind.values:
        found = found.filter(kind=kind)
    if status in JobStatus.values:
        found = found.filter(status=status)
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    live = BulkJob.objects.filter(status__in=jobs.LIVE).exclude(kind=JobKind.IMPORT, columns={})
    context = {
        "page": page,
        "jobs": [_row(request, job) for job in page],
        "kind": kind,
        "status": status,
        "kinds": JobKind.choices,
        "statuses": JobStatus.choices,
        "running": live.count(),
        "for_you": BulkJob.objects.filter(status=JobStatus.QUEUED, kind=JobKind.IMPORT, columns={}).count(),
        "rows_left": sum(total - position for total, position in live.values_list("total", "position")),
        "batches": batch_list.figures(),
        "narrowed": bool(kind or status),
    }
    template = "enrichment/_jobs.html" if request.htmx else "enrichment/jobs.html"  # type: ignore[attr-defined]
    return render(request, template, context)


def _row(request: HttpRequest, job: BulkJob) -> dict[str, Any]:
    """`opens`: an import is opened by people who may import; the others see that it runs."""
    return {
        "job": job,
        "opens": job.kind == JobKind.RETRY or request.user.has_perm(IMPORT),
        "live": job.status in jobs.LIVE,
        "about": _about(job),
    }


def _about(job: BulkJob) -> str:
    if job.kind == JobKind.IMPORT:
        return "Import of leads"
    cause = jobs.cause_of(job)
    return f"{cause.title}, {cause.provider_name}" if cause.provider else cause.title


@require_GET
@login_required
@permission_required(VIEW, raise_exception=True)
@vary_on_headers("HX-Request")
def job(request: HttpRequest, pk: int) -> HttpResponse:
    """Progress of a retry, and what became of it; for htmx the live part. An import has a page of its own."""
    found = get_object_or_404(BulkJob.objects.select_related("created_by"), pk=pk)
    if found.kind == JobKind.IMPORT:
        return redirect("import_job", pk=pk)
    template = "enrichment/_job.html" if request.htmx else "enrichment/job.html"  # type: ignore[attr-defined]
    return render(request, template, _progress(request, found))


def _progress(request: HttpRequest, found: BulkJob) -> dict[str, Any]:
    result = jobs.result(found)
    live = found.status in jobs.LIVE
    left = None
    if found.status == JobStatus.RUNNING and found.started_at and found.position:
        taken = (timezone.now() - found.started_at).total_seconds()
        left = round(taken / found.position * (found.total - found.position))
    cause = jobs.cause_of(found)
    failed_again = found.members.filter(status=MemberStatus.DONE).exists() and result["failed"]
    return {
        "job": found,
        "about": _about(found),
        "cause": cause,
        "source": failures.SOURCES[cause.what],
        "result": result,
        "live": live,
        "polls": live or bool(result["under_way"]),
        "seconds_left": left,
        "rows_left": found.total - found.position,
        "failed_again": failed_again,
        "why_no_cancel": "" if request.user.has_perm(RETRY) else NO_CANCEL,
    }


@require_POST
@login_required
@permission_required(RETRY, raise_exception=True)
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop a retry; what was started goes on."""
    found = get_object_or_404(BulkJob, pk=pk, kind=JobKind.RETRY)
    try:
        jobs.cancel(found, by=request.user)
    except InvalidTransition:
        messages.error(request, "This job has ended already.")
    else:
        messages.success(request, "Cancelled. What was started goes on; the rest was not touched.")
    return redirect("job", pk=pk)


@require_GET
@login_required
@permission_required(VIEW, raise_exception=True)
@vary_on_headers("HX-Request")
def batches(request: HttpRequest) -> HttpResponse:
    """The hand-overs to Clay, newest first; for htmx the live part."""
    kind, status = request.GET.get("kind", ""), request.GET.get("status", "")
    page = Paginator(batch_list.listed(kind, status), PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": batch_list.with_items(list(page)),
        "kind": kind,
        "status": status,
        "kinds": BatchKind.choices,
        "statuses": BatchStatus.choices,
        "figures": batch_list.figures(),
        "narrowed": bool(kind or status),
    }
    template = "enrichment/_batches.html" if request.htmx else "enrichment/batches.html"  # type: ignore[attr-defined]
    return render(request, template, context)


@require_GET
@login_required
@permission_required(VIEW, raise_exception=True)
@vary_on_headers("HX-Request")
def batch(request: HttpRequest, pk: int) -> HttpResponse:
    """One hand-over with its items; for htmx the live part."""
    found = get_object_or_404(Batch.objects.select_related("waterfall"), pk=pk)
    items = found.items.select_related("lead").defer("lead__raw", "lead__search").order_by("position")
    context = {"batch": found, "items": items, "live": found.status in ("planned", "in_flight", "unknown")}
    template = "enrichment/_batch.html" if request.htmx else "enrichment/batch.html"  # type: ignore[attr-defined]
    return render(request, template, context)
