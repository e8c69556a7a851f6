"""The scorecard document: what earns points, how many, and from how many on a lead is in which tier (D2)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from enrichment.documents.first_scorecard import PUBLISHED
from enrichment.documents.scorecard_fields import LIST_FIELDS, NUMBER_FIELDS, TEXT_FIELDS

__all__ = ["PUBLISHED", "AnyOf", "Band", "Bands", "Count", "Group", "Rule", "Rules", "Scorecard", "Tier"]

MAX_AWARDS = 250  # per component: the engine numbers them in one byte


def _error_at(path: Sequence[str | int], sentence: str) -> PydanticCustomError:
    """An error at a place below the validated value: pydantic's own location ends at that value."""
    return PydanticCustomError("scorecard", "{sentence}", {"sentence": sentence, "path": list(path)})


def plain_number(number: float) -> float | int:
    """30.0 as 30: the way a person, JSON and JavaScript write it."""
    return int(number) if math.isfinite(number) and number == int(number) else number


def with_separators(number: float) -> str:
    """2000.0 as "2,000"."""
    return f"{plain_number(number):,}"


def alternatives(words: Iterable[str]) -> str:
    """["a", "b", "c"] as "a, b or c"."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _lower_case(needle: str) -> str:
    if not needle.strip():
        raise _error_at([], "search text can't be blank")
    if needle != needle.lower():
        raise _error_at([], f'use lower case, "{needle.lower()}": values are compared in lower case')
    return needle


_number = PlainSerializer(plain_number, return_type=float | int, when_used="always")
Points = Annotated[float, Field(strict=True, ge=0, le=100, allow_inf_nan=False), _number]
Cap = Annotated[float, Field(strict=True, gt=0, le=100, allow_inf_nan=False), _number]
Bound = Annotated[float, Field(strict=True, ge=-1e12, le=1e12, allow_inf_nan=False), _number]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Label = Annotated[str, Field(min_length=1, max_length=80, pattern=r"\S")]
Needle = Annotated[str, Field(max_length=200), AfterValidator(_lower_case)]
Match = Literal["substring", "word"]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Band(Part):
    """From … to … of a number: `at_least` ≥, `above` >, `at_most` ≤, `below` <; an end left out is open."""

    at_least: Bound | None = None
    above: Bound | None = None
    at_most: Bound | None = None
    below: Bound | None = None
    points: Points

    @model_validator(mode="after")
    def _some_number_fits(self) -> Band:
        if self.at_least is not None and self.above is not None:
            raise _error_at(["above"], "a range has one lower limit: at_least or above")
        if self.at_most is not None and self.below is not None:
            raise _error_at(["below"], "a range has one upper limit: at_most or below")
        low = self.at_least if self.above is None else self.above
        high = self.at_most if self.below is None else self.below
        if low is None and high is None:
            raise _error_at([], "a range needs a lower or an upper limit")
        ends_included = self.above is None and self.below is None
        if low is not None and high is not None and (low > high or (low == high and not ends_included)):
            raise _error_at(["below" if self.at_most is None else "at_most"], "no number fits this range")
        return self

    def sentence(self, unit: str) -> str:
        return f"{self._range()} {unit}".strip()

    def _range(self) -> str:
        low, high = self._beginning(), self._end()
        if not low:
            return f"up to {high}" if self.below is None else high
        if not high:
            return low if self.above is not None else f"at least {low}"
        return f"{low} to {high}"

    def _beginning(self) -> str:
        if self.above is not None:
            return f"over {with_separators(self.above)}"
        return "" if self.at_least is None else with_separators(self.at_least)

    def _end(self) -> str:
        if self.below is not None:
            return f"under {with_separators(self.below)}"
        return "" if self.at_most is None else with_separators(self.at_most)


class Group(Part):
    """Values that earn the same; compared exactly, capitals included, as JavaScript's `includes` does."""

    values: Annotated[list[Annotated[str, Field(min_length=1, max_length=300)]], Field(min_length=1, max_length=1000)]
    points: Points

    def sentence(self) -> str:
        return alternatives(self.values) if len(self.values) == 1 else f"one of {alternatives(self.values)}"


class Rule(Part):
    """Points for a text that contains any of the needles, in lower case."""

    needles: Annotated[list[Needle], Field(min_length=1)]
    match: Match = "substring"
    points: Points

    def sentence(self) -> str:
        quoted = alternatives(f'"{needle}"' for needle in self.needles)
        return f"contains {quoted}" if self.match == "substring" else f"contains the word {quoted}"


class CountedNeedle(Part):
    needle: Needle
    points: Points


class Component(Part):
    """Points for one field of a lead. `awards_in`: the attribute with what earns them.

    `fitting_fields`: those it can read; `field_holds`: what they hold, in words.
    """

    id: Identifier
    label: Label
    field: str
    cap: Cap

    awards_in: ClassVar[str]
    fitting_fields: ClassVar[tuple[str, ...]]
    field_holds: ClassVar[str]

    @field_validator("field")
    @classmethod
    def _is_fitting_field(cls, field: str) -> str:
        if field not in cls.fitting_fields:
            fitting = alternatives(cls.fitting_fields)
            raise _error_at([], f"this rule type needs a field with {cls.field_holds}: {fitting}")
        return field

    @property
    def awards(self) -> Sequence[Band | Group | Rule | CountedNeedle]:
        """Everything that earns points, in order of precedence."""
        awards: Sequence[Band | Group | Rule | CountedNeedle] = getattr(self, self.awards_in)
        return awards

    @model_validator(mode="after")
    def _points_fit_the_cap(self) -> Component:
        for i, award in enumerate(self.awards):
            if award.points > self.cap:
                sentence = (
                    f"{with_separators(award.points)} is above the component's maximum of {with_separators(self.cap)}"
                )
                raise _error_at([self.awards_in, i, "points"], sentence)
        return self


class Bands(Component):
    """The first band that holds the number earns its points; 0 and no number earn nothing (`|| 0`)."""

    awards_in: ClassVar[str] = "bands"
    fitting_fields: ClassVar[tuple[str, ...]] = NUMBER_FIELDS
    field_holds: ClassVar[str] = "a number"
    kind: Literal["bands"]
    unit: Annotated[str, Field(max_length=40)] = ""
    bands: Annotated[list[Band], Field(min_length=1, max_length=MAX_AWARDS)]


class AnyOf(Component):
    """The first group that lists the value earns its points."""

    awards_in: ClassVar[str] = "groups"
    fitting_fields: ClassVar[tuple[str, ...]] = TEXT_FIELDS
    field_holds: ClassVar[str] = "one text"
    kind: Literal["any_of"]
    groups: Annotated[list[Group], Field(min_length=1, max_length=MAX_AWARDS)]


class Rules(Component):
    """The first rule with a needle inside the text earns its points."""

    awards_in: ClassVar[str] = "rules"
    fitting_fields: ClassVar[tuple[str, ...]] = TEXT_FIELDS
    field_holds: ClassVar[str] = "one text"
    kind: Literal["rules"]
    rules: Annotated[list[Rule], Field(min_length=1, max_length=MAX_AWARDS)]

    @field_validator("rules")
    @classmethod
    def _countable(cls, rules: list[Rule]) -> list[Rule]:
        if sum(len(rule.needles) for rule in rules) > MAX_AWARDS:
            raise _error_at([], f"at most {MAX_AWARDS} search texts across all rules")
        return rules


class Count(Component):
    """Each entry of a list earns the points of the first needle inside it; the cap limits the sum."""

    awards_in: ClassVar[str] = "needles"
    fitting_fields: ClassVar[tuple[str, ...]] = LIST_FIELDS
    field_holds: ClassVar[str] = "a list"
    kind: Literal["count"]
    needles: Annotated[list[CountedNeedle], Field(min_length=1, max_length=MAX_AWARDS)]
    match: Match = "substring"
    entry: Label = "matching entry"
    entries: Label = "matching entries"


class Tier(Part):
    """`at_least` points, on the capped total; the last tier takes what is left and has no threshold."""

    name: Annotated[str, Field(min_length=1, max_length=32, pattern=r"\S")]
    at_least: Annotated[float, Field(strict=True, gt=0, le=100, allow_inf_nan=False), _number] | None = None


class Scorecard(Part):
    """Components in order of addition, the cap of their sum, and the tiers from the best down."""

    components: Annotated[
        list[Annotated[Bands | AnyOf | Rules | Count, Field(discriminator="kind")]],
        Field(min_length=1, max_length=40),
    ]
    cap: Cap
    tiers: Annotated[list[Tier], Field(min_length=2, max_length=9)]

    @field_validator("components")
    @classmethod
    def _ids_once(cls, components: list[Component]) -> list[Component]:
        seen: set[str] = set()
        for i, component in enumerate(components):
            if component.id in seen:
                raise _error_at([i, "id"], f'another component has the ID "{component.id}"')
            seen.add(component.id)
        return components

    @field_validator("tiers")
    @classmethod
    def _fall(cls, tiers: list[Tier], info: ValidationInfo) -> list[Tier]:
        above = info.data.get("cap", 100.0)
        for i, tier in enumerate(tiers):
            _check_threshold(i, tier, above, last=i == len(tiers) - 1)
            if tier.name in [other.name for other in tiers[:i]]:
                raise _error_at([i, "name"], f'another tier is called "{tier.name}"')
            above = tier.at_least
        return tiers

    def document(self) -> dict[str, Any]:
        """The card as JSON-serialisable data; `Scorecard.model_validate` reads it back."""
        return self.model_dump(mode="json", exclude_none=True)

    def tier_name(self, tier: int) -> str:
        """The name of the tier numbered from 1."""
        return self.tiers[tier - 1].name


def _check_threshold(i: int, tier: Tier, above: Any, *, last: bool) -> None:
    if last:
        if tier.at_least is not None:
            raise _error_at([i, "at_least"], "the last tier takes all other leads and has no threshold")
        return
    if tier.at_least is None:
        raise _error_at([i, "at_least"], "every tier but the last needs a threshold")
    if i == 0 and tier.at_least > above:
        raise _error_at([i, "at_least"], f"no lead can reach it: the maximum score is {with_separators(above)}")
    if i and tier.at_least >= above:
        raise _error_at([i, "at_least"], f"must be below {with_separators(above)}, the threshold of the tier before it")
