"""Deliveries given up to their next status, if they are still ours."""

import datetime
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from enrichment.models import Lead, Verdict, WebhookDelivery
from enrichment.pipeline.receive.events import Event
from enrichment.states import DeliveryStatus
from swarm_admin.core.states import advance_each

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Left:
    """How a delivery is left: with a `verdict`, with an `error` and its `message`, or due `again`.

    `again` is an aware time, `tries` how often it was tried before that.
    """

    delivery: WebhookDelivery
    verdict: str = ""
    event: Event | None = None
    lead: Lead | None = None
    changed: Sequence[str] = ()
    error: str = ""
    message: str = ""
    again: datetime.datetime | None = None
    tries: int = 0


def leave(all_left: Sequence[Left]) -> None:
    """Give deliveries of one claim up to their next status; at most three statements.

    One whose lease lapsed, and which another worker has claimed since, is left to that one, who has the last
    word: reading a delivery twice does no harm.
    """
    if not all_left:
        return
    forget = [left.delivery.pk for left in all_left if left.verdict == Verdict.SUPPRESSED]
    if forget:  # nothing personal of a blocked person is kept, the raw body included
        WebhookDelivery.objects.filter(pk__in=forget).update(body=b"", body_hash="", headers={})
    since = all_left[0].delivery.in_flight_since
    mine: dict[str, Any] = {"where": "present.in_flight_since = %s", "parameters": [since]}
    later = {
        left.delivery.pk: {
            "status": DeliveryStatus.RECEIVED,
            "in_flight_since": None,
            "not_before": left.again,
            "tries": left.tries,
        }
        for left in all_left
        if left.again
    }
    now = timezone.now()
    over = {left.delivery.pk: _closed(left, now) for left in all_left if not left.again}
    moved = advance_each(WebhookDelivery, later, **mine) | advance_each(WebhookDelivery, over, **mine)
    for pk in sorted({left.delivery.pk for left in all_left} - moved):
        log.warning("webhook delivery %s: the lease had lapsed", pk)


def _closed(left: Left, now: datetime.datetime) -> dict[str, object]:
    event = left.event
    return {
        "status": DeliveryStatus.FAILED if left.error else DeliveryStatus.PROCESSED,
        "in_flight_since": None,
        "verdict": str(left.verdict),
        "event": event.kind if event else "",
        "event_at": event.at if event else None,
        "row_id": event.row_id if event and left.verdict != Verdict.SUPPRESSED else "",
        "lead_id": left.lead.pk if left.lead else None,
        "changed_fields": list(left.changed),
        "error_kind": str(left.error),
        "error_message": left.message[:300],
        "processed_at": now,
    }
