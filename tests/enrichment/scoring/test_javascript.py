"""The formula for Clay equals the engine: for any scorecard, any lead, and what Clay's own columns may hold."""

# ruff: noqa: RUF001  (letters that look like others are what is tested)

import json
import unicodedata
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enrichment.documents.scorecard import PUBLISHED, Scorecard
from enrichment.pipeline.score.engine import Engine
from enrichment.scoring.javascript import formula
from enrichment.scoring.javascript_text import comment, literal
from enrichment.vendors.clay.fields import normalise
from tests.enrichment.conftest import Published
from tests.enrichment.generated_scorecards import ODD, WORDS, cards, leads, wrong_leads
from tests.plugins.node import Javascript

pytestmark = pytest.mark.node
QUIET = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
many = settings(max_examples=250, deadline=None, database=None, suppress_health_check=QUIET)
some = settings(max_examples=60, deadline=None, database=None, suppress_health_check=QUIET)
EVERY = [chr(c) for c in range(1, 0x110000) if unicodedata.category(chr(c)) not in ("Cs", "Cn", "Co")]
# Ideographs and syllables know no case: a few of them stand for all.
CASED = [c for at, c in enumerate(EVERY) if unicodedata.category(c) != "Lo" or at % 50 == 0]


def by_engine(card: Scorecard, rows: list[dict[str, Any]]) -> list[tuple[float, str]]:
    return [(score.points, card.tier_name(score.tier)) for score in Engine(card).score_leads(rows)]


def by_frame(card: Scorecard, rows: list[dict[str, Any]]) -> list[tuple[float, str]]:
    """The same by the engine's way for very many leads, which explains nothing."""
    engine = Engine(card)
    scored = engine.score_frame(pl.DataFrame(rows, schema=engine.schema))
    return [(total, card.tier_name(tier)) for total, tier in zip(scored["total"], scored["tier"], strict=True)]


def card_of(*components: dict[str, Any]) -> Scorecard:
    parts = [{"id": f"p{i}", "label": "P", "cap": 100, **part} for i, part in enumerate(components)]
    tiers = [{"name": "Good", "at_least": 5}, {"name": "Rest"}]
    return Scorecard.model_validate({"components": parts, "cap": 100, "tiers": tiers})


def title_rule(*needles: str, match: str = "substring") -> dict[str, Any]:
    rule = {"needles": list(needles), "match": match, "points": 5}
    return {"kind": "rules", "field": "title", "rules": [rule]}


# ------------------------------------------------------------------ the property


@many
@given(data=st.data())
def test_the_formula_equals_the_engine_for_any_card_and_lead(data: st.DataObject, javascript: Javascript) -> None:
    card = data.draw(cards())
    rows = data.draw(st.lists(leads(card), min_size=1, max_size=25))
    assert javascript(formula(card).source, rows) == by_engine(card, rows)


@some
@given(data=st.data())
def test_what_is_not_of_its_columns_type_is_missing_to_both(data: st.DataObject, javascript: Javascript) -> None:
    card = data.draw(cards())
    rows = data.draw(st.lists(wrong_leads(card), min_size=1, max_size=25))
    assert javascript(formula(card).source, rows) == by_engine(card, rows)


@some
@given(data=st.data())
def test_the_published_card_gives_the_published_formulas_scores(
    data: st.DataObject, javascript: Javascript, published_javascript: Published, card: Scorecard
) -> None:
    rows = data.draw(st.lists(leads(card), min_size=1, max_size=25))
    for row in rows:  # the published formula fails on entries that are not text; the mirror holds none
        row["tech_stack"] = row.get("tech_stack") or []
    assert javascript(formula(card).source, rows) == published_javascript(rows)


# ------------------------------------------------------------------ what Clay's columns may hold (D24)


@some
@given(
    size=st.one_of(
        st.sampled_from(["250", " 250 ", "1,200", "12,00", "51-200", "2,5", "", "abc", "0x10", "1e3", "-250", "250.5"]),
        st.sampled_from(["1e999", "nan", "Infinity", "1,200.5", ".5", "+250", "2 000", "1.200", "2_50", "9" * 30]),
        st.floats(0, 10_000).map(str),
        st.integers(0, 10_000).map(str),
    ),
    stack=st.one_of(
        st.lists(st.sampled_from(["Salesforce", "Gong", "React", ""]), max_size=5).map(", ".join),
        st.lists(st.sampled_from(["Salesforce", "Gong", "a, b"]), max_size=4).map(json.dumps),
        st.sampled_from(
            [
                "Gong;Clari\nHubSpot",
                "[",
                '["Gong"',
                '{"a": 1}',
                "Gong,, ,Gong",
                "\x85Gong\x1f",
                "Gong | Clari•HubSpot",
            ]
        ),
    ),
)
def test_numbers_and_lists_given_as_text_are_read_as_the_mirror_reads_them(
    size: str, stack: str, javascript: Javascript, card: Scorecard
) -> None:
    row = {"company_size": size, "tech_stack": stack, "title": "VP"}
    mirrored, _ = normalise(row, "US")
    assert javascript(formula(card).source, [row]) == by_engine(card, [mirrored])


# ------------------------------------------------------------------ every character


CONTEXTS = ["{}", "A{}B", "A{}Σ", "AΣ{}", "AΣ{}B", "{}ΣA"]


@pytest.mark.parametrize("context", CONTEXTS)
def test_every_character_is_put_in_lower_case_alike(context: str, javascript: Javascript) -> None:
    """Σ is the one letter whose lower case depends on its neighbours; the others' contexts are there to show that."""
    card = card_of(title_rule("σ"), title_rule("aς"), title_rule("i\u0307"), title_rule("k"), title_rule("ʕσ"))
    rows = [{"title": context.format(c)} for c in CASED]
    assert javascript(formula(card).source, rows) == by_frame(card, rows)


def test_every_letter_is_found_by_its_own_lower_case(javascript: Javascript) -> None:
    """Each capital letter against a card that looks for its lower case."""
    capitals = [c for c in EVERY if c.lower() != c and c.lower().lower() == c.lower()]
    assert len(capitals) > 1_300
    for at in range(0, len(capitals), 240):
        part = capitals[at : at + 240]
        needles = [{"needle": c.lower(), "points": 1 + i % 3} for i, c in enumerate(part)]
        card = card_of({"kind": "count", "field": "tech_stack", "needles": needles})
        rows = [{"tech_stack": [c, f"x{c}", f"Σ{c}"]} for c in part]
        scores = javascript(formula(card).source, rows)
        assert scores == by_engine(card, rows)
        assert min(score for score, _ in scores) >= 3


@pytest.mark.parametrize("context", ["{0}cro", "cro{0}", "crown {0}cro{0}x"])
def test_every_character_is_or_is_not_the_edge_of_a_word_alike(context: str, javascript: Javascript) -> None:
    card = card_of(title_rule("cro", match="word"))
    rows = [{"title": context.format(c)} for c in EVERY]
    assert javascript(formula(card).source, rows) == by_frame(card, rows)


@pytest.mark.parametrize("match", ["substring", "word"])
def test_a_final_sigma_is_a_sigma(match: str, javascript: Javascript) -> None:
    card = card_of(title_rule("οδος", match=match))
    rows = [{"title": title} for title in ("ΟΔΟΣ", "οδος", "οδοσ", "ΟΔΟΣ Α", "Η ΟΔΟΣ", "οδο", "ΟΔΟΣΑ", "")]
    found = [score for score, _ in javascript(formula(card).source, rows)]
    assert found == [score for score, _ in by_engine(card, rows)]
    assert found == [5, 5, 5, 5, 5, 0, 5 if match == "substring" else 0, 0]


# ------------------------------------------------------------------ the text of the formula


@pytest.mark.parametrize("match", ["substring", "word"])
@pytest.mark.parametrize("needle", [word for word in ODD if word.strip() and word == word.lower()])
def test_any_text_can_be_looked_for(needle: str, match: str, javascript: Javascript) -> None:
    card = card_of(
        title_rule(needle, match=match),
        {"kind": "any_of", "field": "title", "groups": [{"values": [needle], "points": 3}]},
        {
            "kind": "count",
            "field": "tech_stack",
            "match": match,
            "needles": [{"needle": needle, "points": 1}],
        },
    )
    rows = [
        {"title": text, "tech_stack": [text]}
        for text in (needle, needle.upper(), f"x {needle} y", f"1{needle}", "x", "")
    ]
    scores = javascript(formula(card).source, rows)
    assert scores == by_engine(card, rows)
    assert scores[0][0] == 9


@given(st.text())
def test_a_literal_holds_its_text_and_nothing_that_could_end_it(text: str) -> None:
    made = literal(text)
    assert json.loads(made) == text
    assert all(c.isprintable() for c in made)
    assert "<" not in made
    assert '"' not in made[1:-1].replace("\\\\", "").replace('\\"', "")


@given(st.one_of(st.text(), st.sampled_from(WORDS)))
def test_a_comment_is_one_line(text: str) -> None:
    made = comment(text)
    assert made.startswith("//")
    assert len(made.splitlines()) == 1
    assert "<" not in made


def test_a_formula_holds_only_what_its_card_needs() -> None:
    source = formula(card_of(title_rule("vp"))).source
    assert "number" not in source
    assert "list" not in source
    assert "hasWord" not in source
    assert "replaceAll" not in source
    assert 'title_lower.includes("vp")' in source


def test_the_same_card_gives_the_same_text_and_another_card_another() -> None:
    published = Scorecard.model_validate(PUBLISHED)
    assert formula(published).fingerprint == formula(Scorecard.model_validate(PUBLISHED)).fingerprint
    other = Scorecard.model_validate(PUBLISHED | {"cap": 99})
    assert formula(published).fingerprint != formula(other).fingerprint


def test_zero_is_not_known_even_where_a_band_would_hold_it(javascript: Javascript) -> None:
    card = card_of({"kind": "bands", "field": "company_size", "bands": [{"at_most": 50, "points": 7}]})
    rows: list[dict[str, Any]] = [{"company_size": v} for v in (0, -0.0, None, float("nan"), -1, 50, 50.1)]
    scores = [score for score, _ in javascript(formula(card).source, rows)]
    assert scores == [0, 0, 0, 0, 7, 7, 0] == [score for score, _ in by_engine(card, rows)]


@pytest.mark.parametrize("worths", [(0.3, 0.2, 0.1), (0.1, 0.2, 0.3), (0.2, 0.3, 0.1)])
def test_fractions_are_added_in_the_engines_order(worths: tuple[float, ...], javascript: Javascript) -> None:
    """0.1 + 0.2 + 0.3 is more than 0.3 + 0.2 + 0.1 in the last bit, and a threshold may lie there."""
    needles = [{"needle": needle, "points": points} for needle, points in zip("abc", worths, strict=True)]
    counted = {"kind": "count", "field": "tech_stack", "needles": needles}
    rules = [{"kind": "rules", "field": "title", "rules": [{"needles": ["a"], "points": points}]} for points in worths]
    tiers = [{"name": "Good", "at_least": 0.6000000000000001}, {"name": "Rest"}]
    for parts in ([counted], rules):
        named = [{"id": f"p{i}", "label": "P", "cap": 100, **part} for i, part in enumerate(parts)]
        card = Scorecard.model_validate({"components": named, "cap": 100, "tiers": tiers})
        row = {"title": "a", "tech_stack": ["a", "b", "c"]}
        assert javascript(formula(card).source, [row]) == by_engine(card, [row])
        assert by_engine(card, [row])[0][0] == (worths[0] + worths[1]) + worths[2]
