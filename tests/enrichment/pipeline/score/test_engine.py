"""What the engine does with any scorecard: explanations, word mode, caps, order, frames."""

import json
import math
from typing import Any

import polars as pl
import pytest
from polars.exceptions import ColumnNotFoundError

from enrichment.documents.scorecard import Scorecard
from enrichment.pipeline.score.engine import Engine, Score, find_hits

TIERS = [{"name": "Good", "at_least": 10}, {"name": "Rest"}]


def engine_of(*components: dict[str, Any], cap: float = 100, tiers: list[dict[str, Any]] = TIERS) -> Engine:
    parts = [{"id": f"part_{i}", "label": f"Part {i}", "cap": 100, **part} for i, part in enumerate(components)]
    return Engine(Scorecard.model_validate({"components": parts, "cap": cap, "tiers": tiers}))


def score(engine: Engine, **lead: Any) -> Score:
    [scored] = engine.score_leads([lead])
    return scored


def title_rules(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "rules", "field": "title", "rules": list(rules)}


# ------------------------------------------------------------------ explanation


def test_the_explanation_names_the_rule_and_the_matched_text(engine: Engine) -> None:
    lead = {
        "company_size": 2000.5,
        "company_industry": "B2B",
        "title": "VP, Microsoft practice",
        "tech_stack": ["React", "Salesforce CRM", "salesforce + gong"],
        "funding_stage": "Seed",
    }
    assert score(engine, **lead).explanation == [
        {
            "component": "company_size",
            "label": "Company size",
            "points": 15,
            "max": 30,
            "rule": "over 2,000 to 5,000 employees",
            "matched": [{"text": "2,000.5", "value": "2,000.5"}],
        },
        {
            "component": "industry",
            "label": "Industry",
            "points": 20,
            "max": 20,
            "rule": "one of SaaS, Technology, Software or B2B",
            "matched": [{"text": "B2B", "value": "B2B"}],
        },
        {
            "component": "title",
            "label": "Title seniority",
            "points": 25,
            "max": 25,
            "rule": 'contains "chief", "cro" or "ceo"',
            "matched": [{"text": "cro", "value": "VP, Microsoft practice"}],
        },
        {
            "component": "tech_stack",
            "label": "Tech stack",
            "points": 10,
            "max": 15,
            "rule": "2 target technologies",
            "matched": [
                {"text": "salesforce", "value": "Salesforce CRM"},
                {"text": "salesforce", "value": "salesforce + gong"},
            ],
        },
        {
            "component": "funding",
            "label": "Funding stage",
            "points": 0,
            "max": 10,
            "rule": "",
            "matched": [],
        },
    ]


def test_every_matching_entry_is_named_even_beyond_the_cap(engine: Engine) -> None:
    scored = score(engine, tech_stack=["Gong", "Clari", "HubSpot", "Outreach"])
    [entry] = [entry for entry in scored.explanation if entry["component"] == "tech_stack"]
    assert (entry["points"], len(entry["matched"]), entry["rule"]) == (15, 4, "4 target technologies")


@pytest.mark.parametrize("lead", [{}, {"company_size": math.inf, "title": "é", "tech_stack": ["x"]}])
def test_an_explanation_is_json(engine: Engine, lead: dict[str, Any]) -> None:
    explanation = score(engine, **lead).explanation
    assert json.loads(json.dumps(explanation, allow_nan=False)) == explanation


# ------------------------------------------------------------------ kinds


@pytest.mark.parametrize(
    ("title", "hit"),
    [
        ("CRO", True), ("cro, Acme", True), ("Acme/CRO", True), ("the CRO\n", True), ("CRO_EMEA", True),
        ("Microsoft", False), ("macro", False), ("crown", False), ("cro2", False), ("écro", False),
        ("cro\u0301", False), ("总cro", False), ("", False),
    ],
)  # fmt: skip
def test_word_mode_wants_the_needle_to_stand_alone(title: str, hit: bool) -> None:
    engine = engine_of(title_rules({"needles": ["cro"], "match": "word", "points": 25}))
    scored = score(engine, title=title)
    assert scored.points == (25 if hit else 0)
    assert scored.explanation[0]["rule"] == ('contains the word "cro"' if hit else "")


@pytest.mark.parametrize(
    ("needle", "title", "hit"),
    [
        ("c++", "Senior C++ developer", True), ("c++", "ccc", False), ("r&d (eu)", "Head of R&D (EU)", True),
        (".", "a b", False), ("vice president", "Vice President, Sales", True), ("a-b", "x a-b", True),
    ],
)  # fmt: skip
def test_a_needle_in_word_mode_is_text_and_no_pattern(needle: str, title: str, hit: bool) -> None:
    engine = engine_of(title_rules({"needles": [needle], "match": "word", "points": 5}))
    assert score(engine, title=title).points == (5 if hit else 0)


def test_the_first_rule_wins_even_with_fewer_points() -> None:
    engine = engine_of(title_rules({"needles": ["assistant"], "points": 1}, {"needles": ["vp"], "points": 20}))
    assert score(engine, title="Assistant to the VP").points == 1


def test_an_entry_earns_the_points_of_the_first_needle_inside_it() -> None:
    needles = [{"needle": "gong", "points": 7}, {"needle": "salesforce", "points": 2.5}]
    engine = engine_of({"kind": "count", "field": "tech_stack", "cap": 12, "needles": needles})
    assert score(engine, tech_stack=["salesforce gong"]).points == 7
    assert score(engine, tech_stack=["Salesforce", "Salesforce"]).points == 5
    assert score(engine, tech_stack=["Gong", "Salesforce"]).points == 9.5
    assert score(engine, tech_stack=["Gong", "Gong"]).points == 12


@pytest.mark.parametrize(
    ("band", "sentence", "inside", "outside"),
    [
        ({"at_least": 50}, "at least 50", [50, 51], [49, 0, None, math.nan]),
        ({"above": 50}, "over 50", [50.5], [50]),
        ({"at_most": 50}, "up to 50", [50, -1], [51, 0, None, math.nan]),
        ({"below": 50}, "under 50", [49.9], [50, 0]),
        ({"at_least": 50, "at_most": 50}, "50 to 50", [50], [50.1]),
        ({"above": 1, "below": 2.5}, "over 1 to under 2.5", [2], [1, 2.5]),
    ],
)
def test_bands(band: dict[str, float], sentence: str, inside: list[float], outside: list[float | None]) -> None:
    engine = engine_of({"kind": "bands", "field": "linkedin_connections", "bands": [band | {"points": 3}]})
    for value in inside:
        scored = score(engine, linkedin_connections=value)
        assert (scored.points, scored.explanation[0]["rule"]) == (3, sentence)
    assert [score(engine, linkedin_connections=value).points for value in outside] == [0] * len(outside)


def test_groups_may_earn_differently() -> None:
    groups = [
        {"values": ["event_attendee"], "points": 5},
        {"values": ["post_liker", "post_commenter"], "points": 2},
    ]
    engine = engine_of({"kind": "any_of", "field": "source_type", "groups": groups})
    earned = [score(engine, source_type=kind).points for kind in ("event_attendee", "post_commenter", "group_member")]
    assert earned == [5, 2, 0]
    assert score(engine, source_type="event_attendee").explanation[0]["rule"] == "event_attendee"


def test_entries_that_are_not_text_count_for_nothing() -> None:
    needles = [{"needle": "hiring", "points": 5}]
    engine = engine_of({"kind": "count", "field": "recent_posts", "needles": needles})
    scored = score(engine, recent_posts=[{"text": "hiring"}, None, "We are Hiring", 7])
    assert scored.points == 5
    assert scored.explanation[0]["matched"] == [{"text": "hiring", "value": "We are Hiring"}]


def test_two_components_may_look_at_one_field() -> None:
    one = title_rules({"needles": ["vp"], "points": 5})
    other = {"kind": "any_of", "field": "title", "groups": [{"values": ["VP"], "points": 3}]}
    engine = engine_of(one, other)
    assert engine.columns == ("title",)
    assert score(engine, title="VP").points == 8


def test_the_total_is_capped_and_fractions_add_up_in_the_cards_order() -> None:
    parts = [title_rules({"needles": ["vp"], "points": points}) for points in (0.1, 0.2, 0.3)]
    assert score(engine_of(*parts), title="VP").points == 0.1 + 0.2 + 0.3
    assert score(
        engine_of(*parts, cap=0.5, tiers=[{"name": "A", "at_least": 0.5}, {"name": "B"}]), title="VP"
    ) == Score(0.5, 1, score(engine_of(*parts), title="VP").explanation)


# ------------------------------------------------------------------ frames


def test_a_frame_scores_like_its_leads_and_keeps_its_other_columns(engine: Engine) -> None:
    rows = [
        {
            "company_size": size,
            "company_industry": industry,
            "title": title,
            "tech_stack": stack,
            "funding_stage": "",
        }
        for size in (None, math.nan, 250.0)
        for industry in ("SaaS", None)
        for title in ("CEO", "")
        for stack in (None, [], ["Gong", "React"])
    ]
    frame = pl.DataFrame(rows, schema=engine.schema).with_columns(id=pl.int_range(pl.len()))
    scored = engine.score_frame(frame)
    assert scored.columns == [
        *frame.columns,
        *(f"points.{part.id}" for part in engine.card.components),
        "total",
        "tier",
    ]
    assert scored["id"].to_list() == list(range(len(rows)))
    assert list(zip(scored["total"], scored["tier"], strict=True)) == [
        (lead.points, lead.tier) for lead in engine.score_leads(rows)
    ]


def test_an_empty_frame_and_no_leads(engine: Engine) -> None:
    scored = engine.score_frame(pl.DataFrame(schema=engine.schema))
    assert scored.height == 0
    assert scored.schema["total"] == pl.Float64
    assert scored.schema["tier"] == pl.UInt8
    assert engine.score_leads([]) == []


def test_columns_of_nothing_but_nulls_score_0(engine: Engine) -> None:
    scored = engine.score_frame(pl.DataFrame({column: [None, None] for column in engine.columns}))
    assert scored["total"].to_list() == [0, 0]
    assert scored["tier"].to_list() == [3, 3]


def test_a_missing_column_is_named(engine: Engine) -> None:
    with pytest.raises(ColumnNotFoundError, match="company_industry"):
        engine.score_frame(pl.DataFrame({"company_size": [1.0]}))


def test_scoring_again_replaces_the_scores(engine: Engine) -> None:
    once = engine.score_frame(pl.DataFrame({column: [None] for column in engine.columns}))
    assert engine.score_frame(once).equals(once)


def test_the_most_a_component_may_hold_is_evaluated() -> None:
    needles = [f"word{i:03}" for i in range(250)]
    rules = title_rules(*({"needles": [needle], "points": i % 100} for i, needle in enumerate(needles)))
    count = {"kind": "count", "field": "tech_stack", "needles": [{"needle": n, "points": 1} for n in needles]}
    engine = engine_of(rules, count)
    assert score(engine, title="Word249", tech_stack=["word000", "WORD249"]).points == 49 + 2


# ------------------------------------------------------------------ the same by other ways


SIGMA = engine_of(title_rules({"points": 5, "match": "substring", "needles": ["οδος"]}))


@pytest.mark.parametrize("title", ["ΟΔΟΣ", "οδοσ", "ΟΔΟΣΑ", "οδος"])
def test_the_two_small_sigmas_are_one_letter_where_a_needle_holds_one(title: str) -> None:
    assert score(SIGMA, title=title).points == 5


def test_the_points_alone_are_those_of_the_whole_score(engine: Engine) -> None:
    leads = [{"company_size": 2000.5, "title": "VP"}, {}, {"tech_stack": ["Gong"], "funding_stage": "Series B"}]
    assert engine.totals(leads) == [scored.points for scored in engine.score_leads(leads)]
    assert engine.totals(leads)[0] > engine.totals(leads)[1] == 0


def test_which_award_hit_is_told_for_the_parts_asked_for_and_by_each_part_alone(engine: Engine) -> None:
    frame = pl.DataFrame({"company_size": [2000.5, None], "title": ["Chief of Staff", "Gardener"]})
    hits = engine.hits(frame, ["title", "company_size", "funding"])
    assert hits.columns == ["rule.title", "rule.company_size", "rule.funding"]
    assert hits["rule.funding"].to_list() == [None, None]  # a field that the frame lacks is missing
    assert [each is None for each in hits["rule.title"]] == [False, True]
    parts = {part.id: part for part in engine.card.components}
    for name in ("title", "company_size"):
        assert find_hits(parts[name], frame).to_list() == hits[f"rule.{name}"].to_list()
        assert find_hits(parts[name], frame).name == f"rule.{name}"
