"""The nearest change that lifts a lead to the next tier, from its explanation and the card that scored it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from enrichment.scoring.engine import Score, awards_of
from enrichment.scoring.scorecard import Component, Count, Scorecard, alternatives

SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True)
class Lift:
    """A change that reaches the next tier.

    `component` and `label` name the component that changes ("a + b" where it takes several), `points_missing`
    is what the lead lacks, `gain` what this change adds.
    `sentence` reads "one more target technology → Tier 1".
    """

    component: str
    label: str
    points_missing: float
    gain: float
    sentence: str


@dataclass(frozen=True)
class Change:
    """One component earning `points` instead of what it earns now."""

    part: Component
    points: float
    gain: float
    words: str


def next_tier(score: Score, card: Scorecard) -> list[Lift]:
    """Single components that alone reach the next tier, the smallest gain first.

    Where no single one does, one lift made of the fewest that do together. Empty in the first tier, and where
    the card's components cannot reach the next threshold at all. `card` is the one that made `score`.
    """
    if score.tier <= 1:
        return []
    goal = card.tiers[score.tier - 2]
    threshold = goal.at_least or 0.0
    earned: dict[str, float] = dict.fromkeys((part.id for part in card.components), 0.0)
    earned |= {said["component"]: said["points"] for said in score.explanation if said["component"] in earned}
    missing = threshold - score.points
    changes = [change for part in card.components for change in _changes(part, earned[part.id], missing)]
    alone = [change for change in changes if _reaches(earned, [change], threshold)]
    singles = [[change] for change in _least_per_component(alone)]
    chosen = singles or _together(changes, earned, threshold)
    return [_lift(change, missing, goal.name) for change in chosen]


def _reaches(earned: Mapping[str, float], changes: Iterable[Change], threshold: float) -> bool:
    """Added up in the engine's order, so that a sum of fractions comes out the same."""
    after = {**earned, **{change.part.id: change.points for change in changes}}
    return sum(after.values()) >= threshold


def _least_per_component(changes: list[Change]) -> list[Change]:
    """sorted() keeps the card's order among equals."""
    best: dict[str, Change] = {}
    for change in sorted(changes, key=lambda change: change.gain):
        best.setdefault(change.part.id, change)
    return list(best.values())


def _together(changes: list[Change], earned: Mapping[str, float], threshold: float) -> list[list[Change]]:
    """The greatest gain of each component, greatest first, until they suffice: so the fewest components."""
    greatest = _least_per_component([change for change in changes if _is_greatest(change, changes)])
    chosen: list[Change] = []
    for change in sorted(greatest, key=lambda change: -change.gain):
        chosen.append(change)
        if _reaches(earned, chosen, threshold):
            return [chosen]
    return []


def _is_greatest(change: Change, changes: list[Change]) -> bool:
    return change.gain == max(other.gain for other in changes if other.part.id == change.part.id)


def _lift(changes: list[Change], missing: float, tier: str) -> Lift:
    words = " and ".join(change.words for change in changes)
    return Lift(
        component=" + ".join(change.part.id for change in changes),
        label=" + ".join(change.part.label for change in changes),
        points_missing=missing,
        gain=sum(change.gain for change in changes),
        sentence=f"{words} → {tier}",
    )


# ------------------------------------------------------------------ what each kind of component could earn


def _changes(part: Component, now: float, missing: float) -> list[Change]:
    if isinstance(part, Count):
        return _more_entries(part, now, missing)
    return [
        Change(part, award.points, award.points - now, f"{part.label}: {award.sentence}")
        for award in awards_of(part)
        if award.points > now
    ]


def _more_entries(part: Count, now: float, missing: float) -> list[Change]:
    """As many further entries as lift the lead, or fill the component; all of the same worth."""
    changes = []
    worths = sorted({each.points for each in part.needles if each.points > 0}, reverse=True)
    for worth in worths:
        full = math.ceil((part.cap - now) / worth)
        enough = math.ceil(missing / worth)
        # A quotient of fractions can come out a hair too high: one fewer may do.
        for further in sorted({enough - 1, enough, full} & set(range(1, full + 1))):
            points = min(now + further * worth, part.cap)
            changes.append(
                Change(part, points, points - now, _further(part, further, worth, len(worths) > 1))
            )
    return changes


def _further(part: Count, further: int, worth: float, name: bool) -> str:
    number = SMALL[further] if further < len(SMALL) else str(further)
    words = f"{number} more {part.entry if further == 1 else part.entries}"
    if not name:
        return words
    return f"{words} ({alternatives(each.needle for each in part.needles if each.points == worth)})"
