"""Are the outside systems well? When they last answered, what is held, how much of each limit is left."""

import datetime
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.db.models import F, Max, Q
from django.utils import timezone

from enrichment.models import ClaySource, Connection, Provider, ServiceHold
from enrichment.models.connection import ALONE
from enrichment.vendor_pauses import words as hold_words
from enrichment.vendors import limiter, registry
from enrichment.vendors.calls import Call
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay import chosen
from enrichment.vendors.errors import NotOffered, Recovery, VendorError
from enrichment.vendors.vendor import Vendor
from enrichment.vendors.vendor_health import CallHealth, call_health
from swarm_admin.core.percent import percent_of

RECENT = datetime.timedelta(minutes=15)  # a kind of call that failed longer ago may just not be made any more
CONNECTED_FOR = datetime.timedelta(hours=24)  # without a call for so long, nobody knows
WINDOWS = {"10s": "10 seconds"}
# What a connector must be able to do to meet a limit of Clay's; any meets the others.
NEEDS = {
    "clay.rows": Capability.TRIGGER,  # elsewhere a row is a submission
    "clay.triggers": Capability.TRIGGER,
    "clay.updates": Capability.UPDATE,
    "clay.exports": Capability.EXPORT,
    "clay.submissions": Capability.RECEIVE_ROW,
    "clay.calls": Capability.POLL,
}


@dataclass(frozen=True)
class Budget:
    """A limit as a gauge: `used` of `limit` in `window` (words); `percent` 0 to 100."""

    label: str
    window: str
    used: int
    limit: int
    resets_in: float
    blocked_for: float = 0.0

    @property
    def percent(self) -> int:
        return min(100, percent_of(self.used, self.limit))

    @property
    def left(self) -> int:
        return max(self.limit - self.used, 0)

    @property
    def tone(self) -> str:
        if self.blocked_for or self.percent >= 100:
            return "red"
        return "amber" if self.percent >= 80 else "grey"


@dataclass(frozen=True)
class SystemHealth:
    """How one system is doing. `state`: ok, held, error, stale (no call lately), idle (never called) or no_key.

    `failing`: no call of any kind has gone well since the last error, or one of its lifelines (`cut`) has failed lately
    and not gone well since, whatever the others did. A look or a test that is not made any more says nothing of today.

    `receives`: its records are posted to us whole, so that `last_received` tells whether the connection holds; a call
    that went well only says that one left.
    """

    system: str
    name: str
    host: str
    has_key: bool
    connection: Connection | None
    hold: ServiceHold | None
    last_good: datetime.datetime | None
    last_bad: datetime.datetime | None
    last_bad_words: str
    answers: int
    refusals: int
    cut: bool = False
    receives: bool = False
    last_received: datetime.datetime | None = None
    budgets: list[Budget] = field(default_factory=list)

    @property
    def failing(self) -> bool:
        newest_is_bad = self.last_bad is not None and (self.last_good is None or self.last_bad > self.last_good)
        return newest_is_bad or self.cut

    @property
    def state(self) -> str:
        if not self.has_key:
            return "no_key"
        if self.hold:
            return "held"
        if self.failing:
            return "error"
        sign = self.last_received if self.receives else self.last_good
        if sign is None:
            return "idle"
        return "ok" if timezone.now() - sign < CONNECTED_FOR else "stale"


class NoSlot(Exception):
    """Not asked: the limit is used up for `args[0]` real seconds."""


@dataclass(frozen=True)
class CallResult:
    ok: bool
    sentence: str


def pauses_in_force() -> list[ServiceHold]:
    """The services that are paused now, each with its words (see `vendor_pauses.words`).

    One whose time is over is as good as lifted, but for a vendor that does not answer: it is until it has answered.
    """
    holds = ServiceHold.objects.filter(lifted_at__isnull=True).order_by("since")
    ends_by_time = Q(until__lte=timezone.now()) & (~Q(reason=Recovery.VENDOR_DOWN) | Q(system__in=ALONE))
    pauses = list(holds.exclude(ends_by_time))
    for hold in pauses:
        hold.system_name = hold_words.name(hold)  # type: ignore[attr-defined]
        hold.reason_words = hold_words.reason(hold)  # type: ignore[attr-defined]
        hold.outlook = hold_words.outlook(hold)  # type: ignore[attr-defined]
        hold.next_step = hold_words.next_step(hold)  # type: ignore[attr-defined]
    return pauses


def all_vendors(*, budgets: bool = False) -> list[SystemHealth]:
    """The systems in the order of a lead's way; `budgets` asks Redis for the limits, too."""
    holds = {hold.system: hold for hold in pauses_in_force()}
    connections = {connection.system: connection for connection in Connection.objects.all()}
    return [
        _health_of(vendor, connections.get(vendor.slug), holds.get(vendor.slug), budgets_of(vendor) if budgets else [])
        for vendor in registry.registered()
    ]


def budgets_of(vendor: Vendor) -> list[Budget]:
    """The limits of one system as they stand in Redis, those that its connector meets; nothing is taken."""
    able = vendor.able
    return [
        _budget(limit.label, WINDOWS.get(window.label, window.label), gauge)
        for limit in vendor.limits
        if limit.name not in NEEDS or NEEDS[limit.name] in able
        for window, gauge in zip(
            limiter.limits_of(limit.name), limiter.peek_all(limit.name, limit.scope()), strict=True
        )
    ]


def takes_rows() -> bool:
    """Whether a source of Clay takes the next row."""
    return ClaySource.objects.filter(closed_at__isnull=True, taken__lt=F("life")).exists()


def provider_budgets() -> list[Budget]:
    """The data providers that have an hourly limit, the fullest first; none where Clay asks them by itself."""
    if not chosen.can(Capability.TRIGGER):
        return []
    budgets = [
        _budget(provider.name, "", limiter.peek(f"provider:{provider.slug}", limit=provider.hourly_limit))
        for provider in Provider.objects.filter(hourly_limit__isnull=False).order_by(F("hourly_limit"))
    ]
    return sorted(budgets, key=lambda budget: -budget.percent)


def test_call(system: str) -> CallResult:
    """One cheap read at a vendor, its outcome kept with the connection. KeyError for an unknown system."""
    vendor = registry.get(system)
    started = time.monotonic()
    try:
        vendor.client()
        _take_slot(vendor, vendor.connection_test.call)
        sentence = vendor.connection_test.words()
    except NotOffered:
        return CallResult(False, f"{vendor.name} can't be called to test it. Send a test row instead.")
    except NoSlot as none:
        return CallResult(False, f"{vendor.name} wasn't called: its rate limit is reached for {none.args[0]:.0f} s.")
    except VendorError as error:
        Connection.note_error(system, error)
        return CallResult(False, f"{vendor.name} returned an error: {error}. {error.advice}")
    Connection.objects.update_or_create(system=system, defaults={"last_ok_at": timezone.now()})
    return CallResult(True, f"{vendor.name} responded in {time.monotonic() - started:.2f} s: {sentence}")


def _health_of(
    vendor: Vendor, connection: Connection | None, hold: ServiceHold | None, budgets: list[Budget]
) -> SystemHealth:
    calls = call_health(vendor.slug)
    # The word of a set-up or a test says more than a status, so it wins where it is the newest.
    errors = [
        (call.last_bad, f"{call.call}: {call.last_bad_status}".replace("_", " ")) for call in calls if call.last_bad
    ]
    if connection and connection.last_error_at:
        errors.append((connection.last_error_at, connection.last_error))
    receives = Capability.RECEIVE_ROW in vendor.able
    received = ClaySource.objects.aggregate(last=Max("last_callback_at"))["last"] if receives else None
    good = [call.last_good for call in calls if call.last_good]
    if received:
        good.append(received)
    if connection and connection.last_ok_at:
        good.append(connection.last_ok_at)
    last_bad, words = max(errors, default=(None, ""), key=lambda pair: pair[0])
    counts = [(status, n) for call in calls for status, n in call.counts.items()]
    return SystemHealth(
        system=vendor.slug,
        name=vendor.name,
        host=urlsplit(vendor.address).netloc,
        has_key=vendor.has_key,
        connection=connection,
        hold=hold,
        last_good=max(good, default=None),
        last_bad=last_bad,
        last_bad_words=words,
        answers=sum(n for _, n in counts),
        refusals=sum(n for status, n in counts if not status.startswith("2") and status != "404"),
        cut=any(_is_failing_lately([call for call in calls if call.call in line]) for line in vendor.lifelines),
        receives=receives,
        last_received=received,
        budgets=budgets,
    )


def _is_failing_lately(calls: Sequence[CallHealth]) -> bool:
    bad = max((call.last_bad for call in calls if call.last_bad), default=None)
    good = max((call.last_good for call in calls if call.last_good), default=None)
    return bad is not None and timezone.now() - bad <= RECENT and (good is None or bad > good)


def _budget(label: str, window: str, gauge: limiter.Gauge) -> Budget:
    return Budget(label, window, gauge.used, gauge.limit, gauge.resets_in, gauge.blocked_for)


def probe(system: str) -> None:
    """Does it answer at all? One small call, never repeated. Raises NoSlot, VendorError."""
    vendor = registry.get(system)
    client = vendor.client()
    _take_slot(vendor, vendor.probe)
    client.probe()


def _take_slot(vendor: Vendor, call: Call) -> None:
    """One slot of the call's limit, where it has one. Raises NoSlot."""
    scopes = {limit.name: limit.scope for limit in vendor.limits}
    if call.limit and (wait := limiter.take(call.limit, scopes[call.limit]())):
        raise NoSlot(wait)
