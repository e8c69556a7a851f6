"""What a component can earn and which texts it looks for: read alike by the engine and by the formula for Clay."""

from collections.abc import Sequence
from dataclasses import dataclass

from enrichment.documents.scorecard import AnyOf, Bands, Component, Count, Rules, Scorecard

SIGMA, FINAL_SIGMA = "\N{GREEK SMALL LETTER SIGMA}", "\N{GREEK SMALL LETTER FINAL SIGMA}"


@dataclass(frozen=True)
class Award:
    """`text` is what was looked for; None where the whole value is compared."""

    points: float
    sentence: str
    text: str | None = None


def awards_of(part: Component) -> list[Award]:
    """What the component can earn, in order of precedence: an award's number is its place here."""
    if isinstance(part, Bands):
        return [Award(band.points, band.sentence(part.unit)) for band in part.bands]
    if isinstance(part, AnyOf):
        return [Award(group.points, group.sentence()) for group in part.groups]
    if isinstance(part, Rules):
        return [Award(rule.points, rule.sentence(), needle) for rule in part.rules for needle in rule.needles]
    if isinstance(part, Count):
        return [Award(each.points, "", each.needle) for each in part.needles]
    raise TypeError(f"no awards for {type(part).__name__}")


def needles_in(field: str, card: Scorecard) -> list[str]:
    """Every text that is looked for inside this field; none where the field is only compared."""
    needles: list[str] = []
    for part in card.components:
        if part.field == field and isinstance(part, Rules):
            needles += [needle for rule in part.rules for needle in rule.needles]
        elif part.field == field and isinstance(part, Count):
            needles += [each.needle for each in part.needles]
    return needles


def has_sigma(needles: Sequence[str]) -> bool:
    return any(SIGMA in needle or FINAL_SIGMA in needle for needle in needles)


def normalise_pattern(needle: str) -> str:
    """The needle as it is looked for: with the one lower-case sigma, see `_lower` of the engine."""
    return needle.replace(FINAL_SIGMA, SIGMA)
