"""A claim of deliveries: judged, their rows fetched side by side, applied together."""

import logging
from collections.abc import Sequence

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from enrichment.leases import all_or_each
from enrichment.models import Channel, Verdict, WebhookDelivery
from enrichment.pipeline import fanout, recovery, suppressed_rows
from enrichment.pipeline.mirror import apply_row, applying
from enrichment.pipeline.receive import callbacks, pointers, triage
from enrichment.pipeline.receive.outcomes import (
    Outcome,
    PendingDelivery,
    parts_by_lead,
    redact_suppressed,
    save_outcomes,
    verdict_of,
)
from enrichment.states import DeliveryStatus
from enrichment.vendor_pauses import pauses
from enrichment.vendors import limiter
from enrichment.vendors.clay.wire import ClayRow
from enrichment.vendors.connections import clay
from enrichment.vendors.errors import NotFound, VendorError
from swarm_admin.core import shutdown, work
from swarm_admin.core.states import advance
from swarm_admin.core.timing import backoff, due_in, in_seconds

log = logging.getLogger(__name__)
CLAIMED_AT_ONCE = 100


def run_due() -> int:
    """Read deliveries until none is due, or Clay may not be asked; returns how many."""
    done, asks = 0, True
    while asks and not shutdown.is_requested() and (deliveries := claim()):
        asks = process(deliveries)
        done += len(deliveries)
    return done


def claim() -> list[WebhookDelivery]:
    """The deliveries that are due, ours from now on."""
    # Reading again does no harm, so a killed worker's delivery is simply read again.
    work.hand_back_lapsed(
        WebhookDelivery.objects.filter(status=DeliveryStatus.PROCESSING),
        lambda rows, lease: advance(rows, DeliveryStatus.RECEIVED, **lease),
        set_aside,
    )
    due = WebhookDelivery.objects.filter(status=DeliveryStatus.RECEIVED, not_before__lte=timezone.now())
    rows = work.claim(
        due.order_by("not_before", "id"),
        CLAIMED_AT_ONCE,
        lambda mine, lease: advance(mine, DeliveryStatus.PROCESSING, **lease),
        stage="webhooks",
    )
    for row in rows:
        row.status = DeliveryStatus.PROCESSING
    return rows


def set_aside(rows: QuerySet[WebhookDelivery], lease: work.Values) -> None:
    """Deliveries that took their worker with them again and again: a person decides, and may have them read again."""
    error = {"error_kind": work.LOST, "error_message": work.LOST_SENTENCE}
    advance(rows, DeliveryStatus.FAILED, processed_at=timezone.now(), **error, **lease)


def process(deliveries: Sequence[WebhookDelivery]) -> bool:
    """Read the deliveries of one claim. A constant number of statements, unless one of them is poison.

    False: Clay may not be asked now, and those that need it wait.
    """
    for channel, read in ((Channel.ROW, callbacks.process), (Channel.RUN, pointers.process)):
        if theirs := [delivery for delivery in deliveries if delivery.channel == channel]:
            read(theirs, poisoned)
    events = [delivery for delivery in deliveries if delivery.channel == Channel.EVENT]
    pending = all_or_each(events, _triage_all, poisoned)
    if pending and pauses.reading_pause("clay"):
        # Not when the pause is to end: a person may resume it before.
        save_outcomes([Outcome(p.delivery, retry_at=backoff(1), tries=p.delivery.tries) for p in pending])
        return False
    if pending and (wait := limiter.blocked_for(limiter.READS)):
        save_outcomes([Outcome(p.delivery, retry_at=in_seconds(wait), tries=p.delivery.tries) for p in pending])
        return False
    answered = _fetch_rows(pending)
    stopped = triage.suppressed_places([(p.lead, p.answer) for p in answered if isinstance(p.answer, ClayRow)])
    shown = [p for p in answered if isinstance(p.answer, ClayRow)]
    hidden = {shown[place].delivery.pk for place in stopped}
    rest = all_or_each(answered, lambda some: _close_rowless(some, hidden), lambda p, e: poisoned(p.delivery, e))
    for part in parts_by_lead(rest):
        all_or_each(part, _apply, lambda p, e: poisoned(p.delivery, e))
    return True


def _triage_all(deliveries: Sequence[WebhookDelivery]) -> list[PendingDelivery]:
    """Leaves those that can be judged without a call; the others have to be asked for."""
    duplicates = triage.earlier_copies(deliveries)
    find = triage.lead_finder(triage.events_in(deliveries), only=triage.LOADED)
    outcomes: list[Outcome] = []
    pending: list[PendingDelivery] = []
    for delivery in deliveries:
        judgement = triage.classify(delivery, delivery.pk in duplicates, find)
        if judgement.verdict or judgement.event is None or judgement.lead is None:
            outcomes.append(Outcome(delivery, judgement.verdict, judgement.event, judgement.lead))
        else:
            pending.append(PendingDelivery(delivery, judgement.event, judgement.lead))
    save_outcomes(redact_suppressed(outcomes))
    return pending


def poisoned(delivery: WebhookDelivery, error: Exception) -> None:
    """A poison delivery stays on the Webhooks screen with its error.

    Its kind is logged and no more: the words of an exception may hold a person's data.
    """
    log.error("webhook delivery %s: %s", delivery.pk, type(error).__name__)
    save_outcomes([Outcome(delivery, error="internal_error")])


def _fetch_rows(pending: Sequence[PendingDelivery]) -> list[PendingDelivery]:
    if not pending:
        return []
    client = clay()
    answers = fanout.call_each(
        pending,
        lambda p: client.get_row(p.lead.clay_table_id or p.event.table_id, p.event.row_id),
        vendor="clay",
    )
    return [PendingDelivery(p.delivery, p.event, p.lead, answer) for p, answer in zip(pending, answers, strict=True)]


def _close_rowless(answered: Sequence[PendingDelivery], hidden: set[int]) -> list[PendingDelivery]:
    """Leaves those whose row did not come, or may not be applied, or not yet; answers the others."""
    closed = {p.delivery.pk: why for p in answered if (why := _outcome_without_row(p, p.delivery.pk in hidden))}
    for p in answered:
        outcome = closed.get(p.delivery.pk)
        if isinstance(p.answer, ClayRow) and outcome and outcome.verdict == Verdict.SUPPRESSED:
            suppressed_rows.handle_return(p.lead.pk, p.answer, p.lead.clay_table_id or p.event.table_id)
    save_outcomes(list(closed.values()))
    return [p for p in answered if p.delivery.pk not in closed]


def _outcome_without_row(pending: PendingDelivery, hidden: bool) -> Outcome | None:
    delivery, event, lead, answer = pending.delivery, pending.event, pending.lead, pending.answer
    if isinstance(answer, NotFound):
        return Outcome(delivery, Verdict.UNKNOWN_ROW, event, lead)
    if isinstance(answer, VendorError):
        step = recovery.next_step(answer, tries=delivery.tries + 1, limit=limiter.READS, scope="")
        if step.action == "give_up":
            return Outcome(delivery, event=event, lead=lead, error=answer.recovery, message=str(answer))
        return Outcome(delivery, retry_at=step.not_before, tries=delivery.tries + step.counted)
    if answer is not None and apply_row.is_enriching(answer) and delivery.tries < settings.MAX_ATTEMPTS:
        # The news was quicker than the row, or is of a run before the present one.
        return Outcome(delivery, retry_at=due_in(settings.READ_BACK_SECONDS), tries=delivery.tries + 1)
    return Outcome(delivery, Verdict.SUPPRESSED, event) if hidden else None


def _apply(pending: Sequence[PendingDelivery]) -> list[None]:
    updates = [
        applying.RowUpdate(p.lead.pk, p.answer, p.event.at, p.event.error)
        for p in pending
        if isinstance(p.answer, ClayRow)
    ]
    outcomes = []
    for p, effect in zip(pending, applying.apply_all(updates), strict=True):
        outcomes.append(Outcome(p.delivery, verdict_of(effect), p.event, p.lead, effect.changed))
    save_outcomes(outcomes)
    return []
