"""The vendors' limits as they stand, what waits for each, and how long that will take."""

import datetime
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.utils import timezone

from enrichment.connections.health import WINDOWS, Budget
from enrichment.estimates import estimating, queue
from enrichment.estimates.estimating import LOWEST, calls_of, scope_of
from enrichment.estimates.lanes import seconds_for
from enrichment.models import Alert, AlertKind, Provider, ServiceHold
from enrichment.pipeline.deliver.channels import CHANNELS
from enrichment.vendor_pauses import pauses, words
from enrichment.vendor_pauses.clay_table import clay_table
from enrichment.vendor_pauses.words import NAMES
from enrichment.vendors import limiter
from enrichment.vendors.limiter import Gauge, Limit
from enrichment.vendors.vendor_health import Vital, vitals
from enrichment.waterfall.figures import expected_calls
from enrichment.waterfall.provider_budget import hourly_limits, never_asked

TOO_MANY = "429"


@dataclass(frozen=True)
class Queue:
    """What waits for a limit: `calls` slots in all, gone in `seconds` (real) at this limit.

    `nouns`: one and many of what is counted. `later`: those that are not due yet, in neither number.
    `expected`: the number of calls is an estimate. `paused`: what is paused, so that nothing of it goes out ("" for
    nothing): `seconds` then counts from the end of that pause.
    """

    nouns: tuple[str, str]
    count: int
    calls: int
    seconds: float
    later: int = 0
    expected: bool = False
    paused: str = ""

    @property
    def noun(self) -> str:
        return self.nouns[self.count != 1]


@dataclass(frozen=True)
class Shown:
    """One limit: a gauge for each of its windows, and its queue (None: nothing waits for it by design).

    `holds`: what waits for it is held back; a data provider may be left out instead, and filled in later.
    `never`: a data provider whose limit allows no call; it is left out, and nobody waits for it.
    """

    label: str
    gauges: list[Budget]
    queue: Queue | None
    holds: bool = True
    never: bool = False

    @property
    def blocked_for(self) -> float:
        return max((gauge.blocked_for for gauge in self.gauges), default=0.0)


@dataclass(frozen=True)
class VendorLimits:
    """One vendor: its limits, and its calls of the last week by how they ended."""

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
    waiting = queue.waiting()
    return [
        VendorLimits("clay", NAMES["clay"], _of_clay(waiting), vitals("clay")),
        *(VendorLimits(system, NAMES[system], [_of_channel(system, waiting)], vitals(system)) for system in CHANNELS),
    ]


def provider_limits() -> list[Shown]:
    """Every provider with an hourly limit: its budget, and the calls the leads that are due will ask of it."""
    found = queue.waiting()
    document = estimating.published()
    first = queue.ahead_of(LOWEST, found).count
    never = never_asked(document, hourly_limits())
    expected = expected_calls(document, first, never)
    at_once = expected_calls(document, settings.CLAY_TRIGGER_BATCH, never)
    shown, paused = [], _name(pauses.triggers_held())
    for provider in Provider.objects.filter(hourly_limit__isnull=False).order_by("name"):
        name, limit = f"provider:{provider.slug}", provider.hourly_limit
        windows, gauges = limiter.limits_of(name, limit), limiter.peek_all(name, limit=limit)
        fill_ins = found["fill_ins"].get(provider.slug, 0)
        calls = expected.get(provider.slug, 0) + fill_ins
        line = Queue(
            ("lead waits", "leads wait"),
            (first if expected.get(provider.slug) else 0) + fill_ins,
            calls,
            seconds_for(windows, gauges, calls, together=at_once.get(provider.slug, 1)),
            expected=True,
            paused=paused,
        )
        if provider.slug in never or not limit:
            shown.append(Shown(provider.name, _budgets(windows, gauges), None, holds=False, never=True))
            continue
        holds = document.waits_for([provider.slug])
        shown.append(Shown(provider.name, _budgets(windows, gauges), line, holds))
    return sorted(shown, key=lambda each: (-each.gauges[0].percent, each.label))


def providers_that_refused() -> list[str]:
    """Names of the data providers that refused a call as too many in the last week, as Clay told it."""
    since = timezone.now() - datetime.timedelta(days=7)
    told = Alert.objects.filter(kind=AlertKind.RATE_LIMITED, system="clay", last_at__gte=since)
    return list(
        Provider.objects.filter(slug__in=told.values("subject")).order_by("name").values_list("name", flat=True)
    )


def _of_channel(system: str, waiting: dict[str, Any]) -> Shown:
    channel, counts = CHANNELS[system], waiting["handovers"].get(system, {})
    due, later = counts.get("due", 0), counts.get("later", 0)
    return _shown(
        "Calls",
        channel.limit,
        scope_of(system),
        ("delivery waits", "deliveries wait"),
        due,
        due * channel.calls,
        later,
        paused=_name(pauses.held(system)),
    )


def _of_clay(waiting: dict[str, Any]) -> list[Shown]:
    table, workspace = clay_table(), settings.CLAY_WORKSPACE_ID
    sizes = (settings.CLAY_ROWS_BATCH, settings.CLAY_UPDATE_BATCH, settings.CLAY_TRIGGER_BATCH)
    rows, updates, triggers = (
        calls_of(waiting[name], size) for name, size in zip(("rows", "updates", "triggers"), sizes, strict=True)
    )
    return [
        _shown(
            "New rows",
            "clay.rows",
            table,
            ("lead without a row waits", "leads without a row wait"),
            waiting["rows"],
            rows,
            paused=_name(pauses.rows_held()),
        ),
        _shown(
            "Row updates",
            "clay.updates",
            table,
            ("lead waits", "leads wait"),
            waiting["updates"],
            updates,
            paused=_name(pauses.held("clay")),
        ),
        _shown(
            "Enrichment triggers",
            "clay.triggers",
            workspace,
            ("lead waits", "leads wait"),
            waiting["triggers"],
            triggers,
            waiting["later"],
            paused=_name(pauses.triggers_held()),
        ),
        _shown("Exports", "clay.exports", workspace, None, 0, 0),
    ]


def _name(hold: ServiceHold | None) -> str:
    return words.name(hold) if hold else ""


def _shown(
    label: str,
    name: str,
    scope: str,
    nouns: tuple[str, str] | None,
    count: int,
    calls: int,
    later: int = 0,
    paused: str = "",
) -> Shown:
    windows, gauges = limiter.limits_of(name), limiter.peek_all(name, scope)
    seconds = seconds_for(windows, gauges, calls)
    queue = Queue(nouns, count, calls, seconds, later, paused=paused) if nouns else None
    return Shown(label, _budgets(windows, gauges), queue)


def _budgets(windows: list[Limit], gauges: list[Gauge]) -> list[Budget]:
    return [
        Budget("", WINDOWS.get(window.label, window.label), g.used, g.limit, g.resets_in, g.blocked_for)
        for window, g in zip(windows, gauges, strict=True)
    ]
