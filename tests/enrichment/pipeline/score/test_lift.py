"""The nearest change that lifts the tier."""

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from enrichment.documents.scorecard import PUBLISHED, Scorecard
from enrichment.documents.scorecard_fields import LIST_FIELDS
from enrichment.pipeline.score.engine import Engine, Score
from enrichment.pipeline.score.lift import Lift, next_tier
from tests.enrichment.generated_scorecards import cards, leads

LEAD = {
    "company_size": 250,
    "company_industry": "SaaS",
    "title": "VP of Sales",
    "tech_stack": ["Gong"],
    "funding_stage": "",
}


def lifts(engine: Engine, **lead: Any) -> list[Lift]:
    [score] = engine.score_leads([lead])
    return next_tier(score, engine.card)


def engine_of(**changes: Any) -> Engine:
    return Engine(Scorecard.model_validate(PUBLISHED | changes))


def test_one_more_target_technology_lifts_75_points_to_tier_1(engine: Engine) -> None:
    assert lifts(engine, **LEAD) == [
        Lift("title", "Title seniority", 5, 5, 'Title seniority: contains "chief", "cro" or "ceo" → Tier 1'),
        Lift("tech_stack", "Tech stack", 5, 5, "one more target technology → Tier 1"),
        Lift("funding", "Funding stage", 5, 10, "Funding stage: one of Series A, Series B or Series C → Tier 1"),
    ]


def test_two_more_where_one_is_not_enough(engine: Engine) -> None:
    found = lifts(engine, **LEAD | {"title": "Director"})
    assert [(lift.component, lift.gain) for lift in found] == [
        ("title", 10),
        ("tech_stack", 10),
        ("funding", 10),
    ]
    assert found[1].sentence == "two more target technologies → Tier 1"


def test_the_least_sufficient_rule_of_a_component_is_named(engine: Engine) -> None:
    found = lifts(engine, company_size=250, company_industry="SaaS", tech_stack=["Gong"] * 3, title="Analyst")
    assert [lift.sentence for lift in found] == ['Title seniority: contains "director" → Tier 1']


def test_several_components_where_no_single_one_suffices(engine: Engine) -> None:
    [lift] = lifts(engine)
    assert (lift.component, lift.points_missing, lift.gain) == ("company_size + title", 50, 55)
    assert lift.sentence == (
        'Company size: 200 to 2,000 employees and Title seniority: contains "chief", "cro" or "ceo" → Tier 2'
    )


@pytest.mark.parametrize(
    "lead",
    [
        {},
        LEAD,
        LEAD | {"title": "", "tech_stack": []},
        {"company_size": 60, "title": "Senior"},
        {"company_size": 3000, "tech_stack": ["Gong", "Clari"]},
        {"company_industry": "B2B", "funding_stage": "Series A", "title": "Director"},
    ],
)
def test_every_lift_is_true(engine: Engine, lead: dict[str, Any]) -> None:
    """The change is made, and the engine itself says whether it lifts."""
    [before] = engine.score_leads([lead])
    best = {"company_size": 200, "company_industry": "SaaS", "title": "CEO", "funding_stage": "Series A"}
    for lift in next_tier(before, engine.card):
        assert lift.gain >= lift.points_missing > 0
        changed = dict(lead)
        for component in lift.component.split(" + "):
            [field] = [part.field for part in engine.card.components if part.id == component]
            if field == "tech_stack":
                changed[field] = [*lead.get(field, []), *["gong"] * int(lift.gain / 5)]
            else:
                changed[field] = best[field]
        [after] = engine.score_leads([changed])
        assert after.tier < before.tier


def test_nothing_lifts_beyond_the_first_tier(engine: Engine) -> None:
    assert lifts(engine, **LEAD | {"title": "CEO"}) == []


def test_no_promise_where_the_card_cannot_reach_the_threshold() -> None:
    [funding] = [part for part in PUBLISHED["components"] if part["id"] == "funding"]
    assert lifts(engine_of(components=[funding]), funding_stage="Series A") == []


def test_needles_of_different_worth_are_named() -> None:
    worths = [
        {"needle": "gong", "points": 10},
        {"needle": "clari", "points": 10},
        {"needle": "aws", "points": 4},
    ]
    stack = {
        "id": "tech",
        "label": "Stack",
        "kind": "count",
        "field": "tech_stack",
        "cap": 30,
        "needles": worths,
    }
    engine = engine_of(components=[stack], tiers=[{"name": "Warm", "at_least": 20}, {"name": "Cold"}])
    [lift] = lifts(engine, tech_stack=["gong", "aws", "aws"])
    assert (lift.points_missing, lift.gain) == (2, 4)
    assert lift.sentence == "one more matching entry (aws) → Warm"
    [lift] = lifts(engine, tech_stack=["aws"])
    assert (lift.gain, lift.sentence) == (16, "four more matching entries (aws) → Warm")


def test_many_small_worths_stay_cheap_and_exact() -> None:
    stack = {
        "id": "tech",
        "label": "Stack",
        "kind": "count",
        "field": "tech_stack",
        "cap": 100,
        "needles": [{"needle": "gong", "points": 0.1}],
    }
    engine = engine_of(components=[stack], tiers=[{"name": "Warm", "at_least": 0.7}, {"name": "Cold"}])
    [lift] = lifts(engine, tech_stack=["gong"])
    assert lift.sentence == "six more matching entries → Warm"
    six, seven = engine.score_leads([{"tech_stack": ["gong"] * many} for many in (6, 7)])
    assert (six.tier, seven.tier) == (2, 1)


# ------------------------------------------------------------------ any card, any lead

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def applied(lead: dict[str, Any], lift: Lift) -> dict[str, Any]:
    """The lead with the lift's own example: another value, or a list's further entries."""
    changed = dict(lead)
    for name, value in lift.example.items():
        changed[name] = [*(lead.get(name) or []), *value] if name in LIST_FIELDS else value
    return changed


@settings(max_examples=120, deadline=None, database=None, suppress_health_check=QUIET)
@given(data=st.data())
def test_making_the_change_reaches_the_tier_by_the_engine(data: st.DataObject) -> None:
    card = data.draw(cards())
    rows = data.draw(st.lists(leads(card), min_size=1, max_size=8))
    engine = Engine(card)
    for lead, before in zip(rows, engine.score_leads(rows), strict=True):
        for lift in next_tier(before, card, engine):
            [after] = engine.score_leads([applied(lead, lift)])
            assert after.tier < before.tier
            assert lift.sentence.endswith(f"→ {card.tier_name(before.tier - 1)}")
            assert lift.points_missing > 0
            was = {part["component"]: part["points"] for part in before.explanation}
            now = {part["component"]: part["points"] for part in after.explanation}
            assert all(now[part] > was[part] for part in lift.component.split(" + "))


@settings(max_examples=60, deadline=None, database=None, suppress_health_check=QUIET)
@given(data=st.data())
def test_where_another_lead_reaches_the_tier_a_way_is_named(data: st.DataObject) -> None:
    """With one component a field and one match mode, whatever earns more can be said."""
    card = data.draw(cards())
    fields = [part.field for part in card.components]
    modes = {rule.match for part in card.components for rule in getattr(part, "rules", ())}
    assume(len(set(fields)) == len(fields) and len(modes) < 2)
    rows = data.draw(st.lists(leads(card), min_size=2, max_size=8))
    scores = Engine(card).score_leads(rows)
    best = min(score.tier for score in scores)
    for score in scores:
        if score.tier > best:
            assert next_tier(score, card)


def test_a_text_that_an_earlier_rule_takes_is_not_promised() -> None:
    """Whoever is "chief of staff" is "staff" already, for fewer points."""
    rules = [
        {"needles": ["staff"], "points": 1},
        {"needles": ["chief of staff", "ceo"], "points": 20},
    ]
    title = {"id": "title", "label": "Title", "kind": "rules", "field": "title", "cap": 20, "rules": rules}
    engine = engine_of(components=[title], tiers=[{"name": "Warm", "at_least": 20}, {"name": "Cold"}])
    [lift] = lifts(engine, title="Analyst")
    assert lift.sentence == 'Title: contains "ceo" → Warm'
    assert lift.example == {"title": "ceo"}


def test_what_a_change_takes_away_from_another_component_of_the_field_is_counted() -> None:
    parts = [
        {"kind": "rules", "rules": [{"needles": ["sales"], "points": 20}]},
        {"kind": "any_of", "groups": [{"values": ["CEO"], "points": 25}]},
    ]
    named = [{"id": f"p{i}", "label": f"P{i}", "field": "title", "cap": 25, **part} for i, part in enumerate(parts)]
    tiers = [{"name": "Warm", "at_least": 30}, {"name": "Cold"}]
    engine = engine_of(components=named, tiers=tiers)
    assert lifts(engine, title="Head of sales") == []
    tiers[0]["at_least"] = 25
    [lift] = lifts(engine_of(components=named, tiers=tiers), title="Head of sales")
    assert (lift.component, lift.gain, lift.points_missing) == ("p1", 5, 5)


def test_a_tier_of_clays_whose_points_are_there_already_lacks_nothing(engine: Engine) -> None:
    assert next_tier(Score(85.0, 2, []), engine.card) == []
