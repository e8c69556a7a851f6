"""The vendors' limits as they stand, what waits for each, and how long that will take."""

import datetime
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.utils import timezone

from enrichment.connections.health import NEEDS, WINDOWS, Budget
from enrichment.estimates import estimating, queue
from enrichment.estimates.estimating import LOWEST, calls_of, calls_to_submit
from enrichment.estimates.lanes import seconds_for
from enrichment.models import Alert, AlertKind, Provider, ServiceHold
from enrichment.vendor_pauses import pauses, words
from enrichment.vendors import limiter, registry
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay import chosen
from enrichment.vendors.limiter import Gauge, Limit
from enrichment.vendors.limits import CallLimit
from enrichment.vendors.vendor_health import CallHealth, call_health
from enrichment.waterfall.figures import expected_calls
from enrichment.waterfall.provider_budget import hourly_limits, never_asked

TOO_MANY = "429"


@dataclass(frozen=True)
class LimitQueue:
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
class LimitUsage:
    """One limit: a gauge for each of its windows, and its queue (None: nothing waits for it by design).

    `holds`: what waits for it is held back; a data provider may be left out instead, and filled in later.
    `never`: a data provider whose limit allows no call; it is left out, and nobody waits for it.
    """

    label: str
    gauges: list[Budget]
    queue: LimitQueue | None
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
    limits: list[LimitUsage]
    calls: list[CallHealth] = field(default_factory=list)

    @property
    def too_many(self) -> int:
        """429s seen in the last week: each is a fault of ours, because we count before we call."""
        return sum(call.counts.get(TOO_MANY, 0) for call in self.calls)


def all_limits() -> list[VendorLimits]:
    """Every vendor in the order of a lead's way, with the limits that the connector in use meets; nothing is taken.

    Counts are a few seconds old at most.
    """
    waiting, able = _all_waiting(), chosen.capabilities()
    return [
        VendorLimits(
            vendor.slug,
            vendor.name,
            [
                _usage_of(limit, waiting.get(limit.name))
                for limit in vendor.limits
                if limit.name not in NEEDS or NEEDS[limit.name] in able
            ],
            call_health(vendor.slug),
        )
        for vendor in registry.registered()
    ]


def provider_limits() -> list[LimitUsage]:
    """Every provider with an hourly limit: its budget, and the calls the leads that are due will ask of it.

    None where Clay runs the providers by itself: we neither reserve nor count their calls there.
    """
    if not chosen.can(Capability.TRIGGER):
        return []
    waiting = queue.waiting_work()
    document = estimating.published()
    first = queue.work_ahead_of(LOWEST, waiting).count
    never = never_asked(document, hourly_limits())
    expected = expected_calls(document, first, never)
    at_once = expected_calls(document, settings.CLAY_TRIGGER_BATCH, never)
    shown, paused = [], _pause_name(pauses.triggers_pause())
    for provider in Provider.objects.filter(hourly_limit__isnull=False).order_by("name"):
        name, limit = f"provider:{provider.slug}", provider.hourly_limit
        windows, gauges = limiter.limits_of(name, limit), limiter.peek_all(name, limit=limit)
        fill_ins = waiting["fill_ins"].get(provider.slug, 0)
        calls = expected.get(provider.slug, 0) + fill_ins
        line = LimitQueue(
            ("lead waits", "leads wait"),
            (first if expected.get(provider.slug) else 0) + fill_ins,
            calls,
            seconds_for(windows, gauges, calls, together=at_once.get(provider.slug, 1)),
            expected=True,
            paused=paused,
        )
        if provider.slug in never or not limit:
            shown.append(LimitUsage(provider.name, _budgets(windows, gauges), None, holds=False, never=True))
            continue
        holds = document.waits_for([provider.slug])
        shown.append(LimitUsage(provider.name, _budgets(windows, gauges), line, holds))
    return sorted(shown, key=lambda each: (-each.gauges[0].percent, each.label))


def providers_that_refused() -> list[str]:
    """Names of the data providers that refused a call as too many in the last week, as Clay told it."""
    since = timezone.now() - datetime.timedelta(days=7)
    recent = Alert.objects.filter(kind=AlertKind.RATE_LIMITED, system="clay", last_at__gte=since)
    return list(
        Provider.objects.filter(slug__in=recent.values("subject")).order_by("name").values_list("name", flat=True)
    )


@dataclass(frozen=True)
class _WaitingWork:
    """What waits for a limit: `count` of `nouns`, which take `calls`; `later` is not due yet."""

    nouns: tuple[str, str]
    count: int
    calls: int
    later: int = 0
    paused: str = ""


def _all_waiting() -> dict[str, _WaitingWork]:
    """{limit: what waits for it}; one that is not in it has nothing waiting by design."""
    waiting = queue.waiting_work()
    of_deliveries = {each.limit: _of_deliveries(slug, waiting) for slug, each in registry.delivering().items()}
    return {**_of_clay(waiting), **of_deliveries}


def _of_deliveries(system: str, found: dict[str, Any]) -> _WaitingWork:
    counts = found["handovers"].get(system, {})
    due, later = counts.get("due", 0), counts.get("later", 0)
    calls = due * registry.delivery_to(system).calls
    return _WaitingWork(
        ("delivery waits", "deliveries wait"), due, calls, later, _pause_name(pauses.open_pause(system))
    )


def _of_clay(found: dict[str, Any]) -> dict[str, _WaitingWork]:
    leads = ("lead waits", "leads wait")
    rows, updates, triggers = found["rows"], found["updates"], found["triggers"]
    if not chosen.can(Capability.TRIGGER):
        submitted = found.get("submissions", 0)  # not in what the release before counted seconds ago
        return dict.fromkeys(
            ("clay.submissions", "clay.calls"),
            _WaitingWork(
                leads, submitted, calls_to_submit(submitted), found["later"], _pause_name(pauses.rows_pause())
            ),
        )
    return {
        "clay.rows": _WaitingWork(
            ("lead without a row waits", "leads without a row wait"),
            rows,
            calls_of(rows, settings.CLAY_ROWS_BATCH),
            paused=_pause_name(pauses.rows_pause()),
        ),
        "clay.updates": _WaitingWork(
            leads, updates, calls_of(updates, settings.CLAY_UPDATE_BATCH), paused=_pause_name(pauses.open_pause("clay"))
        ),
        "clay.triggers": _WaitingWork(
            leads,
            triggers,
            calls_of(triggers, settings.CLAY_TRIGGER_BATCH),
            found["later"],
            _pause_name(pauses.triggers_pause()),
        ),
    }


def _pause_name(hold: ServiceHold | None) -> str:
    return words.name(hold) if hold else ""


def _usage_of(limit: CallLimit, waiting: _WaitingWork | None) -> LimitUsage:
    windows, gauges = limiter.limits_of(limit.name), limiter.peek_all(limit.name, limit.scope())
    line = None
    if waiting:
        seconds = seconds_for(windows, gauges, waiting.calls)
        line = LimitQueue(waiting.nouns, waiting.count, waiting.calls, seconds, waiting.later, paused=waiting.paused)
    return LimitUsage(limit.label, _budgets(windows, gauges), line)


def _budgets(windows: list[Limit], gauges: list[Gauge]) -> list[Budget]:
    return [
        Budget("", WINDOWS.get(window.label, window.label), g.used, g.limit, g.resets_in, g.blocked_for)
        for window, g in zip(windows, gauges, strict=True)
    ]
