"""Seals audit events into the chain, in the order in which they became visible. No lock on the way of an event."""

from typing import Any

from django.db import transaction

from gdpr.audit.verifier import GENESIS, link_digest
from gdpr.models import AuditEvent, AuditSeal, UnsealedEvent
from swarm_admin.core import locks

LOCK = "gdpr.seal"
AT_ONCE = 2_000
EVENT_FIELDS = (
    "id", "occurred_at", "actor_id", "verb", "object_type", "object_id", "fields", "counts", "reason", "commitment",
)  # fmt: skip


def document(row: dict[str, Any]) -> dict[str, Any]:
    """An event as the chain covers it; `row` holds EVENT_FIELDS. Times are ISO 8601 in UTC with microseconds."""
    return {**row, "occurred_at": row["occurred_at"].isoformat(timespec="microseconds")}


def head() -> tuple[int, str]:
    """(position, digest) of the last link; (0, GENESIS) of an empty chain."""
    last = AuditSeal.objects.order_by("-position").values_list("position", "digest").first()
    return last or (0, GENESIS)


def run_due(*, wait: bool = False) -> int:
    """Seal every event that waits; returns how many. One process at a time.

    Where another is at it this returns 0 at once; with `wait` it comes after it, so that afterwards whatever was
    committed before is in the chain.
    """
    done = 0
    while sealed := _seal_batch(wait):
        done += sealed
    return done


def _seal_batch(wait: bool) -> int:
    with transaction.atomic():
        if wait:
            locks.lock(LOCK)
        elif not locks.try_lock(LOCK):
            return 0
        waiting = list(UnsealedEvent.objects.order_by("event_id").values_list("event_id", flat=True)[:AT_ONCE])
        events = AuditEvent.objects.filter(pk__in=waiting).order_by("id").values(*EVENT_FIELDS)
        position, digest = head()
        seals = []
        for event in events:
            position, digest = position + 1, link_digest(digest, document(event))
            seals.append(AuditSeal(position=position, event_id=event["id"], digest=digest))
        AuditSeal.objects.bulk_create(seals)
        UnsealedEvent.objects.filter(pk__in=waiting).delete()
    return len(seals)
