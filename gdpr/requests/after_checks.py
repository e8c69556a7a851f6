"""The last look at an erased record, when its system cannot bring it back any more (GoHighLevel: 60 days).

What a legal hold kept beyond the end of its request is erased here too, when the hold is lifted.
"""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from gdpr import audit, stores
from gdpr.models import AfterCheck, LegalHold
from gdpr.requests import certificate, legal_holds
from gdpr.requests.pipeline import refresh_status
from gdpr.states import DutyStatus, StepStatus
from gdpr.stores import Capability, PersonalDataStore, Record, RetryLater, Unsupported
from swarm_admin.core import timing, work
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed, require_text
from swarm_admin.core.states import advance, advance_one

log = logging.getLogger(__name__)
VERBS = {
    "done": Verb.COMPLETE_AFTER_CHECK,
    "later": Verb.POSTPONE_AFTER_CHECK,
    "read_back": Verb.CONTINUE_AFTER_CHECK,
    "by_hand": Verb.HAND_OVER_AFTER_CHECK,
    "failed": Verb.FAIL_AFTER_CHECK,
    "found_again": Verb.ERASE_REAPPEARED,
}  # how a look ended → what the ledger calls it
GONE = ("done", "read_back")  # outcomes of a look that found nothing


def run_due(limit: int = 20) -> int:
    """Look at what is due, one after the other; returns how many were looked at."""
    work.hand_back_lapsed(
        AfterCheck.objects.filter(status=DutyStatus.IN_FLIGHT),
        lambda duties, lease: advance(duties, DutyStatus.OPEN, **lease),
        _set_aside,
    )
    looked = 0
    while looked < limit and (duty := _claim()):
        _check(duty)
        looked += 1
    return looked


def _claim() -> AfterCheck | None:
    due = AfterCheck.objects.filter(status=DutyStatus.OPEN, not_before__lte=timezone.now())
    return work.claim_one(due.order_by("not_before"), DutyStatus.IN_FLIGHT, stage="last_looks", counted=True)


def _set_aside(duties: QuerySet[AfterCheck], lease: work.Values) -> None:
    """Looks that lost their worker again and again: an officer looks, or has it tried again."""
    for duty in list(duties.select_related("request")):
        words = f"{work.LOST_SENTENCE} Check {stores.label_of(duty.store)} by hand."
        with transaction.atomic():
            mine = duties.filter(pk=duty.pk)
            if advance(mine, DutyStatus.MANUAL, instructions=words, error_message=words, **lease):
                counts = {"check": duty.pk}
                audit.record(Verb.FAIL_AFTER_CHECK, on=duty.request, counts=counts, reason=duty.store)


def _check(duty: AfterCheck) -> None:
    record = Record(duty.store, duty.key)
    try:
        store = stores.get_store(duty.store)
        _check_not_held(duty)
        if not _is_absent(store, record):
            store.erase(record)
            _schedule_next_check(duty, store)
            return
    except RetryLater as later:
        again = later.not_before or timing.backoff(duty.tries)
        _record(duty, DutyStatus.OPEN, "later", not_before=again, error_message=str(later)[:300])
    except Unsupported as unsupported:
        _record(
            duty,
            DutyStatus.MANUAL,
            "by_hand",
            instructions=store.instructions(unsupported.capability, record),
        )
    except Exception as error:
        log.error("after-check %s: %s", duty.pk, type(error).__name__)  # noqa: TRY400 - its words may be personal
        words = f"{stores.label_of(duty.store)} couldn't be reached ({type(error).__name__}). Check it by hand."
        _record(duty, DutyStatus.MANUAL, "failed", instructions=words, error_message=words)
    else:
        if duty.due_at > timezone.now():
            _record(duty, DutyStatus.OPEN, "read_back", not_before=duty.due_at, error_message="")
            return
        _record(duty, DutyStatus.DONE, "done", done_at=timezone.now(), key="", error_message="", instructions="")


def _check_not_held(duty: AfterCheck) -> None:
    if LegalHold.objects.in_force_on({(duty.store, duty.key)}):
        raise RetryLater("It is kept under legal hold.")


def _schedule_next_check(duty: AfterCheck, store: PersonalDataStore) -> None:
    """It was there: read back soon, and once more when the system cannot bring this erasure back either."""
    _record(
        duty,
        DutyStatus.OPEN,
        "found_again",
        not_before=timing.backoff(duty.tries),
        due_at=timing.due_in(store.recoverable_days * 86_400),
        error_message="The record was still there or had returned. It is being erased and will be checked again.",
    )


def _is_absent(store: PersonalDataStore, record: Record) -> bool:
    if Capability.VERIFY not in store.capabilities():
        raise Unsupported(Capability.VERIFY)
    return store.verify_absent(record)


def _record(duty: AfterCheck, status: DutyStatus, outcome: str, **values: Any) -> None:
    with transaction.atomic():
        if advance(work.held_by_us(duty), status, in_flight_since=None, **values):
            if outcome in GONE:
                _record_erasure_after_hold(duty)
            audit.record(VERBS[outcome], on=duty.request, counts={"check": duty.pk}, reason=duty.store)


def _record_erasure_after_hold(duty: AfterCheck) -> None:
    """What a legal hold had kept is gone: the steps that say "kept" say so, and so do new certificates."""
    if duty.hold_lifted_at is None or duty.erased_at is not None:
        return
    now = timezone.now()
    AfterCheck.objects.filter(pk=duty.pk).update(erased_at=now)
    kept = legal_holds.withheld_steps(duty.store, duty.key)
    requests = sorted({duty.request_id, *kept.values_list("request_id", flat=True)})
    for request_id in requests:
        refresh_status.lock_request(request_id)
    proof = f"Kept under legal hold until {duty.hold_lifted_at:%-d %B %Y}, erased and verified on {now:%-d %B %Y}."
    advance(kept, StepStatus.DONE, done_at=now, proof=proof)
    certificate.supersede(requests, f"A record that a legal hold had kept in {stores.label_of(duty.store)} was erased.")


def check_can_complete(duty: AfterCheck) -> None:
    """Raises ActionNotAllowed where it is not a person's."""
    if duty.status != DutyStatus.MANUAL:
        raise ActionNotAllowed("Only a manual check can be marked as done.")


def complete(duty: AfterCheck, *, evidence: str, by: Any) -> AfterCheck:
    """An officer looked, and this shows it.

    Raises:
        ActionNotAllowed: it is not a person's, or no evidence.
    """
    evidence = require_text(evidence, "proof that it is gone", longest=4_000)
    with transaction.atomic():
        duty = AfterCheck.objects.select_for_update().get(pk=duty.pk)
        check_can_complete(duty)
        _record_erasure_after_hold(duty)
        advance_one(duty, DutyStatus.DONE, evidence=evidence, done_at=timezone.now(), key="", instructions="")
        audit.record(
            Verb.COMPLETE_AFTER_CHECK_BY_HAND,
            by=by,
            on=duty.request,
            counts={"check": duty.pk},
            reason=duty.store,
        )
    return duty


def retry(duty: AfterCheck, *, by: Any) -> AfterCheck:
    """Ask the system once more. Raises ActionNotAllowed where it is not a person's."""
    with transaction.atomic():
        duty = AfterCheck.objects.select_for_update().get(pk=duty.pk)
        check_can_complete(duty)
        advance_one(duty, DutyStatus.OPEN, not_before=timezone.now(), tries=0)
        audit.record(Verb.RETRY_AFTER_CHECK, by=by, on=duty.request, counts={"check": duty.pk}, reason=duty.store)
    return duty
