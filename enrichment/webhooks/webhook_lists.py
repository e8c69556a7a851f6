"""The list of Webhooks as an address asks for it: filters, words, page; and its figures."""

from __future__ import annotations

import datetime
from typing import Any

from django.db.models import Count, Min, Q, QuerySet
from django.utils import timezone

from enrichment.deliveries.lists import DeliveryList
from enrichment.labels import EVENT_LABELS
from enrichment.models import Lead, Verdict, WebhookDelivery
from enrichment.models.webhook import FAILED
from enrichment.pipeline.receive import refused
from enrichment.states import DeliveryStatus
from swarm_admin.core.cache import cached

HOUR, DAY = datetime.timedelta(hours=1), datetime.timedelta(days=1)
SPANS = {"hour": HOUR, "day": DAY, "week": 7 * DAY}
EVENTS = (*EVENT_LABELS.items(), ("other", "Other"))
UNREAD = (DeliveryStatus.RECEIVED, DeliveryStatus.PROCESSING)


class WebhookList(DeliveryList):
    names = ("verdict", "status", "event", "since")
    moment = "received_at"
    open = UNREAD

    def choices(self) -> dict[str, tuple[str, list[tuple[str, str]]]]:
        return {
            "verdict": ("Verdict", list(Verdict.choices)),
            "status": ("Status", list(DeliveryStatus.choices)),
            "event": ("Event", list(EVENTS)),
            "since": ("Received", [("hour", "Last hour"), ("day", "Last 24 hours"), ("week", "Last 7 days")]),
        }

    def rows(self) -> QuerySet[WebhookDelivery]:
        """The words are a row's id at Clay, whole."""
        deliveries = WebhookDelivery.objects.all()
        chosen = self.chosen
        if "verdict" in chosen:
            deliveries = deliveries.filter(verdict=chosen["verdict"])
        if "status" in chosen:
            failed = chosen["status"] == DeliveryStatus.FAILED
            deliveries = deliveries.filter(FAILED if failed else Q(status=chosen["status"]))
        if chosen.get("event") == "other":
            # By its verdict, which has an index; what has none yet is unread.
            deliveries = deliveries.filter(verdict=Verdict.UNKNOWN_EVENT)
        elif "event" in chosen:
            deliveries = deliveries.filter(event=chosen["event"])
        if "since" in chosen:
            deliveries = deliveries.filter(received_at__gte=timezone.now() - SPANS[chosen["since"]])
        if self.words:
            lead = Lead.objects.filter(clay_row_id=self.words).values_list("pk", flat=True).first()
            deliveries = deliveries.filter(Q(row_id=self.words) | Q(lead=lead) if lead else Q(row_id=self.words))
        return deliveries.defer("body", "headers").select_related(None)


def webhook_figures() -> dict[str, Any]:
    """hour, day: received; verdicts {verdict: n} and failed of the day; unread; oldest (aware, or None).

    refused: {reason: n} of the day, of what was not even kept; refusals: their sum.
    """
    return dict(cached("webhook_figures", _webhook_figures))


def _webhook_figures() -> dict[str, Any]:
    now = timezone.now()
    day = WebhookDelivery.objects.filter(received_at__gte=now - DAY)
    counted = day.order_by().values_list("verdict", "status").annotate(n=Count("pk"))
    verdicts: dict[str, int] = {}
    total = failed = 0
    for verdict, status, n in counted:
        total += n
        failed += n if status == DeliveryStatus.FAILED or verdict == Verdict.MALFORMED else 0
        if verdict:
            verdicts[verdict] = verdicts.get(verdict, 0) + n
    unread = WebhookDelivery.objects.filter(status__in=UNREAD).aggregate(n=Count("pk"), oldest=Min("received_at"))
    turned_away = refused.last_day()
    return {
        "hour": WebhookDelivery.objects.filter(received_at__gte=now - HOUR).count(),
        "day": total,
        "verdicts": {verdict: verdicts[verdict] for verdict in Verdict.values if verdict in verdicts},
        "failed": failed,
        "refused": turned_away,
        "refusals": sum(turned_away.values()),
        "unread": unread["n"],
        "oldest": unread["oldest"],
    }
