"""Clay's word that a run is over: it names the run and nothing of what came out, so the run is asked for now.

There is no time stamp in it: a repeat is told by the run's id. A run that we do not know may be the one whose answer
was lost; whose it is, the references in its results tell (see `run_results.adopt`).
"""

import datetime
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from enrichment.leases import all_or_each
from enrichment.models import Batch, ClayRun, Verdict, WebhookDelivery
from enrichment.models.work import BatchKind
from enrichment.pipeline.receive.outcomes import Outcome, save_outcomes
from enrichment.pipeline.receive.triage import Event
from enrichment.states import BatchStatus, RunStatus
from enrichment.vendors.reading import Unreadable, clean, moment
from swarm_admin.core import work
from swarm_admin.core.states import advance
from swarm_admin.core.timing import backoff

EVENT = "run.finished"
LONGEST_ID = 100
LEASES = 3  # within so many a call whose worker was lost is taken up, see `dispatch.to_routine.settle`
Poisoned = Callable[[WebhookDelivery, Exception], None]


class Malformed(ValueError):
    """The body is no pointer."""


@dataclass(frozen=True)
class Pointer:
    """`run_id` "" in a test event."""

    run_id: str
    at: datetime.datetime


def read(body: bytes, received_at: datetime.datetime) -> Pointer:
    """Raises Malformed."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed from None
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, dict):
        raise Malformed
    run_id = data.get("routine_run_id", "")
    if not isinstance(run_id, str) or len(run_id) > LONGEST_ID or clean(run_id) != run_id or (data and not run_id):
        raise Malformed
    try:
        at = moment(document.get("createdAt"))
    except Unreadable:
        at = received_at
    return Pointer(run_id.strip(), at)


def process(deliveries: Sequence[WebhookDelivery], poisoned: Poisoned) -> None:
    """Read the pointers of one claim; makes no call."""
    if deliveries:
        all_or_each(deliveries, _judge_all, poisoned)


def judge(pointer: Pointer, runs: Mapping[str, ClayRun]) -> str:
    """The verdict, by the `runs` that are known; "" where the run is one of an answer that is still to come."""
    if not pointer.run_id:
        return Verdict.TEST
    run = runs.get(pointer.run_id)
    if run is not None:
        return Verdict.DUPLICATE if run.status == RunStatus.DONE else Verdict.ACCEPTED
    if _lost_runs().exists():
        return Verdict.ACCEPTED
    return "" if _is_sending() else Verdict.UNKNOWN_ROW


def known_runs(pointers: Sequence[Pointer]) -> dict[str, ClayRun]:
    """By their ids in Clay."""
    runs = ClayRun.objects.filter(run_id__in=[pointer.run_id for pointer in pointers])
    return {str(run.run_id): run for run in runs}


def _judge_all(deliveries: Sequence[WebhookDelivery]) -> list[None]:
    read_ones: dict[int, Pointer] = {}
    outcomes = []
    for delivery in deliveries:
        try:
            read_ones[delivery.pk] = read(bytes(delivery.body), delivery.received_at)
        except Malformed:
            outcomes.append(Outcome(delivery, Verdict.MALFORMED))
    runs = known_runs(list(read_ones.values()))
    for delivery in deliveries:
        if pointer := read_ones.get(delivery.pk):
            outcomes.append(_outcome(delivery, pointer, runs))
    save_outcomes(outcomes)
    return []


def _outcome(delivery: WebhookDelivery, pointer: Pointer, runs: dict[str, ClayRun]) -> Outcome:
    verdict = judge(pointer, runs)
    if not verdict and delivery.received_at < work.lease_cutoff(LEASES * settings.LEASE_SECONDS):
        verdict = Verdict.UNKNOWN_ROW  # what was under way then is known by now: others run routines as well
    if not verdict:
        # A call is under way whose answer may bring this id; until that is known, it is nobody's.
        return Outcome(delivery, retry_at=backoff(1), tries=delivery.tries + 1)
    if verdict == Verdict.ACCEPTED:
        _make_due(pointer, runs)
    return Outcome(delivery, verdict, Event(EVENT, pointer.run_id, "", pointer.at, "", None))


def _make_due(pointer: Pointer, runs: dict[str, ClayRun]) -> None:
    """The run is asked for now; one that is being asked for is asked again soon anyway."""
    now = timezone.now()
    run = runs.get(pointer.run_id)
    if run is None:
        only_files = not _lost_runs().filter(is_file=False).exists()
        runs[pointer.run_id] = ClayRun.objects.create(
            run_id=pointer.run_id, routine_id="", items=0, is_file=only_files, not_before=now
        )
        return
    mine = ClayRun.objects.filter(pk=run.pk)
    mine.filter(status=RunStatus.PLANNED).update(not_before=now)
    # Given up, and over after all. What had been asked for too long is young again.
    advance(mine.filter(status=RunStatus.FAILED), RunStatus.PLANNED, not_before=now, tries=0, started_at=now)


def _lost_runs() -> QuerySet[ClayRun]:
    return ClayRun.objects.filter(run_id=None, status=RunStatus.UNKNOWN)


def _is_sending() -> bool:
    open_ones = (BatchStatus.IN_FLIGHT, BatchStatus.UNKNOWN)
    return Batch.objects.filter(kind=BatchKind.SUBMIT, status__in=open_ones).exists()
