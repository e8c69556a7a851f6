"""What is known of each provider in each waterfall: the catalogue's figures, and what the ledger shows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping

from enrichment.documents.waterfall import WaterfallDocument
from enrichment.models import ProviderService
from enrichment.waterfall.economics import PER_ATTEMPT, Figures, calls_per_lead
from enrichment.waterfall.observed import Count, Ledger, ledger
from enrichment.waterfall.rates import LEAST, Rate, chosen, observed
from enrichment.waterfall.waiting import outcomes

# {kind of waterfall: {provider's slug: its figures}}
Book = Mapping[str, Mapping[str, Figures]]


def book(seen: Ledger | None = None, value: str | None = None) -> Book:
    """The figures of every service of the catalogue; one query.

    `seen`: the attempts to observe rates in; None leaves everything to the catalogue. `value`: one value of its
    segment. A rate observed fewer than LEAST times is the tabled one, marked as an assumption (D9).
    """
    usable = seen if seen is not None and seen.tells_misses else None
    found: dict[str, dict[str, Figures]] = {}
    for service in ProviderService.objects.select_related("provider"):
        mine = _figures(service, usable, value)
        found.setdefault(service.waterfall, {})[service.provider.slug] = mine
    return found


def expected_calls(document: WaterfallDocument, leads: int, skipped: Collection[str] = ()) -> Counter[str]:
    """Calls each provider will probably see for `leads` leads, rounded up.

    By how often the others were seen to answer; the published accuracy stands in, which it is not (D9), only for
    those that were not asked often enough to tell.
    """
    asked = document.only(document.providers() - set(skipped))
    per_lead = calls_per_lead(outcomes(asked, book(ledger())))
    return Counter({slug: math.ceil(round(leads * each, 6)) for slug, each in per_lead.items() if each})


def _figures(service: ProviderService, seen: Ledger | None, value: str | None) -> Figures:
    slug, kind = service.provider.slug, service.waterfall
    after = seen.after(kind, slug, value) if seen else {}
    count = _standing(after, seen.of(kind, slug, value)) if seen else Count()
    tabled = float(service.accuracy) if service.accuracy is not None else None
    price = float(service.cost) if service.cost is not None else _price_seen(count, service.charge)
    return Figures(
        slug=slug,
        name=service.provider.name,
        cost=price,
        charge=service.charge,
        hit=chosen(count.hits, count.asked, tabled),
        ends=_ends(count),
        hourly_limit=service.provider.hourly_limit,
        after={
            before: (observed(each.hits, each.asked), observed(each.ends, each.asked))
            for before, each in after.items()
            if each.asked >= LEAST
        },
        price_seen=service.cost is None and price is not None,
    )


def _standing(after: Mapping[frozenset[str], Count], anywhere: Count) -> Count:
    """As first asked where that was often enough: later places see only the leads that others missed."""
    first = after.get(frozenset())
    return first if first is not None and first.asked >= LEAST else anywhere


def _ends(count: Count) -> Rate | None:
    """None where every hit ends it."""
    tells = count.asked >= LEAST and count.ends < count.hits
    return observed(count.ends, count.asked) if tells else None


def _price_seen(count: Count, charge: str) -> float | None:
    """The mean of what was paid, where the catalogue has no price: per call, or per hit."""
    calls = count.priced if charge == PER_ATTEMPT else count.priced_hits
    return count.cost / calls if calls >= LEAST and count.cost else None
