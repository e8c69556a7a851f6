"""What the providers may be asked an hour, and what a trigger will ask of them (D11)."""

import math
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from enrichment.models import Provider, ProviderService
from enrichment.vendors import limiter
from enrichment.waterfall.document import WaterfallDocument


@dataclass(frozen=True)
class Reservation:
    """`deferred`: providers left out for want of budget. `wait`: real seconds until it may be tried again.

    `taken`: what was taken (provider, calls, limit), for whoever must give it back.
    """

    deferred: list[str]
    wait: float = 0.0
    taken: tuple[tuple[str, int, int], ...] = ()


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


def reserve(document: WaterfallDocument, leads: int, skipped: Collection[str] = ()) -> Reservation:
    """Take the budget of a trigger, provider by provider.

    A used-up budget leaves its provider out, to be filled in later; or where the policy of a waterfall that
    asks it is to wait, it holds the whole trigger back (then nothing stays taken).
    """
    hourly = dict(Provider.objects.filter(hourly_limit__isnull=False).values_list("slug", "hourly_limit"))
    taken: list[tuple[str, int, int]] = []
    deferred: list[str] = []
    longest = 0.0
    for slug, calls in expected_calls(document, leads, skipped).items():
        limit = hourly.get(slug)
        if limit is None:
            continue
        wait = limiter.take(f"provider:{slug}", n=min(calls, limit), limit=limit)
        if wait:
            deferred.append(slug)
            longest = max(longest, wait)
        else:
            taken.append((slug, min(calls, limit), limit))
    left = document.providers() - set(skipped) - set(deferred)
    waits = any(
        waterfall.waits() and set(deferred) & set(waterfall.providers)
        for waterfall in document.waterfalls().values()
    )
    if deferred and (waits or not left):
        give_back(taken)
        return Reservation([], longest)
    return Reservation(sorted(deferred), taken=tuple(taken))


def give_back(taken: Iterable[tuple[str, int, int]]) -> None:
    for slug, calls, limit in taken:
        limiter.give_back(f"provider:{slug}", n=calls, limit=limit)
