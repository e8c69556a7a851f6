"""What another value of one field would earn: by the engine, so that an earlier rule that takes it is seen.

All components that look at the field change together; a list field gets further entries and keeps its own.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from enrichment.documents.scorecard import (
    AnyOf,
    Bands,
    Component,
    Count,
    Rules,
    Scorecard,
    alternatives,
)
from enrichment.documents.scorecard_fields import LIST_FIELDS, NUMBER_FIELDS
from enrichment.pipeline.score.awards import awards_of
from enrichment.pipeline.score.engine import Engine

SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True)
class Change:
    """One field holding `value` (of a list: these further entries) instead of what it holds now.

    `points` is {component id: points} of all components that look at the field; `component` and `label` name
    those that earn more.
    """

    field: str
    value: Any
    points: Mapping[str, float]
    gain: float
    component: str
    label: str
    words: str


@dataclass(frozen=True)
class ScoreBreakdown:
    """Where a lead stands: points by component in the card's order, {component: entries found by worth}."""

    earned: Mapping[str, float]
    entries: Mapping[str, Mapping[float, int]]
    threshold: float

    def reached_by(self, changes: Iterable[Change]) -> bool:
        """Added up in the engine's order, so that a sum of fractions comes out the same."""
        after = dict(self.earned)
        for change in changes:
            after |= change.points
        return sum(after.values()) >= self.threshold

    def gain(self, points: Mapping[str, float]) -> float:
        return sum(points.values()) - sum(self.earned[part] for part in points)


def entries_found(card: Scorecard, explanation: Sequence[Mapping[str, Any]]) -> dict[str, dict[float, int]]:
    """{component: {points of an entry: how many of the lead's entries earn that}} of the counting components."""
    matched = {award["component"]: award.get("matched") or [] for award in explanation}
    entries = {}
    for part in card.components:
        if isinstance(part, Count):
            worth = {each.needle: each.points for each in reversed(part.needles)}
            counted = dict.fromkeys((each.points for each in part.needles), 0)
            for match in matched.get(part.id, []):
                if match["text"] in worth:
                    counted[worth[match["text"]]] += 1
            entries[part.id] = counted
    return entries


def changes_of(scorer: Engine, standing: ScoreBreakdown) -> list[Change]:
    """Every change of one field that adds points, fields in the card's order."""
    by_field: dict[str, list[Component]] = {}
    for part in scorer.card.components:
        by_field.setdefault(part.field, []).append(part)
    changes: list[Change] = []
    for name, parts in by_field.items():
        if name in LIST_FIELDS:
            counts = [part for part in parts if isinstance(part, Count)]
            changes += _further_entries(scorer, name, counts, standing)
        else:
            changes += _other_values(scorer, name, parts, standing)
    return changes


# ------------------------------------------------------------------ another text or number


def _other_values(scorer: Engine, name: str, parts: list[Component], standing: ScoreBreakdown) -> Iterable[Change]:
    """The first value for each way of earning more."""
    values = _numbers(parts) if name in NUMBER_FIELDS else _texts(parts)
    seen: set[tuple[float, ...]] = set()
    hits = _hits(scorer, name, parts, values)
    for value, awards in zip(values, hits, strict=True):
        points = {part.id: _earned(part, award) for part, award in zip(parts, awards, strict=True)}
        key = tuple(points.values())
        gain = standing.gain(points)
        better = [
            (part, award)
            for part, award in zip(parts, awards, strict=True)
            if award is not None and points[part.id] > standing.earned[part.id]
        ]
        if key in seen or gain <= 0 or not better:
            continue
        seen.add(key)
        words = [f"{part.label}: {_award_text(part, award, hits)}" for part, award in better]
        yield Change(
            field=name,
            value=value,
            points=points,
            gain=gain,
            component=" + ".join(part.id for part, _ in better),
            label=" + ".join(part.label for part, _ in better),
            words=" and ".join(words),
        )


def _texts(parts: Iterable[Component]) -> list[str]:
    texts: list[str] = []
    for part in parts:
        if isinstance(part, Rules):
            texts += [needle for rule in part.rules for needle in rule.needles]
        elif isinstance(part, AnyOf):
            texts += [value for group in part.groups for value in group.values]
    return list(dict.fromkeys(texts))


def _numbers(parts: Iterable[Component]) -> list[float]:
    """Numbers in every stretch between the bands' ends: the ends, whole numbers beside them, the middles."""
    ends: set[float] = set()
    for part in parts:
        if isinstance(part, Bands):
            for band in part.bands:
                sides = (band.at_least, band.above, band.at_most, band.below)
                ends |= {end for end in sides if end is not None}
    ordered = sorted(ends)
    middles = [low + (high - low) / 2 for low, high in itertools.pairwise(ordered)]
    beside = [near for end in ordered for near in (end + 1, end - 1)]
    return list(dict.fromkeys([*ordered, *beside, *middles]))


def _hits(scorer: Engine, name: str, parts: Sequence[Component], values: Sequence[Any]) -> list[tuple[int | None, ...]]:
    """For each value, the number of the award it hits in each of the parts."""
    frame = pl.DataFrame({name: values}, schema={name: scorer.schema[name]})
    hits = scorer.hits(frame, [part.id for part in parts])
    return [tuple(row) for row in hits.iter_rows()]


def _earned(part: Component, award: int | None) -> float:
    return 0.0 if award is None else awards_of(part)[award].points


def _award_text(part: Component, award: int, hits: Sequence[tuple[int | None, ...]]) -> str:
    """The award in words; of a rule, only those of its texts that no earlier rule takes."""
    if not isinstance(part, Rules):
        return awards_of(part)[award].sentence
    reachable = {number for row in hits for number in row if number is not None}
    numbered = [(rule, needle) for rule in part.rules for needle in rule.needles]
    rule = numbered[award][0]
    needles = [needle for at, (each, needle) in enumerate(numbered) if each is rule and at in reachable]
    return rule.model_copy(update={"needles": needles}).sentence()


# ------------------------------------------------------------------ further entries of a list


def _further_entries(scorer: Engine, name: str, parts: list[Count], standing: ScoreBreakdown) -> Iterable[Change]:
    """As many further entries as lift the lead, or fill the components; all of the same worth."""
    needles = list(dict.fromkeys(each.needle for part in parts for each in part.needles))
    frame = pl.DataFrame({name: [[needle] for needle in needles]}, schema={name: scorer.schema[name]})
    worths: dict[tuple[float, ...], list[str]] = {}
    for needle, row in zip(needles, scorer.hits(frame, [p.id for p in parts]).iter_rows(), strict=True):
        awards = [numbers[0] if numbers else None for numbers in row]
        worth = tuple(_earned(part, award) for part, award in zip(parts, awards, strict=True))
        worths.setdefault(worth, []).append(needle)
    for worth, entries in sorted(worths.items(), key=lambda pair: -sum(pair[0])):
        if sum(worth) > 0:
            yield from _more_of(name, parts, worth, entries, standing, name_them=len(worths) > 1)


def _more_of(
    name: str,
    parts: list[Count],
    worth: tuple[float, ...],
    entries: list[str],
    standing: ScoreBreakdown,
    *,
    name_them: bool,
) -> Iterable[Change]:
    gaining = [(part, each) for part, each in zip(parts, worth, strict=True) if each > 0]

    def change(further: int) -> Change:
        points = {part.id: _with_more(part, standing.entries[part.id], each, further) for part, each in gaining}
        better = [part for part, _ in gaining if points[part.id] > standing.earned[part.id]]
        return Change(
            field=name,
            value=[entries[0]] * further,
            points=points,
            gain=standing.gain(points),
            component=" + ".join(part.id for part in better),
            label=" + ".join(part.label for part in better),
            words=_further(gaining[0][0], further, entries, name_them),
        )

    room = [math.ceil((part.cap - standing.earned[part.id]) / each) for part, each in gaining]
    full = min(max(room), MOST_ENTRIES)
    if full < 1 or change(full).gain <= 0:
        return
    enough = 1 + bisect_left(range(1, full + 1), True, key=lambda k: standing.reached_by([change(k)]))
    yield from (change(further) for further in sorted({min(enough, full), full}))


MOST_ENTRIES = 1_000  # of a worth so small nobody is told to find more


def _with_more(part: Count, found: Mapping[float, int], worth: float, further: int) -> float:
    """The component's points with `further` more entries of this worth, added up as the engine does."""
    sums = [(count + (further if each == worth else 0)) * each for each, count in found.items()]
    return min(functools.reduce(operator.add, sums), part.cap)


def _further(part: Count, further: int, entries: list[str], name_them: bool) -> str:
    number = SMALL[further] if further < len(SMALL) else str(further)
    words = f"{number} more {part.entry if further == 1 else part.entries}"
    return f"{words} ({alternatives(entries)})" if name_them else words
