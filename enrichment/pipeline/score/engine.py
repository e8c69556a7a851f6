"""The one engine: Polars expressions that score one lead or a million, and say which rule earned what.

Every component is numbered awards in order of precedence. The expressions find the number of the award that
hit; points and explanation are both read from that number, so they cannot disagree.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from enrichment.documents.scorecard import (
    AnyOf,
    Band,
    Bands,
    Component,
    Count,
    Rules,
    Scorecard,
    plain_number,
    with_separators,
)
from enrichment.documents.scorecard_fields import LIST_FIELDS, NUMBER_FIELDS
from enrichment.models import ScorecardVersion
from enrichment.pipeline.score.awards import (
    FINAL_SIGMA,
    SIGMA,
    Award,
    awards_of,
    has_sigma,
    needles_in,
    normalise_pattern,
)

TEXTS = pl.List(pl.String)
# Letters, their accents, digits: what a needle in `word` mode may not touch. JavaScript's /u reads it alike.
WORD = r"[\p{L}\p{M}\p{N}]"


@dataclass(frozen=True)
class Score:
    """Total points, the tier counted from 1, and one entry per component in the card's order:

    {"component", "label", "points", "max", "rule": sentence or "" where nothing hit,
    "matched": [{"text": what was found, "value": where}]}; JSON-serialisable. Values are personal data.
    """

    points: float
    tier: int
    explanation: list[dict[str, Any]]


class Engine:
    """Evaluates one scorecard. Holds expressions only, no data: may be kept and shared between threads."""

    def __init__(self, card: Scorecard) -> None:
        self.card = card
        self.schema: dict[str, Any] = {part.field: _dtype(part.field) for part in card.components}
        self._awards = [awards_of(part) for part in card.components]
        self._values = [pl.col(field).cast(dtype) for field, dtype in self.schema.items()]
        self._lower = [
            _lower(field, dtype, plain_sigma=has_sigma(needles))
            for field, dtype in self.schema.items()
            if (needles := needles_in(field, card))
        ]
        self._hits = [_hit_expression(part).alias(f"rule.{part.id}") for part in card.components]
        self._points = [
            _points(part, awards).alias(f"points.{part.id}")
            for part, awards in zip(card.components, self._awards, strict=True)
        ]
        parts = [pl.col(f"points.{part.id}") for part in card.components]
        # One after the other, as the published formula adds: a different order may differ in the last bit.
        self._total = functools.reduce(operator.add, parts).clip(upper_bound=card.cap).alias("total")
        self._tier = _tier(card).alias("tier")

    @property
    def columns(self) -> tuple[str, ...]:
        """The fields of a lead that the card looks at; their types are in `schema`."""
        return tuple(self.schema)

    def score_frame(self, frame: pl.DataFrame) -> pl.DataFrame:
        """`frame` with "points.<component id>" (Float64), "total" (Float64) and "tier" (UInt8, from 1) added.

        Needs `columns`; others pass through. Raises polars' ColumnNotFoundError where one is missing.
        """
        scored = self._evaluate(frame).select(pl.col("^points\\..*$"), "total", "tier")
        return frame.with_columns(scored.get_columns())

    def score_leads(self, rows: Sequence[Mapping[str, Any]]) -> list[Score]:
        """Scores with their explanation, in the order of `rows`; a field left out of a row is missing."""
        if not rows:
            return []
        frame = self._frame(rows)
        return [
            Score(result["total"], result["tier"], self._explain(values, result))
            for values, result in zip(frame.iter_rows(named=True), self._evaluate(frame).to_dicts(), strict=True)
        ]

    def totals(self, rows: Sequence[Mapping[str, Any]]) -> list[float]:
        """The points of `score_leads` alone, for very many."""
        return self._evaluate(self._frame(rows))["total"].to_list()

    def _frame(self, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
        read = {field: [_cell(row.get(field), dtype) for row in rows] for field, dtype in self.schema.items()}
        return pl.DataFrame(read, schema=self.schema)

    def hits(self, frame: pl.DataFrame, parts: Sequence[str]) -> pl.DataFrame:
        """The number of the award that hit (as `awards_of` numbers them; of a count, one per entry), per component.

        One column for each id of `parts`, in their order. Fields that `frame` lacks are missing.
        """
        missing = [pl.lit(None, dtype).alias(name) for name, dtype in self.schema.items() if name not in frame]
        return self._evaluate(frame.with_columns(missing)).select(f"rule.{part}" for part in parts)

    def score_hits(self, hits: pl.DataFrame) -> pl.DataFrame:
        """`hits` ("rule.<id>" of each component, from `find_hits`) with the points, "total" and "tier" added."""
        return hits.with_columns(self._points).with_columns(self._total).with_columns(self._tier)

    def _evaluate(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Columns "rule.<id>" (number of the award that hit; of a count, one per entry) and the scores."""
        # Step by step: within one select, Polars would put a title in lower case once per needle.
        return self.score_hits(frame.select(self._values).with_columns(self._lower).select(self._hits))

    def _explain(self, values: dict[str, Any], result: dict[str, Any]) -> list[dict[str, Any]]:
        explained = []
        for part, awards in zip(self.card.components, self._awards, strict=True):
            hit, value = result[f"rule.{part.id}"], values[part.field]
            pairs = zip(hit or [], value or [], strict=True) if isinstance(part, Count) else [(hit, value)]
            earned = [(awards[number], held) for number, held in pairs if number is not None]
            explained.append(
                {
                    "component": part.id,
                    "label": part.label,
                    "points": plain_number(result[f"points.{part.id}"]),
                    "max": plain_number(part.cap),
                    "rule": _sentence(part, [award for award, _ in earned]),
                    "matched": [_matched(award, held) for award, held in earned],
                }
            )
        return explained


def find_hits(part: Component, frame: pl.DataFrame) -> pl.Series:
    """Which award of one component each lead hits, whatever the awards are worth: "rule.<id>" of `score_hits`."""
    dtype = _dtype(part.field)
    values = frame.select(pl.col(part.field).cast(dtype))
    if needles := [award.text for award in awards_of(part) if award.text is not None]:
        values = values.with_columns(_lower(part.field, dtype, plain_sigma=has_sigma(needles)))
    return values.select(_hit_expression(part).alias(f"rule.{part.id}")).to_series()


def _dtype(field: str) -> Any:
    if field in NUMBER_FIELDS:
        return pl.Float64
    return TEXTS if field in LIST_FIELDS else pl.String


def _cell(value: Any, dtype: Any) -> Any:
    """A value as the engine's column holds it; what is not of the field's type is missing (D24)."""
    if dtype == pl.Float64:
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    if dtype == TEXTS:
        # Entries that are not text cannot hold a needle and count for nothing.
        return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list | tuple) else None
    return value if isinstance(value, str) else None


# ------------------------------------------------------------------ which award hits


def _lower(field: str, dtype: Any, *, plain_sigma: bool) -> pl.Expr:
    """In lower case, as JavaScript's `toLowerCase`.

    The two differ in one place: what counts as the end of a word after a capital sigma, which changes with the
    version of Unicode. Where a needle holds a sigma, the two small ones are therefore the same letter, here and
    in the formula for Clay.
    """
    entry = pl.element() if dtype == TEXTS else pl.col(field)
    lower = entry.str.to_lowercase()
    if plain_sigma:
        lower = lower.str.replace_all(FINAL_SIGMA, SIGMA, literal=True)
    return (pl.col(field).list.eval(lower) if dtype == TEXTS else lower).alias(f"lower.{field}")


def _first_true(conditions: Sequence[pl.Expr]) -> pl.Expr:
    """The number of the first condition that holds; null where none does."""
    numbered = [pl.when(c).then(pl.lit(i, dtype=pl.UInt8)) for i, c in enumerate(conditions)]
    return pl.coalesce(numbered)


def _hit_expression(part: Component) -> pl.Expr:
    value = pl.col(part.field)
    if isinstance(part, Bands):
        return _first_true([_in_band(value.fill_nan(None), band) for band in part.bands])
    if isinstance(part, AnyOf):
        return _first_true([value.is_in(group.values) for group in part.groups])
    if isinstance(part, Rules):
        text = pl.col(f"lower.{part.field}")
        return _first_true([_contains(text, needle, rule.match) for rule in part.rules for needle in rule.needles])
    if isinstance(part, Count):
        first_match = _first_true([_contains(pl.element(), each.needle, part.match) for each in part.needles])
        return pl.col(f"lower.{part.field}").list.eval(first_match)
    raise TypeError(f"no evaluation for {type(part).__name__}")


def _in_band(value: pl.Expr, band: Band) -> pl.Expr:
    ends: list[tuple[Callable[[Any, Any], Any], float | None]] = [
        (operator.ge, band.at_least),
        (operator.gt, band.above),
        (operator.le, band.at_most),
        (operator.lt, band.below),
    ]
    # `row.company_size || 0`: 0 stands for "not known" and is in no band, not even an open one.
    return functools.reduce(
        operator.and_, [compare(value, end) for compare, end in ends if end is not None], value != 0
    )


def _contains(text: pl.Expr, needle: str, match: str) -> pl.Expr:
    needle = normalise_pattern(needle)
    if match == "substring":
        return text.str.contains(needle, literal=True)
    edge = WORD.replace("[", "[^")
    return text.str.contains(f"(?:^|{edge}){pl.escape_regex(needle)}(?:{edge}|$)")


# ------------------------------------------------------------------ what it earns


def _points(part: Component, awards: list[Award]) -> pl.Expr:
    hit = pl.col(f"rule.{part.id}")
    numbers: dict[float, list[int]] = {}
    for i, award in enumerate(awards):
        numbers.setdefault(award.points, []).append(i)
    if not isinstance(part, Count):
        earned = [pl.when(hit.is_in(of)).then(pl.lit(points)) for points, of in numbers.items()]
        return pl.coalesce([*earned, pl.lit(0.0)])
    # matchCount * 5, as published: how many entries earn a value, times the value.
    entry = pl.element()
    counted = [entry.is_not_null()] if len(numbers) == 1 else [entry.is_in(of) for of in numbers.values()]
    sums = [hit.list.eval(of).list.sum() * points for of, points in zip(counted, numbers, strict=True)]
    return functools.reduce(operator.add, sums).fill_null(0.0).clip(upper_bound=part.cap)


def _tier(card: Scorecard) -> pl.Expr:
    reached = [
        pl.when(pl.col("total") >= tier.at_least).then(pl.lit(number, dtype=pl.UInt8))
        for number, tier in enumerate(card.tiers, start=1)
        if tier.at_least is not None
    ]
    return pl.coalesce([*reached, pl.lit(len(card.tiers), dtype=pl.UInt8)])


# ------------------------------------------------------------------ how it is said


def _sentence(part: Component, found: list[Award]) -> str:
    if not found:
        return ""
    if isinstance(part, Count):
        return f"{len(found)} {part.entry if len(found) == 1 else part.entries}"
    return found[0].sentence


def _matched(award: Award, value: str | float) -> dict[str, str]:
    held = value if isinstance(value, str) else with_separators(value)
    return {"text": held if award.text is None else award.text, "value": held}


@functools.lru_cache(maxsize=8)
def engine(version_id: int) -> Engine:
    """The engine of a stored version, built once per process: a published document never changes."""
    return Engine(Scorecard.model_validate(ScorecardVersion.objects.get(pk=version_id).document))
