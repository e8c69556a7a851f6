"""The steps, one by one: intent and lease are committed before a store is called, the outcome after it.

A worker killed at any line leaves a step whose lease lapses; then it is done again, which every store's calls
allow. What a store has no call for becomes a person's, what is down is tried again for as long as it takes.
"""

from __future__ import annotations

import datetime
import logging
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from gdpr import audit, rectifiable, stores
from gdpr.due_dates import deadline
from gdpr.kinds import Action
from gdpr.models import RequestStep, StepAttempt, SubjectRequest
from gdpr.requests import plan
from gdpr.requests.pipeline import refresh_status, step_handlers
from gdpr.requests.pipeline.step_outcomes import ManualStepNeeded, Outcome, RecordStillThere
from gdpr.states import StepStatus
from gdpr.stores import Capability, Record, RetryLater, Unsupported
from swarm_admin.core import lease_keeper, timing, work
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.states import advance

log = logging.getLogger(__name__)
AT_ONCE = 20  # steps of one tick: others want the worker too
READ_BACKS = 3  # erased and still there so often: then a person looks
VERBS = {
    "done": Verb.COMPLETE_STEP,
    "again": Verb.CONTINUE_STEP,
    "later": Verb.POSTPONE_STEP,
    "by_hand": Verb.HAND_OVER_STEP,
    "failed": Verb.FAIL_STEP,
    "still_there": Verb.FIND_NOT_ERASED,
}  # how a try of a step ended → what the ledger calls it


def run_due(limit: int = AT_ONCE, *, request_id: int | None = None) -> int:
    """Run what is due, one step after the other, objections first; returns how many."""
    hand_back_lapsed()
    done = 0
    while done < limit and (step := claim(request_id)):
        run(step)
        done += 1
    return done


def hand_back_lapsed() -> int:
    """Steps whose worker was killed: nobody knows what became of them, so they are done again."""
    return work.hand_back_lapsed(
        RequestStep.objects.filter(status=StepStatus.IN_FLIGHT),
        lambda steps, lease: advance(steps, StepStatus.UNKNOWN, not_before=timezone.now(), **lease),
        _set_aside,
    )


def _set_aside(steps: QuerySet[RequestStep], lease: work.Values) -> None:
    """Steps that lost their worker again and again: the officer tries them again, or does them by hand."""
    for step in list(steps):
        with transaction.atomic():
            request = refresh_status.lock_request(step.request_id)
            error = {"error_kind": work.LOST, "error_message": work.LOST_SENTENCE}
            if advance(steps.filter(pk=step.pk), StepStatus.FAILED, **error, **lease):
                _close_attempt(step, request, "failed", work.LOST_SENTENCE)
                refresh_status.refresh_status(step.request_id)


def claim(request_id: int | None = None) -> RequestStep | None:
    """The next due step, now in flight and ours; None where there is none."""
    due = RequestStep.objects.due(timezone.now())
    if request_id is not None:
        due = due.filter(request=request_id)
    # What objects to being used is stopped before anything else is done.
    order = due.order_by("stage", "request__due_on", "request_id", "id")
    claimed = work.claim(order, 1, _begin, stage="requests")
    if not claimed:
        return None
    return RequestStep.objects.select_related("request", "record").get(pk=claimed[0].pk)


def _begin(steps: QuerySet[RequestStep], lease: work.Values) -> None:
    """The lease, and the attempt that shows how it went, in the transaction of the claim."""
    advance(steps, StepStatus.IN_FLIGHT, tries=F("tries") + 1, **lease)
    for step in steps:
        last = step.attempts.order_by("-number").values_list("number", flat=True).first() or 0
        StepAttempt.objects.create(step=step, number=last + 1, started_at=lease["in_flight_since"])


def run(step: RequestStep) -> None:
    """One claimed step, and its outcome on record."""
    try:
        if not may_run(step):
            _postpone(step, RetryLater("The plan changed and needs approval again."))
            return
        outcome = _run_with_lease(step)
    except RetryLater as later:
        _postpone(step, later)
    except Unsupported as unsupported:
        _hand_over(step, store_instructions(step, unsupported.capability))
    except ManualStepNeeded as by_hand:
        _hand_over(step, by_hand.instructions, by_hand.so_far)
    except RecordStillThere:
        _record_still_there(step)
    except Exception as error:
        # Its message may hold a person's data: the kind of error has to do.
        log.error("step %s of request %s: %s", step.pk, step.request_id, type(error).__name__)  # noqa: TRY400
        _record_failure(step, error)
    else:
        try:
            _record_done(step, outcome)
        except ActionNotAllowed as impossible:
            # Things moved between the look and the record: the step looks again.
            _postpone(step, RetryLater(str(impossible)))


def _run_with_lease(step: RequestStep) -> Outcome:
    """However long one call takes, its lease is kept; the search for what is left renews its own as it goes."""
    if step.action == Action.SCAN:
        return step_handlers.run_step(step)
    with lease_keeper.keep_lease(step):
        return step_handlers.run_step(step)


def may_run(step: RequestStep) -> bool:
    """Nothing is done to a record under a plan that is not the approved one, whatever made the step due."""
    if step.action not in plan.NEEDED_CAPABILITY or step.action in (Action.LOCATE, Action.RECHECK):
        return True
    request = SubjectRequest.objects.only("kind", "plan_hash", "approved_hash", "plan_changed").get(pk=step.request_id)
    return not request.rules.approval or (
        not request.plan_changed and bool(request.plan_hash) and request.approved_hash == request.plan_hash
    )


def _record_done(step: RequestStep, outcome: Outcome) -> None:
    def also(request: SubjectRequest) -> None:
        if outcome.on_recorded:
            outcome.on_recorded(request, step)

    if outcome.due_again:
        _record_outcome(step, StepStatus.PLANNED, "again", outcome.proof, also, not_before=timezone.now(), tries=0)
        return
    values: dict[str, Any] = {"done_at": timezone.now(), "proof": outcome.proof[:300], "error_kind": ""}
    if outcome.result is not None:
        values["result"] = outcome.result
    _record_outcome(step, StepStatus.DONE, "done", outcome.proof, also, error_message="", **values)


def _postpone(step: RequestStep, later: RetryLater) -> None:
    message = str(later)[:300]
    not_before = later.not_before or timing.backoff(step.tries, fast=step.request.rules.fast)
    _record_outcome(
        step,
        StepStatus.PLANNED,
        "later",
        message,
        not_before=not_before,
        error_kind="later",
        error_message=message,
    )


def _hand_over(step: RequestStep, instructions: str, so_far: Outcome | None = None) -> None:
    """To a person; what a call has found out already is recorded with it."""
    values: dict[str, Any] = {"instructions": instructions, "due_on": manual_due_date(step.request)}
    message, also = "", None
    if so_far:
        message, recorded = so_far.proof, so_far.on_recorded
        values |= {"result": so_far.result, "proof": so_far.proof[:300]}
        also = (lambda request: recorded(request, step)) if recorded else None
    _record_outcome(step, StepStatus.MANUAL, "by_hand", message, also, error_kind="by_hand", **values)


def manual_due_date(request: SubjectRequest) -> datetime.date:
    """MANUAL_STEP_DAYS from now, and never after the request itself."""
    day = deadline.today() + datetime.timedelta(days=settings.MANUAL_STEP_DAYS)
    return max(min(day, request.due_on), deadline.today())


def manual_instructions(step: RequestStep) -> str:
    """What a person does instead of the machine; "" where nobody but the machine can do it."""
    if step.action == Action.RECHECK:
        return ""
    if capability := plan.NEEDED_CAPABILITY.get(step.action):
        return store_instructions(step, capability)
    return step_handlers.manual_instructions(step)


def store_instructions(step: RequestStep, capability: Capability) -> str:
    store = stores.find_store(step.store)
    if store is None:
        return f"{step.store} is no longer connected. Do this step there by hand and enter the proof."
    record = plan.as_record(step.record) if step.record else Record(step.store, "", identity=step.request.identity)
    words = store.instructions(capability, record)
    return f"{words} {_new_values(step.request)}" if capability == Capability.RECTIFY else words


def _new_values(request: SubjectRequest) -> str:
    values: Mapping[str, str] = request.values
    lines = [f"{rectifiable.label(name)}: {value or 'empty'}" for name, value in values.items()]
    return f"New values: {'; '.join(lines)}."


def _record_failure(step: RequestStep, error: Exception) -> None:
    kind = type(error).__name__
    what = f"{stores.label_of(step.store)} rejected it, or something failed on our side" if step.store else ""
    instead = ", or do it by hand" if manual_instructions(step) else ""
    message = f"{what or 'Something failed on our side'}. Retry{instead}."
    _record_outcome(step, StepStatus.FAILED, "failed", message, error_kind=kind[:32], error_message=message)


def _record_still_there(step: RequestStep) -> None:
    """Read back, and still there: erased once more and read back later, until a person has to look."""
    faults = step.faults + 1
    message = "Erased, but the system still shows it."
    if faults >= READ_BACKS:
        message = f"Erased {faults} times, but the system still shows it."
        _record_outcome(
            step, StepStatus.FAILED, "still_there", message,
            faults=faults, error_kind="still_there", error_message=message,
        )  # fmt: skip
        return

    def erase_again(request: SubjectRequest) -> None:
        again = request.steps.filter(action=Action.ERASE, store=step.store, record=step.record)
        advance(again, StepStatus.PLANNED, not_before=timezone.now(), done_at=None, proof="")

    _record_outcome(
        step, StepStatus.PLANNED, "still_there", message, erase_again,
        faults=faults, error_kind="still_there", error_message=message, not_before=timing.backoff(faults),
    )  # fmt: skip


def _record_outcome(
    step: RequestStep, status: StepStatus, outcome: str, message: str, also: Any = None, **values: Any
) -> None:
    """Write the outcome, unless the lease was lost: then whoever has it now writes theirs."""
    with transaction.atomic():
        request = refresh_status.lock_request(step.request_id)
        if not advance(
            work.held_by_us(step).filter(status=StepStatus.IN_FLIGHT), status, in_flight_since=None, **values
        ):
            return
        _close_attempt(step, request, outcome, message, also)
        refresh_status.refresh_status(step.request_id)


def _close_attempt(step: RequestStep, request: SubjectRequest, outcome: str, message: str, also: Any = None) -> None:
    """How the attempt ended, on its record and in the ledger."""
    # The newest is this one: whoever claims a step begins another, and the lease is still ours.
    newest = step.attempts.order_by("-number").values("pk")[:1]
    attempts = StepAttempt.objects.filter(pk__in=newest, ended_at=None)
    attempts.update(ended_at=timezone.now(), outcome=outcome, message=message[:300])
    if also:
        also(request)
    audit.record(
        VERBS[outcome], on=request, counts={"step": step.pk, "try": step.tries}, reason=str(step.action)
        + (f" {step.store}" if step.store else ""),
    )  # fmt: skip
