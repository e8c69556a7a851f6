"""What asking the providers again costs: the catalogue's prices, else what was seen, else said to be unknown.

Few services have a tabled price (D9), so no sum of prices is a bound unless every service asked has one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection

from enrichment.documents.waterfall import WaterfallDocument
from enrichment.models import Attempt, ProviderService
from enrichment.models.provider import Charge, WaterfallKind
from swarm_admin.core.cache import cached

NEWEST_ATTEMPTS = 2_000  # looked at for what services without a tabled price have cost
Service = tuple[str, str]  # provider's slug, kind of waterfall


@dataclass(frozen=True)
class Price:
    """`amount`: US dollars for one lead. `seen`, `unknown`: providers without a tabled price.

    For `seen` the highest cost seen lately is counted, for `unknown` nothing is.
    """

    amount: Decimal
    seen: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def is_bound(self) -> bool:
        return not self.seen and not self.unknown

    @property
    def label(self) -> str:
        """What stands over the sum."""
        if self.unknown:
            return "Cost at known prices"
        return "Estimated cost" if self.seen else "Maximum cost"

    @property
    def caveat(self) -> str:
        """Why the sum is no upper bound; "" where it is one."""
        sentences = []
        if self.seen:
            sentences.append(
                f"No list price for {_and(self.seen)}: the highest recent cost is used. Actual cost may be higher."
            )
        if self.unknown:
            sentences.append(f"No price for {_and(self.unknown)}: their charges come on top.")
        return " ".join(sentences)


def _and(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


class PriceList:
    """All prices, fetched once, for any waterfall document."""

    def __init__(self) -> None:
        seen = cached("costs-seen", costs_seen)
        self.names: dict[str, str] = {}
        self.tabled: dict[Service, Decimal] = {}
        self.seen: dict[Service, Decimal] = {}
        self.by_call: set[Service] = set()
        for service in ProviderService.objects.select_related("provider"):
            slug, key = service.provider.slug, (service.provider.slug, service.waterfall)
            self.names[slug] = service.provider.name
            if service.charge == Charge.ATTEMPT:
                self.by_call.add(key)
            if service.cost is not None:
                self.tabled[key] = service.cost
            elif seen_prices := [seen[slug, name] for name in service.fields if (slug, name) in seen]:
                self.seen[key] = max(seen_prices)

    def of(self, document: WaterfallDocument, skip_providers: Collection[str] = ()) -> Price:
        """The price of one lead, where every waterfall ends with its dearest hit.

        A waterfall that stops at the first answer pays one hit; one that merges pays all. Whoever charges calls is
        paid in either.
        """
        total = Decimal(0)
        asked: list[Service] = []
        for kind, waterfall in document.waterfalls().items():
            services = [(slug, kind) for slug in waterfall.providers if slug not in skip_providers]
            costs = {each: self.tabled.get(each) or self.seen.get(each) or Decimal(0) for each in services}
            calls = sum((cost for each, cost in costs.items() if each in self.by_call), Decimal(0))
            hits = [cost for each, cost in costs.items() if each not in self.by_call]
            total += calls + (sum(hits, Decimal(0)) if waterfall.asks_all() else max(hits, default=Decimal(0)))
            asked += services
        untabled = [each for each in asked if each not in self.tabled]
        return Price(
            total,
            self._names([each for each in untabled if each in self.seen]),
            self._names([each for each in untabled if each not in self.seen]),
        )

    def _names(self, services: list[Service]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._name(each) for each in services))

    def _name(self, service: Service) -> str:
        """With the kind of waterfall where the provider has a tabled price for another."""
        slug, kind = service
        name = self.names.get(slug, slug)
        tabled_elsewhere = any(other == slug for other, _ in self.tabled)
        return f"{name} ({WaterfallKind(kind).label.lower()})" if tabled_elsewhere else name


def price_of(document: WaterfallDocument, skip_providers: Collection[str] = ()) -> Price:
    """See `PriceList.of`."""
    return PriceList().of(document, skip_providers)


def costs_seen() -> dict[tuple[str, str], Decimal]:
    """{(provider, field): US dollars}, the highest of the newest attempts; a hit that told no cost is left out."""
    newest = (Attempt.objects.filter(finished_at__isnull=False).order_by("-finished_at").values("providers"))[
        :NEWEST_ATTEMPTS
    ]
    inner, params = newest.query.sql_with_params()
    # Only the text of a query Django built is put in; its values stay parameters.
    sql = f"""
        SELECT entry->>'name', field, max((entry->>'cost')::numeric)
        FROM ({inner}) AS newest,
             jsonb_array_elements(newest.providers) AS entry,
             jsonb_array_elements_text(entry->'fields') AS field
        WHERE (entry->>'cost')::numeric > 0 GROUP BY 1, 2
    """  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[Any] = cursor.fetchall()
    return {(name, field): cost for name, field, cost in rows}
