"""Jobs: what is running?"""

from collections import Counter
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from enrichment.jobs import batches as batch_list
from enrichment.jobs import jobs
from enrichment.jobs.job_outcome import outcomes
from enrichment.jobs.job_progress import time_left
from enrichment.jobs.kinds import JobPage, Kind, kind_of
from enrichment.models import Batch, BulkJob
from enrichment.models.job import JobKind
from enrichment.models.work import BatchKind
from enrichment.states import BatchStatus
from swarm_admin.core.jobs import LIVE, JobStatus
from swarm_admin.core.numbers import parse_int
from swarm_admin.core.screens import screen
from swarm_admin.core.states import InvalidTransition

VIEW = "enrichment.view_lead"
PAGE = 50
# Of the work itself; what it came to is told beside it.
STATUSES = [
    (JobStatus.QUEUED, "Queued"),
    (JobStatus.RUNNING, "Running"),
    (JobStatus.DONE, "Finished"),
    (JobStatus.FAILED, "Stopped"),
    (JobStatus.CANCELLED, "Cancelled"),
]


@screen(VIEW, fragments=True)
def show(request: HttpRequest) -> HttpResponse:
    """All long work, newest first; for htmx the live part."""
    kind, status = request.GET.get("kind", ""), request.GET.get("status", "")
    all_jobs = BulkJob.objects.select_related("created_by").order_by("-id")
    if kind in JobKind.values:
        all_jobs = all_jobs.filter(kind=kind)
    if status in JobStatus.values:
        all_jobs = all_jobs.filter(status=status)
    page = Paginator(all_jobs, PAGE).get_page(parse_int(request.GET.get("page")))
    live = BulkJob.objects.filter(status__in=LIVE).exclude(kind=JobKind.IMPORT, columns={})
    context = {
        "page": page,
        "jobs": _rows(request, list(page)),
        "kind": kind,
        "status": status,
        "kinds": JobKind.choices,
        "statuses": STATUSES,
        "running": live.filter(status=JobStatus.RUNNING).count(),
        "queued": live.filter(status=JobStatus.QUEUED).count(),
        "for_you": BulkJob.objects.filter(status=JobStatus.QUEUED, kind=JobKind.IMPORT, columns={}).count(),
        "rows_left": sum(total - position for total, position in live.values_list("total", "position")),
        "batches": batch_list.batch_figures(),
        "narrowed": bool(kind or status),
    }
    template = "enrichment/jobs/_jobs.html" if request.htmx else "enrichment/jobs/jobs.html"  # type: ignore[attr-defined]
    return render(request, template, context)


def _rows(request: HttpRequest, page: list[BulkJob]) -> list[dict[str, Any]]:
    """`opens`: an import is opened by people who may import; the others see that it runs."""
    ends = outcomes(page)
    return [
        {
            "job": job,
            "opens": request.user.has_perm(kind_of(job).open_right),
            "about": kind_of(job).about(job),
            "outcome": ends[job.pk],
        }
        for job in page
    ]


@screen(VIEW, fragments=True)
def job(request: HttpRequest, pk: int) -> HttpResponse:
    """Progress of a job, and what became of it; for htmx the live part. Some kinds have a page of their own."""
    shown_job = get_object_or_404(BulkJob.objects.select_related("created_by"), pk=pk)
    kind = kind_of(shown_job)
    if kind.page != "job":
        return redirect(kind.page, pk=pk)
    if not request.user.has_perm(kind.open_right):
        raise PermissionDenied
    template = "enrichment/jobs/_job.html" if request.htmx else "enrichment/jobs/job.html"  # type: ignore[attr-defined]
    return render(request, template, _progress(request, shown_job, kind, kind.show(shown_job)))


def _progress(request: HttpRequest, found: BulkJob, kind: Kind, shown: JobPage) -> dict[str, Any]:
    live = found.status in LIVE
    return {
        "job": found,
        "about": kind.about(found),
        "icon": kind.icon_of(found),
        "work": kind.work,
        "shown": shown,
        "live": live,
        "polls": live or shown.unsettled,
        "time_left": time_left(found) if live else None,
        "why_no_cancel": "" if kind.stops and request.user.has_perm(kind.stop_right) else kind.no_stop,
    }


@screen(VIEW, "POST")
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop a job, for those who may start one of its kind; what was started goes on."""
    chosen_job = get_object_or_404(BulkJob, pk=pk)
    kind = kind_of(chosen_job)
    if not kind.stops or not request.user.has_perm(kind.stop_right):
        raise PermissionDenied
    try:
        jobs.cancel(chosen_job, by=request.user)
    except InvalidTransition:
        messages.error(request, "This job has already finished.")
    else:
        messages.success(request, "Job cancelled. Work already started will finish.")
    return redirect("job", pk=pk)


@screen(VIEW, fragments=True)
def batches(request: HttpRequest) -> HttpResponse:
    """The hand-overs to Clay, newest first; for htmx the live part."""
    kind, status = request.GET.get("kind", ""), request.GET.get("status", "")
    page = Paginator(batch_list.filter_batches(kind, status), PAGE).get_page(parse_int(request.GET.get("page")))
    context = {
        "page": page,
        "rows": batch_list.with_items(list(page)),
        "kind": kind,
        "status": status,
        "kinds": BatchKind.choices,
        "statuses": BatchStatus.choices,
        "figures": batch_list.batch_figures(),
        "narrowed": bool(kind or status),
    }
    template = "enrichment/jobs/_batches.html" if request.htmx else "enrichment/jobs/batches.html"  # type: ignore[attr-defined]
    return render(request, template, context)


@screen(VIEW, fragments=True)
def batch(request: HttpRequest, pk: int) -> HttpResponse:
    """One hand-over with its items; for htmx the live part."""
    shown_batch = get_object_or_404(Batch.objects.select_related("waterfall"), pk=pk)
    items = shown_batch.items.select_related("lead").defer("lead__raw", "lead__search").order_by("position")
    counts = Counter(item.status for item in items)
    context = {
        "batch": shown_batch,
        "items": items,
        "outcome": batch_list.batch_outcome(shown_batch, counts),
        "live": shown_batch.status in ("planned", "in_flight", "unknown"),
    }
    template = "enrichment/jobs/_batch.html" if request.htmx else "enrichment/jobs/batch.html"  # type: ignore[attr-defined]
    return render(request, template, context)
