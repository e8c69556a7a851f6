"""What the providers may be asked an hour, and what a trigger will ask of them (D11)."""

import math
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from enrichment.models import Provider, ProviderService
from enrichment.vendors import limiter
from enrichment.waterfall.document import WaterfallDocument


@dataclass(frozen=True)
class Reservation:
    """`deferred`: providers left out for want of budget. `wait`: real seconds until it may be tried again.

    `for_all`: what has to be waited for is the limit of the call itself, so every other trigger waits as well.
    `slots`: what was taken, for whoever must give it back.
    """

    deferred: list[str]
    wait: float = 0.0
    for_all: bool = False
    slots: limiter.Claim = field(default_factory=lambda: limiter.Claim([]))


def expected_calls(document: WaterfallDocument, leads: int, skipped: Collection[str] = ()) -> Counter[str]:
    """Calls each provider will see from a trigger of `leads` leads, rounded up.

    Where a waterfall stops at the first answer, a later provider sees only those the earlier ones missed;
    the tabled accuracy stands in for their hit rate, which it is not (D9), so a tenth is added.
    """
    accuracy = {
        (service.provider.slug, service.waterfall): float(service.accuracy or 0)
        for service in ProviderService.objects.select_related("provider")
    }
    calls: Counter[str] = Counter()
    for kind, waterfall in document.waterfalls().items():
        reached = 1.0
        for slug in waterfall.providers:
            if slug in skipped:
                continue
            calls[slug] += leads if reached == 1.0 else min(leads, math.ceil(leads * reached * 1.1))
            if not waterfall.asks_all():
                reached *= 1 - accuracy.get((slug, kind), 0.0)
    return calls


def reserve(
    document: WaterfallDocument, leads: int, skipped: Collection[str] = (), *, call: limiter.Ask | None = None
) -> Reservation:
    """Take the budget of a trigger, of every provider and of the `call` itself, together or not at all.

    A used-up budget leaves its provider out, to be filled in later; or where the policy of a waterfall that
    asks it is to wait, it holds the whole trigger back. What waits takes nothing, so it holds up nobody else.
    """
    own = [call] if call else []
    if wait := max(map(limiter.wait_of, own), default=0.0):
        return Reservation([], wait, for_all=True)
    asks = _asks(document, leads, skipped)
    lacking = {slug: wait for slug, ask in asks.items() if (wait := limiter.wait_of(ask))}
    if lacking and _held_back(document, skipped, lacking):
        return Reservation([], max(lacking.values()))
    slots = limiter.take_all([*own, *(ask for slug, ask in asks.items() if slug not in lacking)])
    if slots.wait:  # another process was quicker in this moment
        return Reservation([], slots.wait)
    return Reservation(sorted(lacking), slots=slots)


def _asks(document: WaterfallDocument, leads: int, skipped: Collection[str]) -> dict[str, limiter.Ask]:
    """What is asked of the providers that have an hourly limit."""
    limited = Provider.objects.filter(hourly_limit__isnull=False)
    hourly = {slug: limit for slug, limit in limited.values_list("slug", "hourly_limit") if limit is not None}
    return {
        slug: limiter.Ask(f"provider:{slug}", n=min(calls, hourly[slug]), limit=hourly[slug])
        for slug, calls in expected_calls(document, leads, skipped).items()
        if slug in hourly
    }


def _held_back(document: WaterfallDocument, skipped: Collection[str], lacking: Collection[str]) -> bool:
    """Whether a trigger waits for these providers: a waterfall's policy says so, or nobody else is left to ask."""
    return document.waits_for(lacking) or not document.providers() - set(skipped) - set(lacking)
