"""The formulas for Clay's columns icp_score and icp_tier, from any scorecard: equal to the engine for every lead.

The source is in the shape of the published formula (specification, "ICP Scoring Formula"): the same two functions,
a block a component, added up in the card's order. What Clay's columns may hold beyond the mirror's types is read
as the mirror reads it (D24): a number or a list given as text; what is not of its column's type is missing.
Equal for all characters up to Unicode 16; a newer one may be a letter to one side only, which `word` mode looks at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from enrichment.documents.scorecard import AnyOf, Band, Bands, Component, Count, Rules, Scorecard, with_separators
from enrichment.documents.scorecard_fields import LIST_FIELDS, NUMBER_FIELDS
from enrichment.pipeline.score.awards import FINAL_SIGMA, SIGMA, awards_of, has_sigma, needles_in, normalise_pattern
from enrichment.scoring.javascript_text import comment, literal, literals, number

SCORE_COLUMN, TIER_COLUMN = "icp_score", "icp_tier"

# JavaScript's trim() takes U+FEFF for a space and U+0085 for none; the mirror the other way round.
_SPACE = r"[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"

_NUMBER = r"""
  // A number, also one that came as text: "250", "1,200". 0 stands for "not known".
  const number = (value) => {
    if (typeof value === "string") {
      const given = value.replace(/\s+/g, "");
      const digits = /^\d{1,3}(,\d{3}){1,5}(\.\d{1,20})?$/.test(given) ? given.replace(/,/g, "") : given;
      const plain = /^\+?(\d{1,15}(\.\d{0,20})?|\.\d{1,20})(e[+-]?\d{1,3})?$/i.test(digits);
      const twoWays = /^[1-9]\d{0,2}\.\d{3}$/.test(given); // "1.200": twelve hundred, or a little more than one
      value = plain && !twoWays ? Number(digits) : 0;
      if (value === Infinity) value = 0;
    }
    return typeof value === "number" ? value || 0 : 0;
  };"""

_TEXT = """
  const text = (value) => (typeof value === "string" ? value : "");"""

_LIST = rf"""
  // A list, also one that came as text: "a, b" or "[\"a\", \"b\"]".
  const space = /^{_SPACE}+|{_SPACE}+$/g;
  const parsed = (value) => {{
    try {{ return JSON.parse(value); }} catch (error) {{ return []; }}
  }};
  const list = (value) => {{
    if (typeof value === "string") {{
      const given = value.replace(space, "");
      const entries = given.startsWith("[") ? parsed(given) : given.split(/[,;|\n•]/);
      value = entries.map((entry) => text(entry).replace(space, ""));
    }}
    return Array.isArray(value) ? value.filter((entry) => typeof entry === "string") : [];
  }};"""

_POSTS = """
  // Recent activity is a list of texts or objects; only the texts are looked into.
  const posts = (value) => (Array.isArray(value) ? value : [value]).filter((entry) => typeof entry === "string");"""

_WORD = r"""
  // The needle stands alone: no letter, accent or digit touches it.
  const hasWord = (where, needle) => {
    for (let at = where.indexOf(needle); at >= 0; at = where.indexOf(needle, at + 1)) {
      const before = /[\p{L}\p{M}\p{N}]$/u.test(where.slice(0, at));
      const after = /^[\p{L}\p{M}\p{N}]/u.test(where.slice(at + needle.length));
      if (!before && !after) return true;
    }
    return false;
  };"""

_LOWER = f"""
  const lower = (value) => value.toLowerCase().replaceAll({literal(FINAL_SIGMA)}, {literal(SIGMA)});"""


@dataclass(frozen=True)
class Formula:
    """JavaScript for the two columns. `source` holds both functions, as the specification prints them."""

    score: str
    tier: str

    @property
    def source(self) -> str:
        return f"{self.score}\n\n{self.tier}\n"

    @property
    def fingerprint(self) -> str:
        """Two formulas with the same fingerprint are the same text."""
        return hashlib.sha256(self.source.encode()).hexdigest()


def formula(card: Scorecard) -> Formula:
    """The formulas of a scorecard; the same card gives the same text."""
    return Formula(_score(card), _tier(card))


# ------------------------------------------------------------------ the two functions


def _score(card: Scorecard) -> str:
    body = "\n\n".join("\n".join(_component(part, card)) for part in card.components)
    return "\n".join(
        [
            f"// Clay formula for {SCORE_COLUMN} column",
            "function calculateIcpScore(row) {",
            _readers(card).removeprefix("\n"),
            "",
            "  let score = 0;",
            "",
            body,
            "",
            f"  return Math.min(score, {number(card.cap)});",
            "}",
        ]
    )


def _tier(card: Scorecard) -> str:
    *reached, last = card.tiers
    lines = [f"  if (icpScore >= {number(tier.at_least or 0)}) return {literal(tier.name)};" for tier in reached]
    return "\n".join(
        [
            f"// Clay formula for {TIER_COLUMN} column",
            "function assignTier(icpScore) {",
            *lines,
            f"  return {literal(last.name)};",
            "}",
        ]
    )


def _readers(card: Scorecard) -> str:
    """The functions the card's blocks need, and no others; then the columns, each read once."""
    fields = list(dict.fromkeys(part.field for part in card.components))
    numbers, lists = set(fields) & set(NUMBER_FIELDS), set(fields) & set(LIST_FIELDS)
    needles = [needle for field in fields for needle in needles_in(field, card)]
    used = [
        (_NUMBER, bool(numbers)),
        (_TEXT, "tech_stack" in lists or bool(set(fields) - numbers - lists)),
        (_LIST, "tech_stack" in lists),
        (_POSTS, "recent_posts" in lists),
        (_LOWER, has_sigma(needles)),
        (_WORD, any(match == "word" for match in _matches(card))),
    ]
    return "".join(source for source, needed in used if needed) + "\n\n" + "\n".join(_columns(fields, card))


def _matches(card: Scorecard) -> Iterable[str]:
    for part in card.components:
        if isinstance(part, Count):
            yield part.match
        elif isinstance(part, Rules):
            yield from (rule.match for rule in part.rules)


def _columns(fields: Sequence[str], card: Scorecard) -> Iterable[str]:
    for field in fields:
        needles = needles_in(field, card)
        if field in NUMBER_FIELDS:
            yield f"  const {field} = number(row.{field});"
        elif field in LIST_FIELDS:
            read = "list" if field == "tech_stack" else "posts"
            yield f"  const {field} = {read}(row.{field}).map((entry) => {_lowered('entry', needles)});"
        else:
            yield f"  const {field} = text(row.{field});"
            if needles:
                yield f"  const {field}_lower = {_lowered(field, needles)};"


def _lowered(value: str, needles: Sequence[str]) -> str:
    return f"lower({value})" if has_sigma(needles) else f"{value}.toLowerCase()"


# ------------------------------------------------------------------ a block for each component


def _component(part: Component, card: Scorecard) -> list[str]:
    head = f"  {comment(f'{part.label} ({with_separators(part.cap)} points max)')}"
    if isinstance(part, Count):
        return [head, *_count(part)]
    branches = _branches(part)
    lines = [f"if ({condition}) score += {number(points)};" for condition, points in branches]
    return [head, *(f"  {'else ' if at else ''}{line}" for at, line in enumerate(lines))]


def _branches(part: Component) -> list[tuple[str, float]]:
    """(condition, points) of each award, in order of precedence."""
    if isinstance(part, Bands):
        return [(_in_band(part.field, band), band.points) for band in part.bands]
    if isinstance(part, AnyOf):
        return [(f"{literals(group.values)}.includes({part.field})", group.points) for group in part.groups]
    if isinstance(part, Rules):
        text = f"{part.field}_lower"
        return [
            (" || ".join(_holds(text, needle, rule.match) for needle in rule.needles), rule.points)
            for rule in part.rules
        ]
    raise TypeError(f"no formula for {type(part).__name__}")


def _in_band(name: str, band: Band) -> str:
    ends = [(">=", band.at_least), (">", band.above), ("<=", band.at_most), ("<", band.below)]
    conditions = [f"{name} {sign} {number(end)}" for sign, end in ends if end is not None]
    return " && ".join([f"{name} !== 0", *conditions] if _holds_zero(band) else conditions)


def _holds_zero(band: Band) -> bool:
    """Whether 0, which stands for "not known", would fall into the band."""
    tests: list[tuple[float | None, Callable[[float], bool]]] = [
        (band.at_least, lambda end: end <= 0),
        (band.above, lambda end: end < 0),
        (band.at_most, lambda end: end >= 0),
        (band.below, lambda end: end > 0),
    ]
    return all(holds(end) for end, holds in tests if end is not None)


def _holds(text: str, needle: str, match: str) -> str:
    sought = literal(normalise_pattern(needle))
    return f"{text}.includes({sought})" if match == "substring" else f"hasWord({text}, {sought})"


def _count(part: Count) -> list[str]:
    """How many entries earn each worth, times the worth: the engine's own order of addition."""
    awards = awards_of(part)
    worths = list(dict.fromkeys(award.points for award in awards))
    if len(worths) == 1:
        sought = literals([normalise_pattern(each.needle) for each in part.needles])
        found = f"{sought}.some((needle) => {_in_entry('needle', part.match)})"
        counted = f"{part.field}.filter((entry) => {found}).length * {number(worths[0])}"
        return [f"  score += Math.min({counted}, {number(part.cap)});"]
    pairs = ", ".join(f"[{literal(normalise_pattern(each.needle))}, {number(each.points)}]" for each in part.needles)
    sums = " + ".join(f"earned.filter((points) => points === {number(w)}).length * {number(w)}" for w in worths)
    return [
        "  {",
        f"    const worth = [{pairs}];",
        # An entry that no needle is inside of has no worth, not even 0.
        f"    const first = (entry) => worth.find(([needle]) => {_in_entry('needle', part.match)});",
        f"    const earned = {part.field}.map(first).filter(Boolean).map(([, points]) => points);",
        f"    score += Math.min({sums}, {number(part.cap)});",
        "  }",
    ]


def _in_entry(needle: str, match: str) -> str:
    return f"entry.includes({needle})" if match == "substring" else f"hasWord(entry, {needle})"
