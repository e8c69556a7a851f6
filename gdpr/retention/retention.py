"""Retention: what may be kept no longer is removed, here and wherever it was handed to, and read back (D7, D22)."""

import datetime
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from gdpr import audit, compliance_alerts, data_subjects, stores
from gdpr.data_subjects import RetainedRecord
from gdpr.models import LegalHold, Purge, PurgeReason, PurgeRecord
from gdpr.retention.removal import Removal
from gdpr.states import PurgeStatus, RemovalStatus
from gdpr.stores import Capability, RetryLater, Unsupported, key_hash
from swarm_admin.core import work
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed, require_text
from swarm_admin.core.states import advance, advance_one
from swarm_admin.core.timing import backoff, due_in

AT_ONCE = 200
READ_BACK_SECONDS = 30.0  # a search index may lag
FAULTS = 3  # read-backs that still find it, before a person is asked
DAY = datetime.timedelta(days=1)
WEEK = datetime.timedelta(days=7)
# {reason: (what its alerts' kinds end in, one and many in words)}
LATE = {
    PurgeReason.RETENTION: ("", "expired record", "expired records"),
    PurgeReason.RETURNED: (
        "_returned",
        "record of a suppressed person who came back",
        "records of suppressed people who came back",
    ),
}


def expiring_by_day(days: int = 7) -> list[tuple[datetime.date, int]]:
    """(day, how many records end on it) from today on, days without any included."""
    now = timezone.now()
    counts: dict[datetime.date, int] = {}
    for source in data_subjects.registered():
        for day, count in source.expiring_by_day(now, now + datetime.timedelta(days=days)).items():
            counts[day] = counts.get(day, 0) + count
    return [(day, counts.get(day, 0)) for day in (now.date() + datetime.timedelta(n) for n in range(days + 1))]


def queue_expired() -> int:
    """Take what has ended into the queue; returns how many were new."""
    taken = 0
    for source in data_subjects.registered():
        while ended := list(source.expiring(timezone.now(), limit=AT_ONCE)):
            with transaction.atomic():
                for kept in ended:
                    enqueue(kept)
            taken += len(ended)
    return taken


def enqueue(kept: RetainedRecord, reason: PurgeReason = PurgeReason.RETENTION) -> None:
    """Into the queue, unless it is there; in the caller's transaction."""
    store, key = kept.record.store, kept.record.key
    first = {"key_hash": key_hash(store, key), "kept_until": kept.until, "reason": reason}
    purge, is_new = Purge.objects.exclude(status=PurgeStatus.DONE).get_or_create(store=store, key=key, defaults=first)
    if is_new:
        ordered = sorted((*kept.elsewhere, kept.record), key=lambda record: stores.get_store(record.store).order)
        PurgeRecord.objects.bulk_create(
            PurgeRecord(purge=purge, position=position, store=record.store, key=record.key)
            for position, record in enumerate(ordered)
        )


# ---------------------------------------------------------------- in the worker


def run_due() -> int:
    """Work through what is due; returns how many were taken. What a killed worker held is taken again."""
    work.hand_back_lapsed(
        Purge.objects.filter(status=PurgeStatus.IN_FLIGHT),
        lambda purges, lease: advance(purges, PurgeStatus.PLANNED, **lease),
        _set_aside,
    )
    _wake_held()
    done = 0
    while purge := _claim():
        _purge(purge)
        done += 1
    return done


def _wake_held() -> None:
    """A hold that was lifted keeps nothing any more."""
    for purge in Purge.objects.filter(status=PurgeStatus.HELD).prefetch_related("records"):
        if not _is_held(purge):
            now = timezone.now()
            advance(Purge.objects.filter(pk=purge.pk), PurgeStatus.PLANNED, not_before=now, hold_lifted_at=now)


def _claim() -> Purge | None:
    due = Purge.objects.filter(status=PurgeStatus.PLANNED, not_before__lte=timezone.now())
    return work.claim_one(due.order_by("not_before", "id"), PurgeStatus.IN_FLIGHT, stage="purges")


def _set_aside(purges: QuerySet[Purge], lease: work.Values) -> None:
    """Purges that lost their worker again and again: an officer removes the record by hand, or has it tried again."""
    for purge in list(purges):
        with transaction.atomic():
            mine = purges.filter(pk=purge.pk)
            if advance(mine, PurgeStatus.MANUAL, error_message=work.LOST_SENTENCE, **lease):
                left = purge.records.filter(status=RemovalStatus.WAITING).order_by("position").first()
                if left is not None:
                    _hand_over(left, Capability.ERASE)


def _is_held(purge: Purge) -> bool:
    return bool(LegalHold.objects.in_force_on({(record.store, record.key) for record in purge.records.all()}))


def _purge(purge: Purge) -> None:
    if _is_held(purge):
        _postpone(purge, PurgeStatus.HELD)
        return
    try:
        for record in purge.records.exclude(status=RemovalStatus.DONE).order_by("position"):
            if record.status == RemovalStatus.MANUAL or not _remove(record):
                break
        else:
            _finish(purge)
            return
    except RetryLater as later:
        _postpone(purge, PurgeStatus.PLANNED, later.not_before or backoff(purge.tries + 1), str(later))
    except Exception as error:
        # Its kind and no more: the words of an exception may hold a person's data.
        _postpone(purge, PurgeStatus.PLANNED, backoff(purge.tries + 1), f"{type(error).__name__} in {record.store}")
    else:
        by_hand = record.status == RemovalStatus.MANUAL
        _postpone(purge, PurgeStatus.MANUAL if by_hand else PurgeStatus.PLANNED, due_in(READ_BACK_SECONDS))


def _remove(record: PurgeRecord) -> bool:
    """Remove it and read back; False while it is still there, or is a person's to remove. Raises RetryLater."""
    removal = Removal(record)
    try:
        if record.erased_at is None:
            removal.start()
            record.erased_at = timezone.now()
            record.save(update_fields=["erased_at"])
        if removal.is_done():
            _mark_removed(record)
            return True
    except Unsupported as missing:
        _hand_over(record, missing.capability)
        return False
    record.faults += 1
    record.erased_at = None
    record.save(update_fields=["faults", "erased_at"])
    if record.faults >= FAULTS:
        _hand_over(record, Capability.ERASE)
    return False


def _hand_over(record: PurgeRecord, capability: Capability) -> None:
    advance_one(record, RemovalStatus.MANUAL, instructions=Removal(record).instructions(capability))


def _mark_removed(record: PurgeRecord, evidence: str = "") -> None:
    advance_one(record, RemovalStatus.DONE, done_at=timezone.now(), evidence=evidence)


def _postpone(purge: Purge, status: PurgeStatus, not_before: datetime.datetime | None = None, error: str = "") -> None:
    values: dict[str, Any] = {"in_flight_since": None, "error_message": error[:300]}
    if status == PurgeStatus.HELD:
        values["hold_lifted_at"] = None
    if error:
        values["tries"] = purge.tries + 1
    advance(work.held_by_us(purge), status, not_before=not_before or timezone.now(), **values)


def _finish(purge: Purge) -> None:
    """Nothing of it is left but keyed hashes and counts."""
    with transaction.atomic():
        counts = {"records": purge.records.update(key="", instructions="")}
        if stayed := purge.records.exclude(stays="").count():
            counts["stayed"] = stayed
        advance_one(purge, PurgeStatus.DONE, key="", done_at=timezone.now(), in_flight_since=None, error_message="")
        audit.record(
            Verb.PURGE,
            object_type=purge.store,
            object_id=purge.key_hash,
            counts=counts,
            reason=purge.reason,
        )


# ---------------------------------------------------------------- what officers do


def complete_by_hand(record: PurgeRecord, *, evidence: str, by: Any) -> None:
    """A person removed it; the store is asked again where it can answer.

    Raises:
        ActionNotAllowed: nothing says how, or it is not theirs to do.
    """
    evidence = require_text(evidence, "proof of the removal")
    with transaction.atomic():
        waiting = PurgeRecord.objects.select_for_update().filter(pk=record.pk, status=RemovalStatus.MANUAL)
        if not waiting.exists():
            raise ActionNotAllowed("This record doesn't need manual removal.")
        _mark_removed(record, evidence)
        advance(Purge.objects.filter(pk=record.purge_id), PurgeStatus.PLANNED, not_before=timezone.now())
        audit.record(Verb.COMPLETE_PURGE_BY_HAND, by=by, on=record, reason=record.store)


def retry(purge: Purge, *, by: Any) -> None:
    """Have the worker try what waits for a person once more. Raises ActionNotAllowed where nothing does."""
    with transaction.atomic():
        waiting = purge.records.filter(status=RemovalStatus.MANUAL)
        if not advance(waiting, RemovalStatus.WAITING, faults=0, erased_at=None, stays="", instructions=""):
            raise ActionNotAllowed("Nothing here needs manual removal.")
        advance(Purge.objects.filter(pk=purge.pk), PurgeStatus.PLANNED, not_before=timezone.now())
        audit.record(Verb.RETRY_PURGE, by=by, on=purge)


def figures() -> dict[str, int]:
    """How many wait, run, are held, wait for a person, and were removed in the last week."""
    open_ = Purge.objects.exclude(status=PurgeStatus.DONE)
    counts = {str(status): open_.filter(status=status).count() for status in PurgeStatus}
    counts["week"] = Purge.objects.filter(status=PurgeStatus.DONE, done_at__gte=timezone.now() - WEEK).count()
    return counts


def overdue_alerts() -> Sequence[compliance_alerts.ComplianceAlert]:
    """What waits for a person, or should have been gone a day ago."""
    found = []
    limit = timezone.now() - DAY
    for reason, (suffix, one, more) in LATE.items():
        purges = Purge.objects.filter(reason=reason)
        if by_hand := purges.filter(status=PurgeStatus.MANUAL).count():
            words = f"{by_hand} {one if by_hand == 1 else more} must be removed by hand: see Retention."
            found.append(compliance_alerts.ComplianceAlert(f"purge_by_hand{suffix}", 0, words, True))
        if overdue := purges.filter(status=PurgeStatus.PLANNED, created_at__lt=limit).count():
            words = f"Not removed after a day: {overdue} {one if overdue == 1 else more}."
            found.append(compliance_alerts.ComplianceAlert(f"purge_late{suffix}", 0, words))
    return found
