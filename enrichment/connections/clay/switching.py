"""Changes the way to Clay that is in use, at once and for every process; what is on its way is brought to an end.

What was planned but not sent is due again, and goes the new way. What was sent stays what it is: its result is taken
where it still arrives, and else the lead is overdue in time. A call whose outcome the new way cannot tell is given up
in doubt, for a person: sent again unseen, it may be paid twice.
"""

from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from enrichment.models import Attempt, Batch, BatchItem, Connection, Lead, ServiceHold
from enrichment.models.connection import ALONE, CLAY_ROWS
from enrichment.models.work import BatchKind
from enrichment.pipeline.dispatch import to_table
from enrichment.pipeline.dispatch.batch import finish_batch, finish_items, items_of, requeue, set_aside
from enrichment.pipeline.dispatch.plan import has_way
from enrichment.states import AttemptStatus, BatchStatus, ItemStatus
from enrichment.vendor_pauses import pauses
from enrichment.vendors import vendor_health
from enrichment.vendors.capabilities import Capability as Can
from enrichment.vendors.clay.chosen import CONNECTORS, connector_class, connector_slug
from enrichment.vendors.errors import Recovery, UnknownOutcome
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.states import advance_one

CLAY_PAUSES: Final = ("clay", CLAY_ROWS, *ALONE)
READ_BACK: Final = (BatchKind.ROWS, BatchKind.TRIGGER)  # what became of them is seen by reading in Clay
CHANGED: Final = "connector_changed"
CHANGED_WORDS: Final = "Clay was connected in another way before it was sent, or its outcome known"


@dataclass(frozen=True)
class OnItsWay:
    """Leads under the way in use, by how far they are; `write_backs` wait for one."""

    waiting: int
    planned: int
    sending: int
    unknown: int
    running: int
    write_backs: int

    @property
    def is_empty(self) -> bool:
        return not (self.waiting or self.planned or self.sending or self.unknown or self.running or self.write_backs)


def on_its_way() -> OnItsWay:
    """Counted now."""
    items = BatchItem.objects.filter(status=ItemStatus.PLANNED)
    to_clay = items.exclude(batch__kind=BatchKind.UPDATE)
    return OnItsWay(
        waiting=Lead.objects.filter(dispatch_after__isnull=False).count(),
        planned=to_clay.filter(batch__status=BatchStatus.PLANNED).count(),
        sending=to_clay.filter(batch__status=BatchStatus.IN_FLIGHT).count(),
        unknown=items.filter(batch__status=BatchStatus.UNKNOWN, batch__kind__in=READ_BACK).count(),
        running=Attempt.objects.filter(status=AttemptStatus.RUNNING, lead__isnull=False).count(),
        write_backs=Lead.objects.filter(write_back_after__isnull=False).count()
        + items.filter(batch__kind=BatchKind.UPDATE, batch__status=BatchStatus.PLANNED).count(),
    )


def consequences(found: OnItsWay, to: str) -> list[tuple[int, str]]:
    """(how many, what becomes of them) where another way is chosen; only of what there is."""
    now, then = connector_class().capabilities, CONNECTORS[to].capabilities
    name = CONNECTORS[to].name
    lines = [
        (found.waiting, f"waiting: sent through {name}."),
        (found.planned, f"planned but not sent: due again, then sent through {name}."),
        (found.sending, "being sent right now: that call finishes as it began."),
        (found.unknown, _of_unknown(then)),
        (found.running, _of_running(now, then)),
        (
            found.write_backs if Can.UPDATE in now else 0,
            "" if Can.UPDATE in then else f"waiting for a write-back: {name} takes none, so they wait.",
        ),
    ]
    return [(count, words) for count, words in lines if count and words]


def _of_unknown(then: frozenset[Can]) -> str:
    if Can.FETCH in then:
        return "with an unknown outcome: looked up in Clay first, as now."
    return "with an unknown outcome: listed under Failures, because their rows can't be read any more."


def _of_running(now: frozenset[Can], then: frozenset[Can]) -> str:
    if Can.RECEIVE_ROW in now:
        return "being enriched: their rows are still accepted. Keep Clay's HTTP API column on until they are back."
    if now <= then:
        return "being enriched: their results are still fetched."
    return "being enriched: their results can't be fetched any more. Without one they become overdue in time."


def check_can_choose(slug: str) -> None:
    """Raises ActionNotAllowed with the sentence why not. `slug`: one of CONNECTORS, or "" for the environment's."""
    if slug and slug not in CONNECTORS:
        raise ActionNotAllowed("There is no such connector.")


def choose(slug: str, *, by: Any) -> str:
    """Puts a way to use, "" for CLAY_CONNECTOR's; the slug of the one in use then. Raises ActionNotAllowed.

    Chosen again, the one in use stays, and nothing on its way is touched.
    """
    check_can_choose(slug)
    before = connector_slug()
    with transaction.atomic():
        connection, _ = Connection.objects.get_or_create(system="clay")
        connection = Connection.objects.select_for_update().get(pk=connection.pk)
        connection.connector = slug
        connection.save(update_fields=["connector"])
        after = connector_slug()
        audit.record(Verb.CHOOSE_CLAY_CONNECTOR, by=by, on=connection, reason=f"{before} → {after}")
        if after == before:
            return after
        _bring_to_an_end(list(BatchKind.values), CONNECTORS[after].capabilities)
        for hold in ServiceHold.objects.filter(system__in=CLAY_PAUSES, lifted_at__isnull=True):
            pauses.end_pause(hold, by=by, reason="Clay is connected in another way")
    vendor_health.forget_errors("clay")
    # What another process planned meanwhile.
    _bring_to_an_end(_kinds_not_of(after), CONNECTORS[after].capabilities)
    return after


def _kinds_not_of(slug: str) -> list[str]:
    """Kinds of batches that this way does not send."""
    return [kind for kind in BatchKind if not has_way(kind, CONNECTORS[slug].capabilities)]


def _bring_to_an_end(kinds: list[str], then: frozenset[Can]) -> None:
    with transaction.atomic():
        # The leads before their batches, as whoever records what a call brought does.
        mine = Batch.objects.filter(kind__in=kinds, status__in=[BatchStatus.PLANNED, BatchStatus.UNKNOWN])
        Lead.objects.filter(
            pk__in=BatchItem.objects.filter(batch__in=mine, status=ItemStatus.PLANNED).values("lead")
        ).lock()
        for batch in mine.select_for_update(skip_locked=True).order_by("pk"):
            if batch.status == BatchStatus.UNKNOWN and batch.kind in READ_BACK:
                if Can.FETCH not in then:
                    _give_up(batch)
            elif batch.status == BatchStatus.UNKNOWN and batch.kind == BatchKind.SUBMIT:
                to_table.settle(batch, items_of(batch))  # what had begun is awaited, whichever way it went
            elif batch.status == BatchStatus.PLANNED or batch.kind == BatchKind.UPDATE:
                _hand_back(batch)


def _hand_back(batch: Batch) -> None:
    """Not sent, and to be planned anew."""
    items = items_of(batch)
    if batch.kind == BatchKind.UPDATE:
        finish_items(items, ItemStatus.AGAIN)
        Lead.objects.filter(pk__in=[item.lead_id for item in items]).update(write_back_after=timezone.now())
    else:
        requeue(items, counted=False)
    advance_one(batch, BatchStatus.FAILED, finished_at=timezone.now(), error_kind=CHANGED, error_message=CHANGED_WORDS)


def _give_up(batch: Batch) -> None:
    error = UnknownOutcome(
        "clay",
        batch.get_kind_display().lower(),
        code=CHANGED,
        message=CHANGED_WORDS,
        recovery=Recovery.READ_BACK,
    )
    set_aside(items_of(batch), error, in_doubt=True)
    finish_batch(batch, BatchStatus.FAILED)
