"""Every registered store is asked; what may be somebody else's goes to the match desk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from gdpr import audit, stores
from gdpr.kinds import Action
from gdpr.models import Decision, FoundRecord, RequestStep, SubjectRequest
from gdpr.package import statements
from gdpr.requests import plan
from gdpr.requests.pipeline import refresh_status
from gdpr.states import OVER, RequestStatus, StepStatus
from gdpr.stores import Capability, PersonalDataStore, Record, SearchIncomplete, key_hash
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.states import advance


def plan_searches(request: SubjectRequest) -> None:
    """Plan a search of every store; in the caller's transaction, with the request locked or new."""
    refresh_status.move(request, RequestStatus.LOCATING)
    if not request.rules.actions:
        return
    for store in stores.registered():
        RequestStep.objects.get_or_create(
            request=request,
            action=Action.LOCATE,
            store=store.name,
            record=None,
            defaults={"stage": plan.SEARCHES},
        )


@dataclass(frozen=True)
class SearchResult:
    """`kept`: what the step keeps of it, nobody's data. `by_hand`: a person has to look for more."""

    records: list[Record]
    kept: dict[str, Any]
    by_hand: bool = False


def search(store: PersonalDataStore, request: SubjectRequest) -> SearchResult:
    """What the store finds; kept are {hash of a record's key: recipients its disclosures name} of our own stores, and
    what a recipient did with the data without keeping a record."""
    by_hand = False
    try:
        found = list(store.locate(request.identity))
    except SearchIncomplete as incomplete:
        found = incomplete.records
        by_hand = any(plan.NEEDED_CAPABILITY[act] in incomplete.acts for act in request.rules.actions)
    shares: dict[str, list[str]] = {}
    if request.rules.notifies and not store.is_recipient and Capability.EXPORT in store.capabilities():
        for record in found:
            names = sorted({share.recipient for share in store.export(record).shares})
            if names:
                shares[key_hash(store.name, record.key)] = names
    return SearchResult(found, {"recipients": shares, **statements.of_store(store, request)}, by_hand)


def save_records(request: SubjectRequest, store: str, found: Sequence[Record], *, by_hand: bool = False) -> int:
    """Write down what was found: sure records are included, an officer decides on the others. Returns how many new."""
    new = 0
    for record in found:
        values = {
            "key": record.key,
            "matched": list(record.matched),
            "sure": record.sure,
            "summary": {str(name): str(value) for name, value in record.summary.items()},
            "identifiers": _identifiers(record),
            "fingerprint": record.fingerprint,
            "gone": False,
            "found_at": timezone.now(),
        }
        first = {
            "by_hand": by_hand,
            "decision": Decision.INCLUDED if record.sure else Decision.OPEN,
        }
        if not by_hand:
            values["by_hand"] = False  # the store itself knows it now
        _, created = FoundRecord.objects.update_or_create(
            request=request,
            store=store,
            key_hash=key_hash(store, record.key),
            defaults=values,
            create_defaults={**values, **first},
        )
        new += created
    return new


def _identifiers(record: Record) -> dict[str, Any]:
    held = record.identity
    found = {"linkedin_url": held.linkedin_url, "emails": list(held.emails), "phone": held.phone}
    return {**found, "references": list(record.references)} if record.references else found


def matches_plan(request: SubjectRequest, store: str, found: Sequence[Record]) -> bool:
    """Whether the store still holds what the plan says; a record an officer excluded may change as it likes."""
    known = list(request.records.filter(store=store, by_hand=False))
    others = {record.key_hash for record in known if record.decision == Decision.EXCLUDED}
    planned = {
        record.key_hash: record.fingerprint for record in known if record.key_hash not in others and not record.gone
    }
    now = {key_hash(store, record.key): record.fingerprint for record in found}
    return {key: print_ for key, print_ in now.items() if key not in others} == planned


def mark_plan_changed(request: SubjectRequest, store: str, found: Sequence[Record]) -> None:
    """The plan follows what is found now, and has to be approved again."""
    now = {key_hash(store, record.key) for record in found}
    save_records(request, store, found)
    request.records.filter(store=store, by_hand=False).exclude(key_hash__in=now).update(gone=True)
    SubjectRequest.objects.filter(pk=request.pk).update(plan_changed=True)
    request.plan_changed = True
    audit.record(Verb.CHANGE_PLAN, on=request, counts={"records": len(now)}, reason=store)


# ---------------------------------------------------------------- the match desk


def check_can_decide(record: FoundRecord) -> None:
    """Raises ActionNotAllowed where the plan this record belongs to is frozen."""
    request = record.request
    if not request.is_open:
        raise ActionNotAllowed("This request is closed.")
    if request.planned_at is not None and not (request.plan_changed and record.decision == Decision.OPEN):
        raise ActionNotAllowed("The plan is frozen. Search again to change your decisions.")
    if request.rules.fast and record.decision == Decision.INCLUDED:
        raise ActionNotAllowed("An objection is executed immediately. Processing of this record was already stopped.")


def decide(record: FoundRecord, *, include: bool, reason: str = "", by: Any) -> FoundRecord:
    """The officer's word on whether a record is this person's.

    Raises:
        ActionNotAllowed: the plan is frozen, or no reason is given for leaving out a record the store is sure of.
    """
    with transaction.atomic():
        request = refresh_status.lock_request(record.request_id)
        record = FoundRecord.objects.select_related("request").get(pk=record.pk)
        check_can_decide(record)
        reason = " ".join(reason.split())[:300]
        if record.sure and not include and len(reason) < 5:
            raise ActionNotAllowed("Enter why this record belongs to someone else.")
        record.decision = Decision.INCLUDED if include else Decision.EXCLUDED
        record.decided_by, record.decided_at, record.decision_reason = by, timezone.now(), reason
        record.save(update_fields=["decision", "decided_by", "decided_at", "decision_reason"])
        request.prepared_by = request.preparers_with(by)
        request.save(update_fields=["prepared_by"])
        audit.record(Verb.DECIDE_RECORD, by=by, on=request, counts={"record": record.pk}, reason=str(record.decision))
        refresh_status.refresh_status(request.pk)
    return record


def check_can_search_again(request: SubjectRequest) -> None:
    """Raises ActionNotAllowed where a new search would not change the plan any more."""
    if request.status not in (
        RequestStatus.LOCATING,
        RequestStatus.AWAITING_APPROVAL,
        RequestStatus.NEEDS_ACTION,
    ):
        raise ActionNotAllowed("You can't search again at this stage.")
    if not request.rules.actions:
        raise ActionNotAllowed("This type of request has no search.")
    if refresh_status.has_begun(request):
        raise ActionNotAllowed("The plan is already being executed.")


def search_again(request: SubjectRequest, *, by: Any) -> SubjectRequest:
    """Ask every store anew; what officers decided stays as it is.

    Raises:
        ActionNotAllowed: the plan is being carried out, or the request is at another stage.
    """
    with transaction.atomic():
        request = refresh_status.lock_request(request.pk)
        check_can_search_again(request)
        searches = request.steps.filter(action=Action.LOCATE)
        searches.filter(status=StepStatus.MANUAL).update(due_on=None)
        advance(
            searches.filter(status__in=[*OVER, StepStatus.MANUAL, StepStatus.FAILED]),
            StepStatus.PLANNED,
            not_before=timezone.now(),
            tries=0,
            done_at=None,
            proof="",
        )
        # Steps of a plan nobody has begun are made again from the new one.
        request.steps.exclude(action=Action.LOCATE).delete()
        request.planned_at, request.plan_hash, request.plan_changed = None, "", False
        request.approved_hash, request.approved_at, request.approved_by = "", None, None
        request.prepared_by = request.preparers_with(by)
        request.save(
            update_fields=[
                "planned_at", "plan_hash", "plan_changed", "approved_hash", "approved_at", "approved_by", "prepared_by",
            ]
        )  # fmt: skip
        audit.record(Verb.LOOK_AGAIN, by=by, on=request)
        refresh_status.move(request, RequestStatus.LOCATING)
        refresh_status.refresh_status(request.pk)
    request.refresh_from_db()
    return request


def save_manual_finds(request: SubjectRequest, store: str, found: Mapping[str, str]) -> int:
    """Records an officer found where there is no search: {key: what is seen there}."""
    records = [
        Record(store, key, ("by hand",), True, {"seen": seen} if seen else {}, "by hand")
        for key, seen in found.items()
        if key
    ]
    return save_records(request, store, records, by_hand=True)
