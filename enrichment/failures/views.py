"""Failures: what is broken, and what would fixing it take?"""

from collections import Counter
from typing import Any

from django.contrib import messages
from django.core.cache import cache
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from enrichment.documents.waterfall import active_waterfall
from enrichment.failures import groups as failures
from enrichment.failures import overdue_group, retry_job, set_aside
from enrichment.failures.failure_retry import FailurePlan
from enrichment.failures.groups import Group
from enrichment.failures.sources import members_of
from enrichment.models import FailureIgnore, Lead
from enrichment.waterfall.prices import price_of
from gdpr import audit
from swarm_admin.core import work
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.masking import may_see
from swarm_admin.core.numbers import parse_int
from swarm_admin.core.screens import screen

VIEW = "enrichment.view_lead"
RETRY = "enrichment.retry_lead"
NO_RIGHT = "You don't have permission to retry. Ask an admin."
PAGE = 50
NOTHING = "Nothing to retry."
HOUR = 3600


@screen(VIEW, fragments=True)
def show(request: HttpRequest) -> HttpResponse:
    """All groups; for htmx the live part. `?ignored=1` shows those that a person has decided to leave."""
    every = failures.all_groups()
    ignored = [group for group in every if group.ignored]
    open_ones = [group for group in every if not group.ignored]
    totals = failures.totals()
    each = price_of(active_waterfall())
    context = {
        "groups": ignored if request.GET.get("ignored") == "1" else open_ones,
        "ignored_shown": request.GET.get("ignored") == "1",
        "ignored_count": len(ignored),
        "open_count": totals.causes,
        "rows": totals.rows,
        "today": sum(group.today for group in open_ones),
        "cost": failures.spent_on(),
        "retry_now": sum(group.count for group in open_ones if group.cause.retryable == "now"),
        "retry_later": sum(group.count for group in open_ones if group.cause.retryable not in ("now", "no")),
        "cut_at": failures.MOST_GROUPS if _is_truncated(every) else 0,
        "set_aside": set_aside.visible_groups(request.user),
        "lost_sentence": work.LOST_SENTENCE,
        "why_no_again": "" if request.user.has_perm(RETRY) else NO_RIGHT,
        "retry_each": each,
        "retry_cost": each.amount * sum(group.count for group in open_ones if _costs_money(group)),
    }
    template = "enrichment/failures/_failures.html" if request.htmx else "enrichment/failures/failures.html"  # type: ignore[attr-defined]
    return render(request, template, context)


def _is_truncated(every: list[Group]) -> bool:
    """Some kind of work has more causes than are counted."""
    return failures.MOST_GROUPS in Counter(group.cause.what for group in every).values()


def _costs_money(group: Group) -> bool:
    return group.cause.what == "enrichment" and not group.cause.why_no_retry


@screen(VIEW, fragments=True)
def group(request: HttpRequest, key: str) -> HttpResponse:
    """One cause and what failed for it; for htmx the live part. An empty group says so."""
    shown_group = failures.find_group(key, kept=bool(request.htmx))  # type: ignore[attr-defined]
    template = "enrichment/failures/_failure.html" if request.htmx else "enrichment/failures/failure.html"  # type: ignore[attr-defined]
    if shown_group is None:
        return render(request, template, {"group": None})
    page = Paginator(members_of(shown_group.cause), PAGE).get_page(parse_int(request.GET.get("page")))
    context = {
        "group": shown_group,
        "page": page,
        "members": _with_leads(shown_group, page),
        "job": retry_job.live_job(shown_group.cause),
        "why_no_retry": _why_no_retry(request, shown_group),
        "is_overdue": overdue_group.is_overdue(shown_group.cause),
        "why_no_ignore": "" if request.user.has_perm(RETRY) else NO_RIGHT,
    }
    if context["members"] and may_see(request.user) and cache.add(f"viewed-failures:{request.user.pk}", 1, HOUR):
        audit.record(Verb.VIEW_LEADS, by=request.user, object_type="lead", counts={"rows": len(page)})
    return render(request, template, context)


def _why_no_retry(request: HttpRequest, found: Group) -> str:
    if not request.user.has_perm(RETRY):
        return NO_RIGHT
    if job := retry_job.live_job(found.cause):
        return f"Job {job.pk} is already retrying these."
    return found.cause.why_no_retry


def _with_leads(found: Group, page: "Page[Any]") -> list[dict[str, Any]]:
    """The page's rows with their leads, whatever table they stand in."""
    rows = list(page.object_list)
    ids = {row.cause_lead for row in rows if row.cause_lead}
    leads = Lead.objects.defer("raw", "search").in_bulk(ids)
    return [{"row": row, "lead": leads.get(row.cause_lead)} for row in rows]


@screen(RETRY)
def retry(request: HttpRequest, key: str) -> HttpResponse:
    """The plan: how many, what it costs, how long it takes, what is left out and why."""
    chosen_group = failures.find_group(key)
    if chosen_group is None:
        return _group_is_empty(request)
    try:
        plan = retry_job.check_can_start(chosen_group.cause)
    except ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
        return redirect("failure", key=key)
    return render(
        request,
        "enrichment/failures/failure_retry.html",
        {"group": chosen_group, "plan": _plan(chosen_group, plan)},
    )


def _plan(found: Group, plan: FailurePlan) -> dict[str, Any]:
    noun = found.source.noun
    return {
        "title": f"Retry: {found.source.label}",
        "action": reverse("failure_retry_run", args=[found.cause.key]),
        "confirm": "Submit again" if plan.note else "Start retry",
        "note": plan.note,
        "count": plan.count,
        "noun": noun if plan.count == 1 else f"{noun}s".replace("deliverys", "deliveries"),
        "cost": plan.cost if _costs_money(found) else None,
        "cost_label": plan.cost_label,
        "cost_caveat": plan.cost_caveat,
        "duration": plan.time.words if plan.count else "",
        "duration_note": plan.time.note if plan.count else "",
        "nothing": NOTHING,
        "left_out": [{"count": count, "why": why} for why, count in plan.left_out.most_common()],
        "fields": [],
        "cancel_url": reverse("failure", args=[found.cause.key]),
    }


@screen(RETRY, "POST")
def retry_run(request: HttpRequest, key: str) -> HttpResponse:
    """Start the job."""
    chosen_group = failures.find_group(key)
    if chosen_group is None:
        return _group_is_empty(request)
    try:
        job = retry_job.start_retry(chosen_group.cause, by=request.user)
    except ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
        return redirect("failure", key=key)
    return redirect("job", pk=job.pk)


@screen(RETRY, "POST")
def late_results(request: HttpRequest, key: str) -> HttpResponse:
    """Wait longer for all of a group whose results did not come, or give them up."""
    chosen_group = failures.find_group(key)
    if chosen_group is None:
        return _group_is_empty(request)
    action = request.POST.get("action", "")
    if action not in overdue_group.ACTIONS:
        raise Http404
    try:
        messages.success(request, overdue_group.decide(chosen_group.cause, action, by=request.user))
    except ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
    return redirect("failures")


@screen(RETRY, "POST")
def ignore(request: HttpRequest, key: str) -> HttpResponse:
    """Leave it as it is, with a reason, until it strikes again."""
    chosen_group = failures.find_group(key)
    if chosen_group is None:
        return _group_is_empty(request)
    try:
        failures.ignore_group(chosen_group.cause, reason=request.POST.get("reason", ""), by=request.user)
    except ValueError as error:
        messages.error(request, str(error))
        return redirect("failure", key=key)
    messages.success(request, "Ignored. It reappears if it fails again for the same cause.")
    return redirect("failures")


@screen(RETRY, "POST")
def show_again(request: HttpRequest, pk: int) -> HttpResponse:
    """No longer ignored."""
    failures.stop_ignoring(get_object_or_404(FailureIgnore, pk=pk), by=request.user)
    messages.success(request, "No longer ignored.")
    return redirect("failures")


@screen(RETRY, "POST")
def set_aside_again(request: HttpRequest, name: str) -> HttpResponse:
    """All of a kind that was set aside is due once more, each piece alone, its count begun anew."""
    kind = set_aside.kind_named(name)
    if kind is None or kind.retry is None or not request.user.has_perm(kind.right):
        raise Http404
    try:
        count = kind.retry(request.user)
    except ActionNotAllowed as impossible:
        messages.error(request, str(impossible))
    else:
        messages.success(request, f"Retrying {count:,}." if count else "Nothing is set aside any more.")
    failures.forget_groups()
    return redirect("failures")


def _group_is_empty(request: HttpRequest) -> HttpResponse:
    messages.info(request, "This group is empty: its failures were fixed or retried.")
    return redirect("failures")
