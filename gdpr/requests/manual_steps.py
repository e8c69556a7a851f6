"""Steps a person does, and failed steps a person decides about: never over by time, only with proof (D22)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from gdpr import audit
from gdpr.kinds import Action
from gdpr.leftovers import progress
from gdpr.models import RequestStep, SubjectRequest
from gdpr.requests import plan
from gdpr.requests.pipeline import execute, locate, refresh_status
from gdpr.states import StepStatus
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed, require_text
from swarm_admin.core.states import advance_one

LONGEST = 4_000
MESSAGES = (Action.ANSWER, Action.FOREWARN)


def _locked_step(step: RequestStep) -> tuple[RequestStep, SubjectRequest]:
    request = refresh_status.lock_request(step.request_id)
    return RequestStep.objects.select_related("request", "record").get(pk=step.pk), request


def check_can_complete(step: RequestStep) -> None:
    """Raises ActionNotAllowed where the step is not a person's, or its request is over."""
    if not step.request.is_open:
        raise ActionNotAllowed("This request is closed.")
    if step.status != StepStatus.MANUAL:
        raise ActionNotAllowed("Only a manual step can be marked as done.")
    if step.action in MESSAGES:
        raise ActionNotAllowed("Send the message or mark it as sent another way. That completes the step.")


def complete(
    step: RequestStep,
    *,
    evidence: str,
    by: Any,
    found: Mapping[str, str] | None = None,
    data: Mapping[str, str] | None = None,
) -> RequestStep:
    """Done by hand, with what proves it.

    Args:
        found: of a search: {key of a record: what is seen there}; nothing found is {}.
        data: of a copy: {field: value} as found there; it goes into the package. Of a correction: what stood there
            before.

    Raises:
        ActionNotAllowed: no evidence, or the step is not a person's.
    """
    require_text(evidence, "proof that it was done", longest=LONGEST)
    with transaction.atomic():
        step, request = _locked_step(step)
        check_can_complete(step)
        # How far a search had come when it failed is no result of it.
        result = None if progress.is_progress(step.result) else step.result
        if step.action == Action.LOCATE:
            locate.save_manual_finds(request, step.store, found or {})
        if step.action == Action.EXPORT:
            if not data:
                raise ActionNotAllowed("Enter the data held there, field by field, so it can be included in the copy.")
            result = {"data": [{"field": name, "value": value} for name, value in data.items()]}
        if step.action == Action.RECTIFY:
            result = {"before": dict(data or {}), "after": dict(request.values)}
        advance_one(
            step, StepStatus.DONE, evidence=evidence.strip(), result=result, done_at=timezone.now(), done_by=by,
            proof="By hand, with evidence", error_kind="", error_message="",
        )  # fmt: skip
        _note_preparer(request, by)
        audit.record(Verb.COMPLETE_STEP_BY_HAND, by=by, on=request, counts={"step": step.pk}, reason=_step_name(step))
        refresh_status.refresh_status(request.pk)
    return step


def check_can_retry(step: RequestStep) -> None:
    """Raises ActionNotAllowed where nothing is to be tried again."""
    if not step.request.is_open:
        raise ActionNotAllowed("This request is closed.")
    if step.status not in (StepStatus.FAILED, StepStatus.MANUAL, StepStatus.PLANNED):
        raise ActionNotAllowed("Only a failed, waiting or manual step can be retried.")


def retry(step: RequestStep, *, by: Any) -> RequestStep:
    """Due at once, by the store's own call; read-backs count from nothing again.

    Raises:
        ActionNotAllowed: the step runs, or is over.
    """
    with transaction.atomic():
        step, request = _locked_step(step)
        check_can_retry(step)
        fresh: dict[str, Any] = {"not_before": timezone.now(), "tries": 0, "faults": 0, "due_on": None}
        if step.status == StepStatus.PLANNED:
            RequestStep.objects.filter(pk=step.pk, status=StepStatus.PLANNED).update(**fresh)
        else:
            advance_one(step, StepStatus.PLANNED, error_kind="", error_message="", **fresh)
        _replan_erasure(step, request)
        audit.record(Verb.RETRY_STEP, by=by, on=request, counts={"step": step.pk}, reason=_step_name(step))
        refresh_status.refresh_status(request.pk)
    return step


def _replan_erasure(step: RequestStep, request: SubjectRequest) -> None:
    """A read-back that found the record is not tried alone: it is erased again first."""
    if step.action == Action.VERIFY:
        again = request.steps.filter(
            action=Action.ERASE, store=step.store, record=step.record, status=StepStatus.DONE
        ).first()
        if again is not None:
            advance_one(again, StepStatus.PLANNED, not_before=timezone.now(), done_at=None, proof="")


def check_can_take_over(step: RequestStep) -> None:
    """Raises ActionNotAllowed where a person cannot take the step from the machine now."""
    if not step.request.is_open:
        raise ActionNotAllowed("This request is closed.")
    if step.status not in (StepStatus.PLANNED, StepStatus.UNKNOWN, StepStatus.FAILED):
        raise ActionNotAllowed("Only a waiting or failed step can be done by hand.")
    if not execute.manual_instructions(step):
        raise ActionNotAllowed("This step runs in our own database and can't be done by hand.")
    if step.action not in plan.NEEDED_CAPABILITY and step.status != StepStatus.FAILED:
        raise ActionNotAllowed("This step runs automatically. You can do it by hand if it fails.")


def take_over(step: RequestStep, *, by: Any) -> RequestStep:
    """Do by hand what the machine cannot get done: the store's instructions, and a due date.

    Raises:
        ActionNotAllowed: the step runs or is over, or is none of a store.
    """
    with transaction.atomic():
        step, request = _locked_step(step)
        check_can_take_over(step)
        advance_one(
            step, StepStatus.MANUAL, instructions=execute.manual_instructions(step),
            due_on=execute.manual_due_date(request),
        )  # fmt: skip
        audit.record(Verb.TAKE_OVER_STEP, by=by, on=request, counts={"step": step.pk}, reason=_step_name(step))
        refresh_status.refresh_status(request.pk)
    return step


def _note_preparer(request: SubjectRequest, by: Any) -> None:
    """Who prepares a plan does not approve it."""
    if request.planned_at is None:
        request.prepared_by = request.preparers_with(by)
        request.save(update_fields=["prepared_by"])


def _step_name(step: RequestStep) -> str:
    return f"{step.action} {step.store}".rstrip()
