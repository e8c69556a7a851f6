"""What the providers may be asked an hour: the worst a trigger may ask is kept back, what was asked is counted (D11).

A provider may stand in several waterfalls, and is then asked in each. What a trigger may ask at most is taken out of
the hour's budget before the call; when a run has ended, what it did not ask is given back, and what it asked counts
from then on for an hour. So no provider is asked more often than it allows, whatever it answers.
"""

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import redis
from django.conf import settings

from enrichment.documents.waterfall import WaterfallDocument
from enrichment.models import Attempt, Provider
from enrichment.vendors import limiter
from swarm_admin.core.timing import span

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reservation:
    """`deferred`: providers left out for want of budget. `wait`: real seconds until it may be tried again.

    `never`: providers left out because their limit allows no call of a lead; nobody waits for them.
    `blocks_all`: what has to be waited for is the limit of the call itself, so every other trigger waits as well.
    `fits`: so many of the leads may go together, where that is fewer; then nothing was taken.
    `slots`: what was taken, for whoever must give it back; `reserved`: of it, {provider: (calls a lead, its mark)}.
    """

    deferred: list[str]
    wait: float = 0.0
    blocks_all: bool = False
    never: list[str] = field(default_factory=list)
    fits: int | None = None
    slots: limiter.Claim = field(default_factory=lambda: limiter.Claim([]))
    reserved: dict[str, tuple[int, int]] = field(default_factory=dict)

    def release(self, leads: int) -> None:
        """Give back what was kept for so many leads that certainly will not be asked about."""
        _give_back({(slug, mark): each * leads for slug, (each, mark) in self.reserved.items()})


def most_calls(document: WaterfallDocument, skipped: Collection[str] = ()) -> Counter[str]:
    """Calls each provider sees for one lead at most: one in every waterfall that lists it."""
    falls = document.waterfalls().values()
    return Counter(slug for fall in falls for slug in fall.providers if slug not in skipped)


def hourly_limits() -> dict[str, int]:
    """{provider: calls an hour} of those that have a limit; 0 is none at all."""
    limited = Provider.objects.filter(hourly_limit__isnull=False)
    return {slug: limit for slug, limit in limited.values_list("slug", "hourly_limit") if limit is not None}


def never_asked(document: WaterfallDocument, limits: Mapping[str, int]) -> set[str]:
    """Providers whose limit is below what one lead may need of them: 0 above all."""
    return {slug for slug, calls in most_calls(document).items() if limits.get(slug, calls) < calls}


def reserve_budget(
    document: WaterfallDocument, leads: int, skipped: Collection[str] = (), *, call: limiter.SlotRequest | None = None
) -> Reservation:
    """Take the budget of a trigger, of every provider and of the `call` itself, together or not at all.

    A used-up budget leaves its provider out, to be filled in later; or where the policy of a waterfall that
    asks it is to wait, it holds the whole trigger back. What waits takes nothing, so it holds up nobody else.
    """
    own = [call] if call else []
    if wait := max(map(limiter.wait_of, own), default=0.0):
        return Reservation([], wait, blocks_all=True)
    limits = hourly_limits()
    never = never_asked(document, limits) - set(skipped)
    calls = most_calls(document, {*skipped, *never})
    lacking, fits = _exhausted_providers(calls, limits, leads)
    if lacking and _waits_for_budget(document, {*skipped, *never}, lacking):
        return Reservation([], max(lacking.values()))
    if fits < leads:
        return Reservation([], fits=fits)
    asks = {
        slug: _reservation_request(slug, each * leads, limits[slug])
        for slug, each in calls.items()
        if slug in limits and slug not in lacking
    }
    slots = limiter.take_all([*own, *asks.values()])
    if slots.wait:  # another process was quicker in this moment
        return Reservation([], slots.wait)
    marks = slots.stamps[len(slots.stamps) - len(asks) :]  # a provider has one window, and they were asked last
    reserved = {slug: (calls[slug], mark) for slug, mark in zip(asks, marks, strict=True)}
    return Reservation(sorted(lacking), never=sorted(never), slots=slots, reserved=reserved)


def _exhausted_providers(
    calls: Mapping[str, int], limits: Mapping[str, int], leads: int
) -> tuple[dict[str, float], int]:
    """({provider without room: real seconds until it has some}, how many of the leads may go together).

    One whose whole limit is less than these leads may need serves as many of them as it can.
    """
    lacking: dict[str, float] = {}
    fits = leads
    for slug, each in calls.items():
        part = min(leads, limits[slug] // each) if slug in limits else leads
        wait = (
            limiter.wait_of(_reservation_request(slug, each * part, limits[slug]))
            if slug in limits
            else blocked_for(slug)
        )
        if wait:
            lacking[slug] = wait
        else:
            fits = min(fits, part)
    return lacking, fits


def _reservation_request(slug: str, calls: int, limit: int) -> limiter.SlotRequest:
    """Kept back until the run is over, for which Clay has until its row is asked for."""
    longest_run = span(settings.POLL_AFTER_SECONDS).total_seconds()
    return limiter.SlotRequest(_name(slug), n=calls, limit=limit, longer=longest_run)


def _name(slug: str) -> str:
    return f"provider:{slug}"


def _waits_for_budget(document: WaterfallDocument, skipped: Collection[str], lacking: Collection[str]) -> bool:
    """Whether a trigger waits for these providers: a waterfall's policy says so, or nobody else is left to ask."""
    return document.waits_for(lacking) or not document.providers() - set(skipped) - set(lacking)


# ---------------------------------------------------------------- what was asked


def settle_reservations(ended: Iterable[tuple[Attempt, Mapping[str, int]]]) -> None:
    """Runs that are over, each with {provider: how often it was asked}: that is counted, the rest given back.

    Counted from now on: when in the run a provider was asked is told by Clay's clock, which is not ours. Never
    fails: where Redis is out of reach, what was kept back stays so until its hour is over.
    """
    asked: Counter[str] = Counter()
    reserved: Counter[tuple[str, int]] = Counter()
    for attempt, calls in ended:
        asked.update(calls)
        reserved.update({(slug, int(mark)): int(n) for slug, (n, mark) in attempt.provider_slots.items()})
    if not reserved and not asked:
        return
    try:
        limits = hourly_limits()
        # Counted before the rest is given back: in between nobody may think that there is room.
        limiter.charge([_call_request(slug, n, limits[slug]) for slug, n in asked.items() if limits.get(slug)])
        _give_back(reserved)
    except redis.RedisError as error:
        log.warning("budgets of providers are kept back longer: %s", type(error).__name__)


def _call_request(slug: str, calls: int, limit: int) -> limiter.SlotRequest:
    return limiter.SlotRequest(_name(slug), n=calls, limit=limit)


def _give_back(reserved: Mapping[tuple[str, int], int]) -> None:
    """Exactly these slots, and none of anybody else's where these are free by themselves already."""
    limits = hourly_limits()
    for (slug, mark), calls in reserved.items():
        if calls:
            limiter.Claim([limiter.SlotRequest(_name(slug), n=calls, limit=limits.get(slug, 1))], stamps=[mark]).end()


def block_for_an_hour(slug: str) -> None:
    """The provider refused a call as too many: for an hour it is not asked, whatever our own count says."""
    limiter.penalise(_name(slug), "", limiter.PROVIDER_WINDOW / settings.CLOCK_SPEED)


def blocked_for(slug: str) -> float:
    """Real seconds until it may be asked again after it refused a call; 0.0: it may."""
    return limiter.blocked_for(_name(slug))
