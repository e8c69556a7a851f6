"""The vendors' limits as they stand, what waits for each, and how long that will take."""

import math
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db.models import Count, Q
from django.utils import timezone

from enrichment.connections import clay_table
from enrichment.health import NAMES, WINDOWS, Budget
from enrichment.models import BatchItem, Handover, Lead, Provider, WaterfallVersion
from enrichment.models.work import BatchKind
from enrichment.overview import remembered
from enrichment.pipeline.deliver import CHANNELS
from enrichment.states import BatchStatus, HandoverStatus, ItemStatus
from enrichment.vendors import limiter
from enrichment.vendors.limiter import Gauge, Limit
from enrichment.vendors.vitals import Vital, vitals
from enrichment.waterfall.budget import expected_calls
from enrichment.waterfall.document import WaterfallDocument

WAITING = (HandoverStatus.PLANNED, HandoverStatus.UNKNOWN)
TOO_MANY = "429"


@dataclass(frozen=True)
class Queue:
    """What waits for a limit: `calls` slots in all, gone in `seconds` (real) at this limit.

    `nouns`: one and many of what is counted. `later`: those that are not due yet, in neither number.
    `expected`: the number of calls is an estimate.
    """

    nouns: tuple[str, str]
    count: int
    calls: int
    seconds: float
    later: int = 0
    expected: bool = False

    @property
    def noun(self) -> str:
        return self.nouns[self.count != 1]


@dataclass(frozen=True)
class Shown:
    """One limit: a gauge for each of its windows, and its queue (None: nothing waits for it by design).

    `holds`: what waits for it is held back; a data provider may be left out instead, and filled in later.
    """

    label: str
    gauges: list[Budget]
    queue: Queue | None
    holds: bool = True

    @property
    def blocked_for(self) -> float:
        return max((gauge.blocked_for for gauge in self.gauges), default=0.0)


@dataclass(frozen=True)
class VendorLimits:
    """One vendor: its limits, and its calls of the last week by status."""

    system: str
    name: str
    limits: list[Shown]
    calls: list[Vital] = field(default_factory=list)

    @property
    def too_many(self) -> int:
        """429s seen in the last week: each is a fault of ours, because we count before we call."""
        return sum(call.counts.get(TOO_MANY, 0) for call in self.calls)


def all_limits() -> list[VendorLimits]:
    """Clay, GoHighLevel, Instantly; nothing is taken. Counts are a few seconds old at most."""
    waiting = _waiting()
    return [
        VendorLimits("clay", NAMES["clay"], _of_clay(waiting), vitals("clay")),
        *(
            VendorLimits(system, NAMES[system], [_of_channel(system, waiting)], vitals(system))
            for system in CHANNELS
        ),
    ]


def provider_limits() -> list[Shown]:
    """Every provider with an hourly limit: its budget, and the calls the leads that are due will ask of it."""
    due = _waiting()["due"]
    document = WaterfallDocument.model_validate(WaterfallVersion.active().document)
    expected = expected_calls(document, due)
    shown = []
    for provider in Provider.objects.filter(hourly_limit__isnull=False).order_by("name"):
        name, limit = f"provider:{provider.slug}", provider.hourly_limit
        windows, gauges = limiter.limits_of(name, limit), limiter.peek_all(name, limit=limit)
        calls = expected.get(provider.slug, 0)
        queue = Queue(
            ("lead due waits", "leads due wait"),
            due if calls else 0,
            calls,
            seconds_for(windows, gauges, calls),
            expected=True,
        )
        holds = document.waits_for([provider.slug])
        shown.append(Shown(provider.name, _budgets(windows, gauges), queue, holds))
    return sorted(shown, key=lambda each: (-each.gauges[0].percent, each.label))


def seconds_for(windows: list[Limit], gauges: list[Gauge], calls: int) -> float:
    """Real seconds until `calls` calls have left, from what is free now; infinite where the limit is 0."""
    longest = 0.0
    for window, gauge in zip(windows, gauges, strict=True):
        free = max(window.count - gauge.used, 0)
        beyond = calls - free
        wait = gauge.blocked_for if calls else 0.0
        if beyond > 0:
            if window.count <= 0:
                return math.inf
            # In each window the slots now in use come free first, by `resets_in`; then those taken at once.
            whole, rest = divmod(beyond - 1, window.count)
            last = gauge.resets_in if rest < window.count - free else window.seconds
            wait = max(wait, whole * window.seconds + last)
        longest = max(longest, wait)
    return longest


def seconds_to_deliver(system: str, handovers: int) -> float:
    """Real seconds that so many further deliveries will take, behind those that wait already."""
    channel, waiting = CHANNELS[system], _waiting()["handovers"].get(system, {}).get("due", 0)
    scope = _scope_of(system)
    windows, gauges = limiter.limits_of(channel.limit), limiter.peek_all(channel.limit, scope)
    return seconds_for(windows, gauges, (handovers + waiting) * channel.calls)


def _scope_of(system: str) -> str:
    """As the client has it, without a client: there is none without a key."""
    return {"ghl": str(settings.GHL_LOCATION_ID), "instantly": "workspace"}[system]


def _of_channel(system: str, waiting: dict[str, Any]) -> Shown:
    channel, counts = CHANNELS[system], waiting["handovers"].get(system, {})
    due, later = counts.get("due", 0), counts.get("later", 0)
    return _shown(
        "Calls",
        channel.limit,
        _scope_of(system),
        ("delivery waits", "deliveries wait"),
        due,
        due * channel.calls,
        later,
    )


def _of_clay(waiting: dict[str, Any]) -> list[Shown]:
    table, workspace = clay_table(), settings.CLAY_WORKSPACE_ID
    sizes = (settings.CLAY_ROWS_BATCH, settings.CLAY_UPDATE_BATCH, settings.CLAY_TRIGGER_BATCH)
    rows, updates, triggers = (
        _calls(waiting[name], size) for name, size in zip(("rows", "updates", "triggers"), sizes, strict=True)
    )
    return [
        _shown(
            "New rows",
            "clay.rows",
            table,
            ("lead without a row waits", "leads without a row wait"),
            waiting["rows"],
            rows,
        ),
        _shown(
            "Row updates", "clay.updates", table, ("lead waits", "leads wait"), waiting["updates"], updates
        ),
        _shown(
            "Enrichment triggers",
            "clay.triggers",
            workspace,
            ("lead waits", "leads wait"),
            waiting["triggers"],
            triggers,
            waiting["later"],
        ),
        _shown("Exports", "clay.exports", workspace, None, 0, 0),
    ]


def _calls(leads: int, batch: int) -> int:
    """Clay's limits count calls, or rows where the setting says so (the specification leaves it open)."""
    return leads if settings.CLAY_LIMIT_UNIT == "rows" else math.ceil(leads / batch)


def _shown(
    label: str, name: str, scope: str, nouns: tuple[str, str] | None, count: int, calls: int, later: int = 0
) -> Shown:
    windows, gauges = limiter.limits_of(name), limiter.peek_all(name, scope)
    queue = Queue(nouns, count, calls, seconds_for(windows, gauges, calls), later) if nouns else None
    return Shown(label, _budgets(windows, gauges), queue)


def _budgets(windows: list[Limit], gauges: list[Gauge]) -> list[Budget]:
    return [
        Budget("", WINDOWS.get(window.label, window.label), g.used, g.limit, g.resets_in, g.blocked_for)
        for window, g in zip(windows, gauges, strict=True)
    ]


def _waiting() -> dict[str, Any]:
    """Leads and deliveries that wait: rows, triggers, updates, due, later, handovers {system: {due, later}}.

    A lead without a row waits for both a row and a trigger. `due`: leads that will be asked for.
    """
    return dict(remembered("waiting", _count_waiting))


def _count_waiting() -> dict[str, Any]:
    now = timezone.now()
    rowless = Q(clay_row_id__isnull=True)
    due = Lead.objects.due_for_dispatch(now).aggregate(all=Count("pk"), rowless=Count("pk", filter=rowless))
    planned = dict(
        BatchItem.objects.filter(
            status=ItemStatus.PLANNED, batch__status__in=[BatchStatus.PLANNED, BatchStatus.UNKNOWN]
        )
        .values_list("batch__kind")
        .annotate(n=Count("pk"))
    )
    rows = due["rowless"] + planned.get(BatchKind.ROWS, 0)
    asked = due["all"] + planned.get(BatchKind.ROWS, 0) + planned.get(BatchKind.TRIGGER, 0)
    handovers = (
        Handover.objects.filter(status__in=WAITING)
        .values_list("system")
        .annotate(
            due=Count("pk", filter=Q(not_before__lte=now)), later=Count("pk", filter=Q(not_before__gt=now))
        )
    )
    return {
        "rows": rows,
        "triggers": asked,
        "due": asked,
        "updates": Lead.objects.due_for_write_back(now).count() + planned.get(BatchKind.UPDATE, 0),
        "later": Lead.objects.filter(dispatch_after__gt=now).count(),
        "handovers": {system: {"due": d, "later": later} for system, d, later in handovers},
    }
