"""The lists of Webhooks and Deliveries as an address asks for them: filters, words, page; and their figures."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet
from django.http import QueryDict
from django.utils import timezone

from enrichment.labels import EVENT_LABELS
from enrichment.models import Handover, Lead, Verdict, WebhookDelivery, lead_search
from enrichment.models.handover import System
from enrichment.models.webhook import FAILED
from enrichment.pipeline.receive import refused
from enrichment.states import DeliveryStatus, HandoverStatus
from swarm_admin.core.cache import remembered
from swarm_admin.core.numbers import whole
from swarm_admin.core.paging import Page, by_time, query_with

SIZES = (25, 50, 100)
OLDEST = "oldest"  # the other way to sort is newest first
HOUR, DAY = datetime.timedelta(hours=1), datetime.timedelta(days=1)
SPANS = {"hour": HOUR, "day": DAY, "week": 7 * DAY}
EVENTS = (*EVENT_LABELS.items(), ("other", "Other"))
UNREAD = (DeliveryStatus.RECEIVED, DeliveryStatus.PROCESSING)


class DeliveryList:
    """What both lists share. `params`: the address's query; what in it cannot be read counts as absent."""

    names: tuple[str, ...] = ()
    moment = ""
    open: tuple[str, ...] = ()  # statuses that change by themselves

    def __init__(self, params: QueryDict) -> None:
        self.params = QueryDict(mutable=True)
        for name in (*self.names, "q", "size", "sort"):
            if value := params.get(name, "").strip()[:100].replace("\x00", ""):
                self.params[name] = value
        self.after, self.before = whole(params.get("after")) or 0, whole(params.get("before")) or 0
        self.words = self.params.get("q", "")

    def choices(self) -> dict[str, tuple[str, list[tuple[str, str]]]]:
        """{filter: (label, its choices)}."""
        raise NotImplementedError

    def rows(self) -> QuerySet[Any]:
        raise NotImplementedError

    @property
    def size(self) -> int:
        size = whole(self.params.get("size"))
        return size if size in SIZES else SIZES[0]

    @property
    def oldest_first(self) -> bool:
        return self.params.get("sort") == OLDEST

    @property
    def turned_query(self) -> str:
        """The query of the same list in the other order, from its beginning."""
        return self.query_with(sort=None if self.oldest_first else OLDEST)

    @property
    def query(self) -> str:
        """The address's query, without the page."""
        return self.params.urlencode()

    @property
    def is_narrowed(self) -> bool:
        return bool(self.words or self.chosen)

    @cached_property
    def chosen(self) -> dict[str, str]:
        """The filters that are on, with a value that is among their choices."""
        return {
            name: value
            for name, (_, choices) in self.choices().items()
            if (value := self.params.get(name, "")) in dict(choices)
        }

    def query_with(self, **changes: Any) -> str:
        return query_with(self.params, **changes)

    def filters(self) -> list[dict[str, Any]]:
        """Each filter with its choices, for the form."""
        return [
            {"name": name, "label": label, "choices": choices, "value": self.chosen.get(name, "")}
            for name, (label, choices) in self.choices().items()
        ]

    def chips(self) -> list[dict[str, str]]:
        """The filters that are on, each with the query without it."""
        choices = self.choices()
        return [
            {
                "label": choices[name][0],
                "value": dict(choices[name][1])[value],
                "query": self.query_with(**{name: None}),
            }
            for name, value in self.chosen.items()
        ]

    def count(self) -> int:
        """How many rows there are in all, counted some seconds ago at most."""
        hashed = hashlib.sha256(self.query_with(size=None, sort=None).encode()).hexdigest()[:24]
        return int(remembered(f"{type(self).__name__}:{hashed}", lambda: self.rows().order_by().count()))

    def ordered(self) -> QuerySet[Any]:
        """All rows in the order of the list, for a file."""
        names = [name for name in (self.moment, "pk") if name]
        return self.rows().order_by(*(name if self.oldest_first else f"-{name}" for name in names))

    @cached_property
    def page(self) -> Page[Any]:
        return by_time(
            self.rows(),
            size=self.size,
            moment=self.moment,
            after=self.after,
            before=self.before,
            oldest_first=self.oldest_first,
        )


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
        found = WebhookDelivery.objects.all()
        chosen = self.chosen
        if "verdict" in chosen:
            found = found.filter(verdict=chosen["verdict"])
        if "status" in chosen:
            failed = chosen["status"] == DeliveryStatus.FAILED
            found = found.filter(FAILED if failed else Q(status=chosen["status"]))
        if chosen.get("event") == "other":
            # By its verdict, which has an index; what has none yet is unread.
            found = found.filter(verdict=Verdict.UNKNOWN_EVENT)
        elif "event" in chosen:
            found = found.filter(event=chosen["event"])
        if "since" in chosen:
            found = found.filter(received_at__gte=timezone.now() - SPANS[chosen["since"]])
        if self.words:
            lead = Lead.objects.filter(clay_row_id=self.words).values_list("pk", flat=True).first()
            found = found.filter(Q(row_id=self.words) | Q(lead=lead) if lead else Q(row_id=self.words))
        return found.defer("body", "headers").select_related(None)


class HandoverList(DeliveryList):
    names = ("system", "status", "differs")
    open = (HandoverStatus.PLANNED, HandoverStatus.IN_FLIGHT, HandoverStatus.UNKNOWN)

    def choices(self) -> dict[str, tuple[str, list[tuple[str, str]]]]:
        return {
            "system": ("System", list(System.choices)),
            "status": ("Status", list(HandoverStatus.choices)),
            "differs": ("Mismatch", [("yes", "Yes")]),
        }

    def rows(self) -> QuerySet[Handover]:
        """The words are a lead's number, or the record's id at the other side, whole."""
        found = Handover.objects.all()
        for name in ("system", "status"):
            if name in self.chosen:
                found = found.filter(**{name: self.chosen[name]})
        if "differs" in self.chosen:
            found = differing(found)
        if self.words:
            number, reference = lead_search.number_of(self.words), Q(external_id=self.words)
            found = found.filter(reference if number is None else Q(lead=number) | reference)
        return found.select_related("lead").only(
            *(field.attname for field in Handover._meta.concrete_fields),
            *(f"lead__{name}" for name in ("first_name", "last_name", "company_name")),
        )


def differing(handovers: QuerySet[Handover]) -> QuerySet[Handover]:
    """Those stored otherwise than sent, and not overtaken by a later delivery of the same lead."""
    later = Handover.objects.filter(
        lead=OuterRef("lead"), system=OuterRef("system"), pk__gt=OuterRef("pk"), status=HandoverStatus.DONE
    )
    return handovers.exclude(differences=[]).filter(~Exists(later))


def webhook_figures() -> dict[str, Any]:
    """hour, day: received; verdicts {verdict: n} and failed of the day; unread; oldest (aware, or None).

    refused: {reason: n} of the day, of what was not even kept; refusals: their sum.
    """
    return dict(remembered("webhook_figures", _webhook_figures))


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


def handover_figures() -> dict[str, dict[str, int]]:
    """{system: {done (of the last day), waiting, unknown, failed, withheld, differing}}."""
    return dict(remembered("handover_figures", _handover_figures))


def _handover_figures() -> dict[str, dict[str, int]]:
    figures = {system: dict.fromkeys(FIGURES, 0) for system in System.values}
    done = Handover.objects.filter(finished_at__gte=timezone.now() - DAY, status=HandoverStatus.DONE)
    counts: dict[str, QuerySet[Handover]] = {
        "done": done,
        "waiting": Handover.objects.filter(status__in=[HandoverStatus.PLANNED, HandoverStatus.IN_FLIGHT]),
        "unknown": Handover.objects.filter(status=HandoverStatus.UNKNOWN),
        "failed": Handover.objects.filter(status=HandoverStatus.FAILED),
        "withheld": Handover.objects.filter(status=HandoverStatus.WITHHELD),
        "differing": differing(Handover.objects.all()),
    }
    for name, rows in counts.items():
        _add(figures, name, dict(rows.order_by().values_list("system").annotate(n=Count("pk"))))
    return figures


FIGURES = ("done", "waiting", "unknown", "failed", "withheld", "differing")


def _add(figures: dict[str, dict[str, int]], name: str, counted: Mapping[str, int]) -> None:
    for system, n in counted.items():
        figures[system][name] = n
