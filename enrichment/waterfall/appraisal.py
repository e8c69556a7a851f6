"""A whole waterfall document appraised: the one door for screens, which ask for it once a document.

appraise(document)                          by the catalogue's accuracies, an assumption (D9)
appraise(document, ledger())                by what was observed, where it was often enough
appraise(document, ledger(Segment.SIZE), value="200 to 2,000")     in one segment
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from enrichment.documents.waterfall import WaterfallDocument
from enrichment.models import WaterfallKind
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay import chosen
from enrichment.vendors.clay.routine import RUN_MAX
from enrichment.waterfall.capacity import Capacity, RateLimit, capacity
from enrichment.waterfall.economics import (
    ExpectedOutcome,
    MarginalValue,
    calls_per_lead,
    expected_outcome,
    marginal_values,
)
from enrichment.waterfall.figures import Book, provider_figures
from enrichment.waterfall.ordering import Suggestion, suggest_order
from enrichment.waterfall.provider_stats import ProviderStats
from enrichment.waterfall.waiting import WaitingCost, cost_of, figures_of, waiting_groups


@dataclass(frozen=True)
class WaterfallAppraisal:
    """One waterfall: what it costs and finds, what each provider adds, and the cheapest order of its providers."""

    kind: str
    label: str
    asks_all: bool
    outcome: ExpectedOutcome
    margins: list[MarginalValue]
    suggestion: Suggestion


@dataclass(frozen=True)
class Appraisals:
    """`cost`: US dollars per lead, all waterfalls together; `waiting`: what the leads now waiting are to cost.

    `observed_attempts`: attempts the rates come from, 0 where they are the catalogue's. `unclear`: misses in them
    that could not be told to one waterfall. `tells_misses`: False where Clay tells none, and no rate is observed.
    """

    falls: list[WaterfallAppraisal]
    cost: float
    capacity: Capacity
    waiting: WaitingCost
    observed_attempts: int = 0
    unclear: int = 0
    tells_misses: bool = True

    @property
    def by_kind(self) -> dict[str, WaterfallAppraisal]:
        return {fall.kind: fall for fall in self.falls}

    @property
    def unpriced(self) -> tuple[str, ...]:
        """Providers without a known price: `cost` is without them."""
        return tuple(dict.fromkeys(name for fall in self.falls for name in fall.outcome.unpriced))

    @property
    def unrated(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for fall in self.falls for name in fall.outcome.unrated))

    @property
    def assumes(self) -> bool:
        """Whether anything in it rests on the tabled accuracy, which is no hit rate (D9)."""
        return any(fall.outcome.assumes for fall in self.falls)


def appraise(document: WaterfallDocument, seen: ProviderStats | None = None, value: str | None = None) -> Appraisals:
    """Two queries (catalogue, waiting leads); a draft and what is live are two calls."""
    figures = provider_figures(seen, value)
    falls = [_fall(kind, WaterfallKind(kind).label, document, figures) for kind in document.waterfalls()]
    return Appraisals(
        falls=falls,
        cost=sum(fall.outcome.cost for fall in falls),
        capacity=_capacity(falls, figures),
        waiting=cost_of(waiting_groups(), document, figures),
        observed_attempts=seen.attempts if seen else 0,
        unclear=seen.unclear if seen else 0,
        tells_misses=seen.tells_misses if seen else True,
    )


def _fall(kind: str, label: str, document: WaterfallDocument, figures: Book) -> WaterfallAppraisal:
    fall = document.waterfalls()[kind]
    providers = figures_of(fall.providers, figures.get(kind, {}))
    asks_all = fall.asks_all()
    return WaterfallAppraisal(
        kind=kind,
        label=label,
        asks_all=asks_all,
        outcome=expected_outcome(providers, asks_all=asks_all),
        margins=marginal_values(providers, asks_all=asks_all),
        suggestion=suggest_order(providers, asks_all=asks_all),
    )


def _capacity(falls: list[WaterfallAppraisal], figures: Book) -> Capacity:
    """Where Clay runs the providers itself, only what it takes of us is known."""
    if not chosen.can(Capability.TRIGGER):
        return _of_submissions()
    known = {slug: each for services in figures.values() for slug, each in services.items()}
    by_rows = settings.CLAY_LIMIT_UNIT == "rows"
    return capacity(
        calls_per_lead({fall.kind: fall.outcome for fall in falls}),
        {slug: each.hourly_limit for slug, each in known.items() if each.hourly_limit},
        {slug: each.name for slug, each in known.items()},
        triggers_per_hour=60 * settings.CLAY_TRIGGERS_PER_MINUTE,
        leads_per_trigger=1 if by_rows else settings.CLAY_TRIGGER_BATCH,
    )


def _of_submissions() -> Capacity:
    """A table's webhook takes one lead a call, a run up to a hundred."""
    if chosen.can(Capability.RECEIVE_ROW):
        return Capacity((RateLimit("clay", "Clay's submissions", 1.0, 3600 * settings.CLAY_SUBMISSIONS_PER_SECOND),))
    each = 1 / RUN_MAX  # over a file it takes fewer calls a lead
    return Capacity((RateLimit("clay", "Clay's calls", each, 60 * settings.CLAY_ROUTINE_CALLS_PER_MINUTE),))
