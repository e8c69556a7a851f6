"""A delivery's person and row while it is judged, and how it is left: given up to its next status."""

import datetime
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.utils import timezone

from enrichment.models import Lead, Verdict, WebhookDelivery
from enrichment.pipeline.mirror import applying
from enrichment.pipeline.receive import unmatched
from enrichment.pipeline.receive.triage import OTHER_PROFILE, Event
from enrichment.states import DeliveryStatus
from enrichment.vendors.clay.wire import ClayRow
from enrichment.vendors.errors import VendorError
from swarm_admin.core.states import advance_each

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PendingDelivery:
    """A delivery whose row has to be asked for, and what was answered."""

    delivery: WebhookDelivery
    event: Event
    lead: Lead
    answer: ClayRow | VendorError | None = None


@dataclass(frozen=True)
class Outcome:
    """How a delivery is left: with a `verdict`, with an `error` and its `message`, or due at `retry_at`.

    `retry_at` is an aware time, `tries` how often it was tried before that.
    """

    delivery: WebhookDelivery
    verdict: str = ""
    event: Event | None = None
    lead: Lead | None = None
    changed: Sequence[str] = ()
    error: str = ""
    message: str = ""
    retry_at: datetime.datetime | None = None
    tries: int = 0


Pending = TypeVar("Pending", bound=PendingDelivery)


def parts_by_lead(pending: Sequence[Pending]) -> Iterator[list[Pending]]:
    """Parts in which no lead comes twice; what is told of one lead stays in its order."""
    rest = list(pending)
    while rest:
        part: dict[int, Pending] = {}
        later = []
        for p in rest:
            if part.setdefault(p.lead.pk, p) is not p:
                later.append(p)
        yield list(part.values())
        rest = later


def redact_suppressed(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Nothing is kept of a person we do not know because they are suppressed, whatever the message is.

    Nor where the body is of somebody else than the lead that its reference leads to (OTHER_PROFILE).
    """
    about_nobody = [outcome for outcome in outcomes if outcome.lead is None or outcome.error == OTHER_PROFILE]
    suppressed = unmatched.suppressed_bodies([bytes(outcome.delivery.body) for outcome in about_nobody])
    hidden = {about_nobody[place].delivery.pk for place in suppressed}
    return [
        Outcome(outcome.delivery, Verdict.SUPPRESSED, outcome.event) if outcome.delivery.pk in hidden else outcome
        for outcome in outcomes
    ]


def verdict_of(effect: applying.Effect) -> Verdict:
    if effect.restricted:
        return Verdict.RESTRICTED
    if effect.stale:
        return Verdict.STALE
    return Verdict.ACCEPTED if effect.changed else Verdict.UNCHANGED


def save_outcomes(outcomes: Sequence[Outcome]) -> None:
    """Give deliveries of one claim up to their next status; at most three statements.

    One whose lease lapsed, and which another worker has claimed since, is left to that one, who has the last
    word: reading a delivery twice does no harm.
    """
    if not outcomes:
        return
    forget = [outcome.delivery.pk for outcome in outcomes if outcome.verdict in (Verdict.SUPPRESSED, Verdict.ERASED)]
    if forget:  # nothing personal of a blocked or forgotten person is kept, the raw body included
        WebhookDelivery.objects.filter(pk__in=forget).update(body=b"", body_hash="", headers={})
    since = outcomes[0].delivery.in_flight_since
    mine: dict[str, Any] = {"where": "present.in_flight_since = %s", "parameters": [since]}
    later = {
        outcome.delivery.pk: {
            "status": DeliveryStatus.RECEIVED,
            "in_flight_since": None,
            "not_before": outcome.retry_at,
            "tries": outcome.tries,
        }
        for outcome in outcomes
        if outcome.retry_at
    }
    now = timezone.now()
    over = {outcome.delivery.pk: _closing_columns(outcome, now) for outcome in outcomes if not outcome.retry_at}
    moved = advance_each(WebhookDelivery, later, **mine) | advance_each(WebhookDelivery, over, **mine)
    for pk in sorted({outcome.delivery.pk for outcome in outcomes} - moved):
        log.warning("webhook delivery %s: the lease had lapsed", pk)


def _closing_columns(outcome: Outcome, now: datetime.datetime) -> dict[str, object]:
    event = outcome.event
    return {
        "status": DeliveryStatus.FAILED if outcome.error else DeliveryStatus.PROCESSED,
        "in_flight_since": None,
        "verdict": str(outcome.verdict),
        "event": event.kind if event else "",
        "event_at": event.at if event else None,
        "row_id": event.row_id if event and outcome.verdict != Verdict.SUPPRESSED else "",
        "lead_id": outcome.lead.pk if outcome.lead else None,
        "changed_fields": list(outcome.changed),
        "error_kind": str(outcome.error),
        "error_message": outcome.message[:300],
        "processed_at": now,
    }
