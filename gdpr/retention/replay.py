"""After a database came back from a backup: everyone on the suppression list is erased again."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from gdpr import audit, data_subjects, stores
from gdpr.data_subjects import RetainedRecord
from gdpr.identity import Identity
from gdpr.kinds import RequestKind
from gdpr.models import LegalHold, PurgeReason
from gdpr.retention import retention
from gdpr.stores import Ground, Record, RetryLater, Unsupported
from gdpr.suppression import gate
from swarm_admin.core.audit_verbs import Verb

log = logging.getLogger(__name__)
AT_ONCE = 1_000
BY_HAND = "has to be done by hand: see Retention"


@dataclass
class ReplayResult:
    """`looked_at` and `suppressed` count people; the others records, `under_hold` those under a legal hold.

    `not_erased` are records that could not be dealt with, with why.
    """

    looked_at: int
    suppressed: int
    erased: int
    not_erased: list[str]
    restricted: int = 0
    under_hold: int = 0


def run(*, for_real: bool) -> ReplayResult:
    """Erase everyone the list names, in all stores, and read back. Safe to run any number of times.

    Whoever only objected (Art. 21) did not ask to be erased: their records are stopped again instead.
    """
    result = ReplayResult(0, 0, 0, [])
    for source in data_subjects.registered():
        for people in source.everyone(AT_ONCE):
            result.looked_at += len(people)
            _replay_batch(people, result, for_real)
    if for_real:
        counts = {"found": result.suppressed, "erased": result.erased, "restricted": result.restricted}
        audit.record(Verb.REPLAY_ERASURES, counts={**counts, "held": result.under_hold, "left": len(result.not_erased)})
    return result


def _replay_batch(people: Sequence[tuple[RetainedRecord, Identity]], result: ReplayResult, for_real: bool) -> None:
    for position, reasons in sorted(gate.reasons([identity for _, identity in people]).items()):
        result.suppressed += 1
        if for_real:
            _replay_records(people[position][0], reasons == {str(RequestKind.OBJECTION)}, result)


def _replay_records(kept: RetainedRecord, only_objected: bool, result: ReplayResult) -> None:
    """Ours goes last, and only when the others are done: it leads to them. What a person has to erase is queued."""
    records = sorted((*kept.elsewhere, kept.record), key=lambda record: stores.get_store(record.store).order)
    held = LegalHold.objects.in_force_on({(record.store, record.key) for record in records})
    if held and not only_objected:
        result.under_hold += len(held)
        return
    for record in records:
        why = _restrict(record) if only_objected else _erase(record)
        if why:
            result.not_erased.append(f"{record.store} {record.key}: {why}")
            if why == BY_HAND and not only_objected:
                with transaction.atomic():
                    retention.enqueue(kept, PurgeReason.RETURNED)
            return
        result.restricted += only_objected
        result.erased += not only_objected


def _restrict(record: Record) -> str:
    return _failure_of(record, lambda store: store.restrict(record, Ground.OBJECTION))


def _erase(record: Record) -> str:
    """Empty when it is gone, else why not."""

    def gone(store: stores.PersonalDataStore) -> str | None:
        store.erase(record)
        return None if store.verify_absent(record) else "still there after erasure; run again"

    return _failure_of(record, gone)


def _failure_of(record: Record, act: object) -> str:
    """What kept `act` from being done; one record never keeps the others from their turn."""
    try:
        return act(stores.get_store(record.store)) or ""  # type: ignore[operator]
    except RetryLater as later:
        return str(later)
    except Unsupported:
        return BY_HAND
    except Exception as error:
        # Its kind and no more: the words of an exception may hold a person's data.
        log.error("replay of %s %s: %s", record.store, record.key, type(error).__name__)  # noqa: TRY400
        return f"failed ({type(error).__name__})"
