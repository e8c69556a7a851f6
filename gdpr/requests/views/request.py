"""One request, as a story: who asks, by when, what was found, what is done, what is said, what proves it."""

import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from gdpr import audit, rectifiable, stores
from gdpr.audit import reading
from gdpr.due_dates import deadline
from gdpr.kinds import Action, RequestKind
from gdpr.models import AuditEvent, Decision, FoundRecord, LegalHold, RequestStep, SubjectRequest
from gdpr.requests import certificate, forget, plan
from gdpr.requests.leftover_erasure import check_can_erase, leftovers_found
from gdpr.requests.manual_steps import check_can_complete, check_can_retry, check_can_take_over
from gdpr.requests.pipeline import verify
from gdpr.requests.views.request_actions import ACTIONS, HANDLE, HOLD, available_actions, build_form, error_summary
from gdpr.states import BY_PERSON, OPEN, RequestStatus, StepStatus
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed, is_allowed
from swarm_admin.core.screens import screen

VIEW = "gdpr.view_request"
EVENTS = 60
SEEN_FOR = datetime.timedelta(hours=12)  # a page that stays open is one look


@screen(VIEW, fragments=True)
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """The page; for htmx its live part. Opening it is an event, asking again is not."""
    subject = get_object_or_404(SubjectRequest, pk=pk)
    looked = AuditEvent.objects.filter(
        verb=Verb.VIEW_REQUEST.value, actor_id=request.user.pk, object_type="subjectrequest", object_id=str(pk),
        occurred_at__gte=timezone.now() - SEEN_FOR,
    )  # fmt: skip
    if request.htmx and looked.exists():  # type: ignore[attr-defined]
        return render(request, "gdpr/requests/_request_live.html", context(request, subject))
    audit.record(Verb.VIEW_REQUEST, by=request.user, on=subject)
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "gdpr/requests/_request_live.html", context(request, subject))
    return page(request, subject)


def page(
    request: HttpRequest, subject: SubjectRequest, *, status: int = 200, bound: Any = None, problem: str = ""
) -> HttpResponse:
    """The whole page; `bound` holds forms that came back with what is wrong in them."""
    subject = SubjectRequest.objects.get(pk=subject.pk)
    page_context = context(request, subject) | {"problem": problem, "bound": bound or {}}
    for name, form in (bound or {}).items():
        page_context["actions"][name]["form"] = form
    return render(request, "gdpr/requests/request.html", page_context, status=status)


@screen(VIEW, "POST")
def run_action(request: HttpRequest, pk: int, act: str) -> HttpResponse:
    """Do one of ACTIONS to a request. What was typed wrongly comes back in its form; what cannot be is said."""
    wanted = ACTIONS.get(act)
    if wanted is None:
        raise Http404
    if not request.user.has_perm(wanted.permission):
        raise PermissionDenied
    subject = get_object_or_404(SubjectRequest, pk=pk)
    form = build_form(act, wanted, subject, request.POST)
    if not form.is_valid():
        return page(request, subject, status=422, bound={act.replace("-", "_"): form}, problem=error_summary(form))
    try:
        wanted.run(subject, form.cleaned_data, request.user)
    except ActionNotAllowed as why:
        form.add_error(None, forms.ValidationError(str(why)))
        return page(request, subject, status=422, bound={act.replace("-", "_"): form}, problem=str(why))
    messages.success(request, wanted.done)
    return redirect("request", pk=pk)


def context(request: HttpRequest, subject: SubjectRequest) -> dict[str, Any]:
    """Everything the page tells; few queries whatever the number of records."""
    today = deadline.today()
    steps = list(subject.steps.select_related("record", "done_by").prefetch_related("attempts").order_by("stage", "id"))
    records = list(subject.records.select_related("decided_by"))
    return {
        "each": subject,
        "left": subject.days_left(today),
        "late_by": -subject.days_left(today),
        # Its certificate is written a moment after it is closed.
        "live": subject.status in OPEN or certificate.missing_certificates().filter(pk=subject.pk).exists(),
        "working": deadline.calculation(subject),
        "pauses": subject.pauses.all(),
        "check": verify.current(subject),
        "checks": subject.checks.select_related("decided_by"),
        "systems": _systems(subject, records, steps),
        "undecided": sum(record.decision == Decision.OPEN for record in records),
        "plan": _plan(subject),
        "finishing": [_step(step) for step in steps if step.record_id is None and step.action not in SEARCHES],
        "outgoing": subject.messages.select_related("template", "sent_by"),
        "documents": subject.documents.all(),
        "still_named": forget.open_requests_naming(subject).order_by("pk") if _is_erased(subject) else (),
        "after_checks": [(duty, stores.label_of(duty.store)) for duty in subject.after_checks.all()],
        "now": timezone.now(),
        "later": subject.later_requests.all(),
        "duplicates": subject.duplicates.all(),
        "events": reading.entries(_events(subject)),
        "actions": available_actions(subject, request.user),
        "may_handle": request.user.has_perm(HANDLE),
        "may_hold": request.user.has_perm(HOLD),
        "stages": _stages(subject),
        "next": _next_action(subject, steps),
    }


SEARCHES = (Action.LOCATE, Action.RECHECK)


def _is_erased(subject: SubjectRequest) -> bool:
    return subject.kind == RequestKind.ERASURE and subject.status == RequestStatus.COMPLETED


def _events(subject: SubjectRequest) -> Any:
    return AuditEvent.objects.filter(object_type="subjectrequest", object_id=str(subject.pk)).order_by("-id")[:EVENTS]


def _systems(subject: SubjectRequest, records: list[FoundRecord], steps: list[RequestStep]) -> list[dict[str, Any]]:
    """Per system: the search for the person, the records found, and the steps of each."""
    names = list(dict.fromkeys([*(s.store for s in steps if s.action in SEARCHES), *(r.store for r in records)]))
    kept = LegalHold.objects.of_records(records)
    return [
        {
            "name": name,
            "label": stores.label_of(name),
            "searches": [_step(step) for step in steps if step.store == name and step.action in SEARCHES],
            "records": [
                {
                    "record": record,
                    "hold": kept.get(record.pk),
                    "may_hold": _may_hold(subject, record, steps),
                    "steps": [_step(step) for step in steps if step.record_id == record.pk],
                }
                for record in records
                if record.store == name
            ],
        }
        for name in names
    ]


def _may_hold(subject: SubjectRequest, record: FoundRecord, steps: list[RequestStep]) -> bool:
    """A hold keeps a record from being erased: there has to be one, and something that would."""
    erased = any(
        step.record_id == record.pk and step.action == Action.ERASE and step.status == StepStatus.DONE for step in steps
    )
    return subject.kind == RequestKind.ERASURE and subject.is_open and bool(record.key) and not erased


def _step(step: RequestStep) -> dict[str, Any]:
    """A step, and what a person may do about it now."""
    return {
        "step": step,
        "label": stores.label_of(step.store) if step.store else "",
        "may_complete": is_allowed(check_can_complete, step),
        "may_retry": step.status != StepStatus.PLANNED and is_allowed(check_can_retry, step),
        "may_take_over": step.tries > 0 and is_allowed(check_can_take_over, step),
        "asks_found": step.action == Action.LOCATE,
        "asks_data": step.action == Action.EXPORT,
        "asks_before": step.action == Action.RECTIFY,
        "changes": _changes(step),
        "leftovers": leftovers_found(step) if is_allowed(check_can_erase, step) else (),
        "is_search": step.action in SEARCHES,
        "shows_attempts": len(step.attempts.all()) > 1 or bool(step.error_message),
    }


def _changes(step: RequestStep) -> list[tuple[str, str, str]]:
    """(field as people call it, what stood there before, what was written); kept while the request is open."""
    if step.action != Action.RECTIFY or step.status != StepStatus.DONE or not step.result:
        return []
    before, after = step.result.get("before", {}), step.result.get("after", {})
    return [(rectifiable.label(name), before.get(name, ""), value) for name, value in after.items()]


def _plan(subject: SubjectRequest) -> list[plan.PlanLine]:
    return plan.lines(subject) if subject.planned_at else []


def _stages(subject: SubjectRequest) -> list[tuple[str, str]]:
    """(label, "done" | "now" | "") of the way a request goes."""
    if subject.kind == RequestKind.PORTABILITY and subject.is_open:
        return [(RequestStatus.RECEIVED.label, "now"), ("Explained, copy offered", "")]
    way = [RequestStatus.RECEIVED, RequestStatus.VERIFYING, RequestStatus.LOCATING]
    if subject.rules.approval:
        way.append(RequestStatus.AWAITING_APPROVAL)
    if not subject.rules.check:
        way.remove(RequestStatus.VERIFYING)
    way += [RequestStatus.EXECUTING, RequestStatus.COMPLETED]
    now = RequestStatus(subject.status)
    if now in (RequestStatus.REFUSED, RequestStatus.WITHDRAWN):
        return [(way[0].label, "done"), (now.label, "now")]
    if now == RequestStatus.NEEDS_ACTION:
        now = _interrupted_stage(subject)
    at = way.index(now)
    return [
        (stage.label, "done" if n < at or now == RequestStatus.COMPLETED else "now" if n == at else "")
        for n, stage in enumerate(way)
    ]


def _interrupted_stage(subject: SubjectRequest) -> RequestStatus:
    """Where a request stands in which a person has to do something before it goes on."""
    return RequestStatus.EXECUTING if subject.planned_at else RequestStatus.LOCATING


def _next_action(subject: SubjectRequest, steps: list[RequestStep]) -> tuple[str, str]:
    """(what a person does next, the place on the page); empty where the machine is at work or it is over."""
    by_status = {
        RequestStatus.VERIFYING: ("Next: confirm the requester's identity.", "identity"),
        RequestStatus.AWAITING_APPROVAL: ("Next: someone else approves the plan.", "plan"),
    }
    if found := by_status.get(RequestStatus(subject.status)):
        return found
    if subject.kind == RequestKind.PORTABILITY and subject.status == RequestStatus.RECEIVED:
        return "Next: explain that the right doesn't apply and offer a copy.", "acts"
    waiting = [step for step in steps if step.status in BY_PERSON]
    if not waiting or not subject.is_open:
        return "", ""
    of_system = any(step.store and step.action != Action.NOTIFY for step in waiting)
    many = f"{len(waiting)} steps" if len(waiting) > 1 else "1 step"
    return f"Next: {many} to do by hand or retry.", "systems" if of_system else "finish"
