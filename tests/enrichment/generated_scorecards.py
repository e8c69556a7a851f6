"""Invented scorecards and leads for property tests: any card that is valid, and leads made of what it looks for."""

# ruff: noqa: RUF001  (letters that look like others are what is tested)

import math
from typing import Any

from hypothesis import strategies as st

from enrichment.documents.scorecard import Scorecard
from enrichment.documents.scorecard_fields import LIST_FIELDS, NUMBER_FIELDS, TEXT_FIELDS

# What has meaning in JavaScript, in a pattern, in HTML or to a reader of text; and letters whose case is odd.
ODD = [
    '"', "'", "\\", "`", "${x}", "</script>", "<!--", "//", "*/", "\u2028", "\u2029", "\n", "\t", "\u202e", "\ufeff",
    "c++", "c#", ".net", "a.b", "(eu)", "[x]", "^a", "a$", "a|b", "a-b", "r&d", "\\n", "\x1f", "\x85",
    "i\u0307", "ß", "σ", "ς", "οδος", "οδοσ", "ﬁ", "é", "e\u0301", "总监", "👩\u200d💼", "\U00010428", "ʕ",
]  # fmt: skip
PLAIN = [
    "vp",
    "cro",
    "ceo",
    "chief",
    "chief of staff",
    "vice president",
    "president",
    "sales",
    "a",
    "1",
    " of ",
]
WORDS = ODD + PLAIN
POINTS = [0.0, 0.1, 0.2, 0.3, 1.0, 2.5, 5.0, 7.7, 10.0, 33.3, 100 / 3, 25.0]
BOUNDS = [-10.0, -0.5, 0.0, 0.1, 1.0, 49.999, 50.0, 99.5, 100.0, 200.0, 2000.0, 1e9, 1e12]
# A lone surrogate is no text to PostgreSQL; NUL cannot be stored there either.
CHARACTERS = st.characters(exclude_categories=["Cs", "Cn"], exclude_characters="\0")

points = st.sampled_from(POINTS)
needles = (
    st.one_of(
        st.sampled_from(WORDS),
        st.lists(st.sampled_from(WORDS), min_size=2, max_size=2).map(" ".join),
        st.text(CHARACTERS, min_size=1, max_size=3),
    )
    .map(str.lower)
    .filter(lambda text: text.strip() and text == text.lower())
)
matches = st.sampled_from(["substring", "word"])
labels = st.one_of(st.sampled_from(WORDS), st.text(CHARACTERS, min_size=1, max_size=20)).filter(
    lambda text: any(not c.isspace() and c.isprintable() for c in text)
)


@st.composite
def bands(draw: st.DrawFn) -> dict[str, Any]:
    low, high = sorted(draw(st.tuples(st.sampled_from(BOUNDS), st.sampled_from(BOUNDS))))
    band: dict[str, Any] = {"points": draw(points)}
    kind = draw(st.sampled_from(["both", "low", "high"]))
    if kind != "high":
        band[draw(st.sampled_from(["at_least", "above"])) if low < high else "at_least"] = low
    if kind != "low":
        band[draw(st.sampled_from(["at_most", "below"])) if low < high else "at_most"] = high
    return band


@st.composite
def components(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["bands", "any_of", "rules", "count"]))
    part: dict[str, Any] = {"kind": kind, "label": draw(labels), "cap": 100}
    if kind == "bands":
        return part | {
            "field": draw(st.sampled_from(NUMBER_FIELDS)),
            "bands": draw(st.lists(bands(), min_size=1, max_size=4)),
        }
    if kind == "any_of":
        values = st.lists(st.one_of(st.sampled_from(WORDS), needles, needles.map(str.upper)), min_size=1, max_size=4)
        group = st.fixed_dictionaries({"values": values, "points": points})
        return part | {
            "field": draw(st.sampled_from(["title", "company_industry", *TEXT_FIELDS])),
            "groups": draw(st.lists(group, min_size=1, max_size=3)),
        }
    if kind == "rules":
        rule = st.fixed_dictionaries(
            {"needles": st.lists(needles, min_size=1, max_size=3), "match": matches, "points": points}
        )
        return part | {
            "field": draw(st.sampled_from(["title", "company_location", *TEXT_FIELDS])),
            "rules": draw(st.lists(rule, min_size=1, max_size=4)),
        }
    needle = st.fixed_dictionaries({"needle": needles, "points": points})
    counted = draw(st.lists(needle, min_size=1, max_size=5))
    most = max(each["points"] for each in counted)
    cap = draw(st.sampled_from([most, 15.0, 33.4, 100.0]))
    return part | {
        "field": draw(st.sampled_from(LIST_FIELDS)),
        "needles": counted,
        "match": draw(matches),
        "cap": max(cap, most, 0.1),
    }


@st.composite
def cards(draw: st.DrawFn) -> Scorecard:
    parts = draw(st.lists(components(), min_size=1, max_size=6))
    for i, part in enumerate(parts):
        part["id"] = f"part_{i}"
    cap = draw(st.sampled_from([0.3, 10.0, 50.0, 100.0]))
    reachable = [x for x in (0.1, 0.3, 0.6000000000000001, 5.0, 25.0, 33.3, 50.0, 80.0) if x <= cap]
    thresholds = draw(st.lists(st.sampled_from(reachable), min_size=1, max_size=4, unique=True))
    names = ["Tier 1", 'A "b" \\', "</script>", "\u2028x", "ς"]
    tiers = [{"name": name, "at_least": at} for name, at in zip(names, sorted(thresholds, reverse=True), strict=False)]
    return Scorecard.model_validate({"components": parts, "cap": cap, "tiers": [*tiers, {"name": "The rest"}]})


def _vocabulary(card: Scorecard) -> list[str]:
    """What the card looks for or compares with."""
    found: list[str] = []
    for part in card.components:
        for award in part.awards:
            found += [*getattr(award, "needles", ()), *getattr(award, "values", ())]
            found += [award.needle] if hasattr(award, "needle") else []
    return found


def _ends(card: Scorecard) -> list[float]:
    found = {0.0, 1.0}
    for part in card.components:
        for award in part.awards:
            ends = (getattr(award, name, None) for name in ("at_least", "above", "at_most", "below"))
            found |= {end for end in ends if end is not None}
    return [near for end in found for near in (end, math.nextafter(end, -math.inf), math.nextafter(end, math.inf))]


def texts(card: Scorecard) -> st.SearchStrategy[str]:
    """Needles in any capitals, cut or whole, joined or apart, among any characters."""
    whole = st.sampled_from([*_vocabulary(card), *WORDS, "Microsoft", "ΟΔΟΣ", "İ", "K"])
    cased = st.builds(lambda word, case: case(word), whole, st.sampled_from([str, str.upper, str.title]))
    cut = st.builds(lambda word, n: word[n:], cased, st.integers(0, 2))
    piece = st.one_of(cased, cased, cut, st.text(CHARACTERS, max_size=3))
    joined = st.builds(
        lambda pieces, glue: glue.join(pieces), st.lists(piece, max_size=4), st.sampled_from(["", " ", "-"])
    )
    return st.one_of(whole, joined)


def leads(card: Scorecard) -> st.SearchStrategy[dict[str, Any]]:
    """Values as the mirror holds them: of the field's type, or missing in any of its ways."""
    number = st.one_of(
        st.sampled_from(_ends(card)),
        st.floats(allow_nan=True, allow_infinity=True),
        st.integers(-100, 10_000),
        st.none(),
    )
    text = st.one_of(texts(card), texts(card), st.sampled_from(["", None]))
    entries = st.lists(texts(card), max_size=8)
    mixed = st.lists(st.one_of(texts(card), st.none(), st.just(7), st.just({"text": "vp"})), max_size=5)
    values: dict[str, Any] = dict.fromkeys(TEXT_FIELDS, text) | dict.fromkeys(NUMBER_FIELDS, number)
    values |= {"tech_stack": st.one_of(st.none(), entries), "recent_posts": st.one_of(entries, mixed)}
    looked_at = {part.field for part in card.components}
    return st.fixed_dictionaries({}, optional={name: values[name] for name in sorted(looked_at)})


WRONG = [None, True, False, 7, 2.5, "", " ", "x", "250", [], ["vp"], [None, 7, True, ["vp"]], {}, {"vp": 1}]


def wrong_leads(card: Scorecard) -> st.SearchStrategy[dict[str, Any]]:
    """Values of types the mirror never holds; a text for a number or a list, which is read (D24), left out."""
    looked_at = sorted({part.field for part in card.components})
    chosen = {
        name: st.sampled_from(
            [v for v in WRONG if not isinstance(v, str) or name not in (*NUMBER_FIELDS, *LIST_FIELDS)]
        )
        for name in looked_at
    }
    return st.fixed_dictionaries({}, optional=chosen)
