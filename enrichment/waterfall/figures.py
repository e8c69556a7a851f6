"""What is known of each provider in each waterfall: the catalogue's figures, and what the ledger shows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping

from enrichment.documents.waterfall import WaterfallDocument
from enrichment.models import ProviderService
from enrichment.waterfall.economics import PER_ATTEMPT, ProviderFigures, calls_per_lead
from enrichment.waterfall.provider_stats import Count, ProviderStats, provider_stats
from enrichment.waterfall.rates import LEAST, Rate, chosen_rate, observed_rate
from enrichment.waterfall.waiting import outcomes

# {kind of waterfall: {provider's slug: its figures}}
Book = Mapping[str, Mapping[str, ProviderFigures]]


def provider_figures(seen: ProviderStats | None = None, value: str | None = None) -> Book:
    """The figures of every service of the catalogue; one query.

    `seen`: the attempts to observe rates in; None leaves everything to the catalogue. `value`: one value of its
    segment. A rate observed fewer than LEAST times is the tabled one, marked as an assumption (D9).
    """
    usable = seen if seen is not None and seen.tells_misses else None
    figures: dict[str, dict[str, ProviderFigures]] = {}
    for service in ProviderService.objects.select_related("provider"):
        mine = _figures(service, usable, value)
        figures.setdefault(service.waterfall, {})[service.provider.slug] = mine
    return figures


def expected_calls(document: WaterfallDocument, leads: int, skipped: Collection[str] = ()) -> Counter[str]:
    """Calls each provider will probably see for `leads` leads, rounded up.

    By how often the others were seen to answer; the published accuracy stands in, which it is not (D9), only for
    those that were not asked often enough to tell.
    """
    asked = document.only(document.providers() - set(skipped))
    per_lead = calls_per_lead(outcomes(asked, provider_figures(provider_stats())))
    return Counter({slug: math.ceil(round(leads * each, 6)) for slug, each in per_lead.items() if each})


def _figures(service: ProviderService, seen: ProviderStats | None, value: str | None) -> ProviderFigures:
    slug, kind = service.provider.slug, service.waterfall
    after = seen.after(kind, slug, value) if seen else {}
    count = _first_asked_or_all(after, seen.of(kind, slug, value)) if seen else Count()
    tabled = float(service.accuracy) if service.accuracy is not None else None
    price = float(service.cost) if service.cost is not None else _price_seen(count, service.charge)
    return ProviderFigures(
        slug=slug,
        name=service.provider.name,
        cost=price,
        charge=service.charge,
        hit=chosen_rate(count.hits, count.asked, tabled),
        ends=_stop_rate(count),
        hourly_limit=service.provider.hourly_limit,
        after={
            before: (observed_rate(each.hits, each.asked), observed_rate(each.ends, each.asked))
            for before, each in after.items()
            if each.asked >= LEAST
        },
        price_seen=service.cost is None and price is not None,
    )


def _first_asked_or_all(after: Mapping[frozenset[str], Count], anywhere: Count) -> Count:
    """As first asked where that was often enough: later places see only the leads that others missed."""
    first = after.get(frozenset())
    return first if first is not None and first.asked >= LEAST else anywhere


def _stop_rate(count: Count) -> Rate | None:
    """None where every hit ends it."""
    tells = count.asked >= LEAST and count.ends < count.hits
    return observed_rate(count.ends, count.asked) if tells else None


def _price_seen(count: Count, charge: str) -> float | None:
    """The mean of what was paid, where the catalogue has no price: per call, or per hit."""
    calls = count.priced if charge == PER_ATTEMPT else count.priced_hits
    return count.cost / calls if calls >= LEAST and count.cost else None
