"""Which status follows: looked at under the request's lock after each step and each decision."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from gdpr import audit, stores
from gdpr.kinds import Action, RequestKind
from gdpr.messages import outstanding
from gdpr.models import AfterCheck, CheckResult, Decision, IdentityCheck, SubjectRequest
from gdpr.requests import plan
from gdpr.states import OPEN, WORKED_ON, RequestStatus, StepStatus
from gdpr.suppression import gate
from swarm_admin.core import timing
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.states import advance, advance_one

NOT_BEGUN = (StepStatus.PLANNED, StepStatus.MANUAL, StepStatus.FAILED)


def lock_request(request_id: int) -> SubjectRequest:
    """The request, ours until the transaction ends."""
    return SubjectRequest.objects.select_for_update(of=("self",)).get(pk=request_id)


def refresh_statuses(request_ids: Iterable[int]) -> None:
    for request_id in sorted(set(request_ids)):
        refresh_status(request_id)


@transaction.atomic
def refresh_status(request_id: int) -> SubjectRequest:
    """Move the request on as far as its steps and records allow."""
    request = lock_request(request_id)
    if request.status in WORKED_ON:
        if request.planned_at is None:
            _refresh_locating(request)
        elif request.plan_changed:
            _refresh_changed_plan(request)
        else:
            _refresh_executing(request)
    return request


def move(request: SubjectRequest, status: RequestStatus, **values: Any) -> None:
    """To `status`, unless it is there; with an event."""
    if request.status != status:
        advance_one(request, status, **values)
        audit.record(Verb.MOVE_REQUEST, on=request, reason=status)


def _has_undecided_records(request: SubjectRequest) -> bool:
    return request.records.filter(decision=Decision.OPEN).exists()


def _refresh_locating(request: SubjectRequest) -> None:
    searches = request.steps.filter(action=Action.LOCATE).unfinished()
    if request.rules.fast:
        suppress_found(request)
        plan.make_steps(request, final=False)
    if _has_undecided_records(request) or request.steps.needing_person().exists():
        move(request, RequestStatus.NEEDS_ACTION)
    elif searches.exists():
        move(request, RequestStatus.LOCATING)
    else:
        _freeze_plan(request)


def suppress_found(request: SubjectRequest) -> None:
    """The identifiers that the records of the person hold, beside those that were asked for."""
    for identity in plan.identities(request):
        gate.suppress(identity, reason=request.kind)


def _freeze_plan(request: SubjectRequest) -> None:
    """All answered, all decided: from here on the plan is what was found, and its hash says so."""
    request.plan_hash, request.planned_at = plan.plan_hash(request), timezone.now()
    request.save(update_fields=["plan_hash", "planned_at"])
    counts = {"records": len(plan.included(request))}
    audit.record(Verb.FREEZE_PLAN, on=request, counts=counts, reason=request.plan_hash)
    if request.rules.approval:
        move(request, RequestStatus.AWAITING_APPROVAL)
        return
    plan.make_steps(request)
    _refresh_executing(request)


def _refresh_changed_plan(request: SubjectRequest) -> None:
    """The data are not what was approved: decided where needed, then approved again."""
    if _has_undecided_records(request):
        move(request, RequestStatus.NEEDS_ACTION)
        return
    request.plan_hash, request.planned_at = plan.plan_hash(request), timezone.now()
    request.save(update_fields=["plan_hash", "planned_at"])
    move(request, RequestStatus.AWAITING_APPROVAL)


def _refresh_executing(request: SubjectRequest) -> None:
    if request.kind == RequestKind.OBJECTION:
        _set_stopped_at(request)
    if request.steps.needing_person().exists():
        move(request, RequestStatus.NEEDS_ACTION)
    elif request.steps.unfinished().exists():
        move(request, RequestStatus.EXECUTING)
    else:
        _complete(request)


def _set_stopped_at(request: SubjectRequest) -> None:
    """When the last place stopped using the data: after it nothing but the answer is left."""
    steps = request.steps.filter(action__in=[Action.SUPPRESS, Action.RESTRICT, Action.LOCATE])
    if request.stopped_at is None and not steps.unfinished().exists():
        last = steps.order_by("-done_at").values_list("done_at", flat=True).first()
        request.stopped_at = last or timezone.now()
        request.save(update_fields=["stopped_at"])


def _complete(request: SubjectRequest) -> None:
    """Every step is done, or withheld by a hold that the answer names (D22)."""
    move(request, RequestStatus.EXECUTING)
    now = timezone.now()
    outstanding.drop_unsent(request)
    if request.kind == RequestKind.ERASURE:
        _plan_after_checks(request)
    move(request, RequestStatus.COMPLETED, closed_at=now, forget_after=forget_after(request, now))
    if request.kind == RequestKind.ERASURE:
        # The person's earlier requests name them too; there is nothing left that they could be about.
        earlier = SubjectRequest.objects.closed().of_identity(request.identity_hashes).filter(forgotten_at=None)
        earlier.exclude(pk=request.pk).filter(forget_after__gt=now).update(forget_after=now)
    counts = Counter(request.steps.values_list("status", flat=True))
    audit.record(Verb.COMPLETE_REQUEST, on=request, counts=dict(counts), reason=request.kind)


def forget_after(request: SubjectRequest, closed: datetime.datetime) -> datetime.datetime:
    """When who asked is erased from the request itself."""
    erased = request.kind == RequestKind.ERASURE and request.status not in (
        RequestStatus.REFUSED,
        RequestStatus.WITHDRAWN,
    )
    days = settings.ERASURE_IDENTITY_DAYS if erased else settings.REQUEST_IDENTITY_DAYS
    return closed + timing.span(days * 86_400)


def _plan_after_checks(request: SubjectRequest) -> None:
    """Where the other side can bring a record back, it is looked for once more when that time is over."""
    erased = request.steps.filter(action=Action.ERASE, status=StepStatus.DONE).select_related("record")
    for step in erased:
        store, record = stores.find_store(step.store), step.record
        if store is None or not store.recoverable_days or record is None or step.done_at is None:
            continue
        due = step.done_at + timing.span(store.recoverable_days * 86_400)
        AfterCheck.objects.get_or_create(
            request=request,
            store=step.store,
            key_hash=record.key_hash,
            defaults={"key": record.key, "due_at": due, "not_before": due},
        )


def close(request: SubjectRequest, status: RequestStatus, **values: Any) -> None:
    """Refused or withdrawn: what has not begun is cancelled. The caller holds the lock and writes the event."""
    now = timezone.now()
    advance(request.steps.filter(status__in=NOT_BEGUN), StepStatus.CANCELLED, done_at=now)
    request.status = RequestStatus(request.status)
    after = {"closed_at": now, **values}
    moved = advance(SubjectRequest.objects.filter(pk=request.pk, status__in=OPEN), status, **after)
    if moved:
        for name, value in {"status": status, **after}.items():
            setattr(request, name, value)
        request.forget_after = forget_after(request, now)
        request.clock_waits = False
        request.save(update_fields=["forget_after", "clock_waits"])
        # Nothing is decided by it any more: what the person showed goes with the end, as with a decision.
        delete_evidence(request.checks.filter(result=CheckResult.OPEN), now)


def delete_evidence(checks: QuerySet[IdentityCheck], now: datetime.datetime) -> None:
    """What the person showed; a check for which nothing was kept has nothing deleted."""
    checks.exclude(evidence="").update(evidence="", evidence_deleted_at=now)


def has_begun(request: SubjectRequest) -> bool:
    """Whether anything was done that cannot be undone, or is being done now."""
    irreversible = [Action.ERASE, Action.RECTIFY, Action.RESTRICT, Action.RELEASE, Action.SUPPRESS]
    begun = request.steps.filter(action__in=irreversible).exclude(
        status__in=[StepStatus.WITHHELD, StepStatus.CANCELLED]
    )
    return begun.exclude(status=StepStatus.PLANNED, tries=0).exists()
