"""Legal holds: single records that are kept although somebody asks for their erasure (Art. 17(3)). No clock stops."""

import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from gdpr import audit, stores
from gdpr.due_dates import deadline
from gdpr.kinds import Action, RequestKind
from gdpr.models import AfterCheck, LegalHold, Purge, RequestStep, SubjectRequest
from gdpr.requests.pipeline import refresh_status
from gdpr.states import OPEN, PurgeStatus, RequestStatus, StepStatus
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed, require_text
from swarm_admin.core.states import advance

HELD_ACTIONS = (Action.ERASE, Action.VERIFY)


def place(*, store: str, key: str, reason: str, review_on: datetime.date, by: Any) -> LegalHold:
    """Keep one record; steps that would erase it and have not begun are withheld.

    Raises:
        ActionNotAllowed: no reason, a day of review that has passed, it is held already, or it is being erased now.
    """
    reason = require_text(reason, "the law or dispute that requires keeping it")
    if review_on <= deadline.today():
        raise ActionNotAllowed("The review date must be in the future.")
    try:
        with transaction.atomic():
            hold = LegalHold.objects.create(store=store, key=key, reason=reason, review_on=review_on, placed_by=by)
            if _is_being_erased(hold):
                raise ActionNotAllowed("This record is being erased right now.")
            stopped = _withhold(hold)
            audit.record(Verb.PLACE_LEGAL_HOLD, by=by, on=hold, counts={"steps": stopped}, reason=store)
    except IntegrityError:
        raise ActionNotAllowed("This record is already under legal hold.") from None
    return hold


def _steps(hold: LegalHold) -> Any:
    return RequestStep.objects.filter(
        store=hold.store, record__key=hold.key, action__in=HELD_ACTIONS, request__status__in=OPEN
    )


def _is_being_erased(hold: LegalHold) -> bool:
    """Under the locks of whoever plans, claims or records these steps: none of them begins beside the hold."""
    found = SubjectRequest.objects.open().filter(records__store=hold.store, records__key=hold.key)
    for pk in sorted(set(found.values_list("pk", flat=True))):
        refresh_status.lock_request(pk)
    steps = _steps(hold).select_for_update(of=("self",)).order_by("pk")
    begun = (StepStatus.IN_FLIGHT, StepStatus.UNKNOWN)
    return any(step.action == Action.ERASE and step.status in begun for step in steps)


def _withhold(hold: LegalHold) -> int:
    begun = _steps(hold).filter(action=Action.ERASE, status=StepStatus.DONE).values("request")
    waiting = _steps(hold).exclude(request__in=begun)
    requests = list(waiting.values_list("request_id", flat=True).distinct())
    stopped = advance(waiting, StepStatus.WITHHELD, done_at=timezone.now(), proof=f"Kept under legal hold {hold.pk}.")
    refresh_status.refresh_statuses(requests)
    return stopped


def lift(hold: LegalHold, *, reason: str, by: Any) -> None:
    """Keep it no longer: what an open request withheld for it goes on; what a closed one left is erased now.

    Raises:
        ActionNotAllowed: no reason, or it was lifted already.
    """
    reason = require_text(reason, "a reason for lifting the hold")
    with transaction.atomic():
        if not LegalHold.objects.filter(pk=hold.pk, lifted_at=None).update(lifted_at=timezone.now(), lifted_by=by):
            raise ActionNotAllowed("This hold was already lifted.")
        waiting = _steps(hold).filter(status=StepStatus.WITHHELD)
        requests = list(waiting.values_list("request_id", flat=True).distinct())
        freed = advance(waiting, StepStatus.PLANNED, done_at=None, proof="", tries=0, not_before=timezone.now())
        counts = {"steps": freed, "checks": _erase_after_hold(hold)}
        _wake_purges(hold)
        audit.record(Verb.LIFT_LEGAL_HOLD, by=by, on=hold, counts=counts, reason=reason)
        refresh_status.refresh_statuses(requests)


def withheld_steps(store: str, key: str) -> Any:
    """Steps of completed erasures that had to leave this record where it was."""
    return RequestStep.objects.filter(
        store=store,
        record__key_hash__in=stores.key_hashes(store, key),
        action__in=HELD_ACTIONS,
        status=StepStatus.WITHHELD,
        request__kind=RequestKind.ERASURE,
        request__status=RequestStatus.COMPLETED,
    )


def _erase_after_hold(hold: LegalHold) -> int:
    """What a completed erasure had to leave behind is due now, as a duty of that request; returns how many."""
    left = withheld_steps(hold.store, hold.key)
    step = left.filter(action=Action.ERASE).select_related("record").order_by("-request").first()
    if step is None or step.record is None:
        return 0
    now = timezone.now()
    left.update(proof=f"Legal hold {hold.pk} was lifted on {now:%-d %B %Y}. The record is erased next.")
    AfterCheck.objects.update_or_create(
        request_id=step.request_id,
        store=hold.store,
        key_hash=step.record.key_hash,
        defaults={
            "key": hold.key,
            "due_at": now,
            "not_before": now,
            "hold_lifted_at": now,
            "erased_at": None,
        },
    )
    return 1


def _wake_purges(hold: LegalHold) -> None:
    """What has reached the end of its retention and was kept for this hold goes on being removed."""
    now = timezone.now()
    held = Purge.objects.filter(status=PurgeStatus.HELD, records__store=hold.store, records__key=hold.key)
    advance(held, PurgeStatus.PLANNED, not_before=now, hold_lifted_at=now)
