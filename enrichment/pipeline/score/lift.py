"""The nearest change that lifts a lead to the next tier, from its explanation and the card that scored it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from enrichment.documents.scorecard import Scorecard
from enrichment.pipeline.score.engine import Engine, Score
from enrichment.pipeline.score.lift_changes import Change, ScoreBreakdown, changes_of, entries_found


@dataclass(frozen=True)
class Lift:
    """A change that reaches the next tier.

    `component` and `label` name the component that changes ("a + b" where it takes several), `points_missing`
    is what the lead lacks, `gain` what this change adds. `sentence` reads "one more target technology → Tier 1".
    `example` is {field: value} with which the engine gives that tier; of a list field, the further entries.
    """

    component: str
    label: str
    points_missing: float
    gain: float
    sentence: str
    example: Mapping[str, Any] = field(default_factory=dict, compare=False)


def next_tier(score: Score, card: Scorecard, scorer: Engine | None = None) -> list[Lift]:
    """Changes of one field that alone reach the next tier, the smallest gain first.

    Where no single one does, one lift made of the fewest that do together. Empty in the first tier, where the
    points are already there (the tier is Clay's, D23), and where the card cannot reach the next threshold at
    all. `card` is the one that made `score`; `scorer` its engine, if there is one at hand.
    """
    if score.tier <= 1:
        return []
    goal = card.tiers[score.tier - 2]
    threshold = goal.at_least or 0.0
    earned: dict[str, float] = dict.fromkeys((part.id for part in card.components), 0.0)
    earned |= {award["component"]: award["points"] for award in score.explanation if award["component"] in earned}
    missing = threshold - score.points
    if missing <= 0:
        return []
    standing = ScoreBreakdown(earned, entries_found(card, score.explanation), threshold)
    changes = changes_of(scorer or Engine(card), standing)
    alone = [change for change in changes if standing.reached_by([change])]
    singles = [[change] for change in _least_per_component(alone)]
    chosen = singles or _combine(changes, standing)
    return [_lift(change, missing, goal.name) for change in chosen]


def _least_per_component(changes: Iterable[Change]) -> list[Change]:
    """sorted() keeps the card's order among equals."""
    best: dict[str, Change] = {}
    for change in sorted(changes, key=lambda change: change.gain):
        best.setdefault(change.component, change)
    return list(best.values())


def _combine(changes: list[Change], standing: ScoreBreakdown) -> list[list[Change]]:
    """The greatest gain of each field, greatest first, until they suffice: so the fewest fields."""
    greatest: dict[str, Change] = {}
    for change in changes:
        if change.field not in greatest or change.gain > greatest[change.field].gain:
            greatest[change.field] = change
    chosen: list[Change] = []
    for change in sorted(greatest.values(), key=lambda change: -change.gain):
        chosen.append(change)
        if standing.reached_by(chosen):
            return [chosen]
    return []


def _lift(changes: list[Change], missing: float, tier: str) -> Lift:
    words = " and ".join(change.words for change in changes)
    return Lift(
        component=" + ".join(change.component for change in changes),
        label=" + ".join(change.label for change in changes),
        points_missing=missing,
        gain=sum(change.gain for change in changes),
        sentence=f"{words} → {tier}",
        example={change.field: change.value for change in changes},
    )
