"""The leads that wait to be enriched, by who will be asked about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.db.models import Count, Exists, OuterRef, Q

from enrichment.documents.waterfall import WaterfallDocument
from enrichment.models import BatchItem, Lead
from enrichment.models.work import BatchKind
from enrichment.states import ItemStatus
from enrichment.waterfall.economics import ExpectedOutcome, ProviderFigures, expected_outcome


@dataclass(frozen=True)
class WaitingGroup:
    """`leads` that are asked about without `skip`, and of `only` these providers where any are named.

    `found` and `answered`: what a run that broke off brought already, see `Lead`.
    """

    leads: int
    skip: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    answered: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def narrowed(self, document: WaterfallDocument) -> WaterfallDocument:
        left = document.asking(only=self.only, without=self.found, answered=self.answered)
        return left.only(left.providers() - set(self.skip))


@dataclass(frozen=True)
class WaitingCost:
    """`cost`: expected, in US dollars; `unpriced`: names of providers it counts as free for want of a price."""

    leads: int
    cost: float
    unpriced: tuple[str, ...] = ()


def waiting_groups() -> list[WaitingGroup]:
    """Due for dispatch, now or later, or in a batch that has not left yet; one query."""
    planned = BatchItem.objects.filter(lead=OuterRef("pk"), status=ItemStatus.PLANNED)
    in_batch = Exists(planned.exclude(batch__kind=BatchKind.UPDATE))
    waiting = Lead.objects.filter(Q(dispatch_after__isnull=False) | in_batch).order_by()
    rows = waiting.values_list("skip_providers", "only_providers", "found_waterfalls", "answered")
    return [
        WaitingGroup(count, tuple(sorted(skip)), tuple(sorted(only)), tuple(found), answered)
        for skip, only, found, answered, count in rows.annotate(n=Count("pk"))
    ]


def cost_of(
    waiting: Iterable[WaitingGroup], document: WaterfallDocument, figures: Mapping[str, Mapping[str, ProviderFigures]]
) -> WaitingCost:
    """What enriching them by `document` is expected to cost."""
    leads, cost = 0, 0.0
    unpriced: dict[str, None] = {}
    for group in waiting:
        expected = outcomes(group.narrowed(document), figures)
        leads += group.leads
        cost += group.leads * sum(each.cost for each in expected.values())
        unpriced |= dict.fromkeys(name for each in expected.values() for name in each.unpriced)
    return WaitingCost(leads, cost, tuple(unpriced))


def outcomes(
    document: WaterfallDocument, figures: Mapping[str, Mapping[str, ProviderFigures]]
) -> dict[str, ExpectedOutcome]:
    """{kind: what its waterfall costs and finds}."""
    return {
        kind: expected_outcome(figures_of(fall.providers, figures.get(kind, {})), asks_all=fall.asks_all())
        for kind, fall in document.waterfalls().items()
    }


def figures_of(slugs: Iterable[str], figures: Mapping[str, ProviderFigures]) -> list[ProviderFigures]:
    """The figures in the waterfall's order; nothing is known of who is not in the catalogue."""
    return [figures.get(slug) or ProviderFigures(slug, slug, None) for slug in slugs]
