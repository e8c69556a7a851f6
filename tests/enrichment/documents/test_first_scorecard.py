"""Version 1 of the scorecard is the published formula: branch by branch, and against the JavaScript itself (D2)."""

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enrichment.documents.scorecard import PUBLISHED, Scorecard
from enrichment.pipeline.score.engine import Engine
from tests.enrichment.conftest import Published

EXAMPLE = {
    "title": "VP of Revenue Operations",
    "company_industry": "SaaS",
    "company_size": 250,
    "tech_stack": ["Salesforce", "Outreach", "Gong", "HubSpot"],
    "funding_stage": "Series B",
}


def points(engine: Engine, component: str, value: Any) -> float:
    [field] = [part.field for part in engine.card.components if part.id == component]
    [score] = engine.score_leads([{field: value}])
    [entry] = [entry for entry in score.explanation if entry["component"] == component]
    assert score.points == entry["points"]
    return score.points


def test_the_examples_lead_scores_95_and_not_its_tabled_87(engine: Engine) -> None:
    [score] = engine.score_leads([EXAMPLE])
    assert (score.points, score.tier) == (95.0, 1)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (None, 0), (math.nan, 0), (0, 0), (0.0, 0), (-3, 0), (1, 0), (49, 0), (49.999, 0),
        (50, 10), (99, 10), (99.999, 10),
        (100, 20), (199, 20), (199.5, 20), (199.999, 20),
        (200, 30), (200.5, 30), (2000, 30),
        (2000.5, 15), (2001, 15), (5000, 15),
        (5000.001, 0), (5001, 0), (1_000_000, 0), (math.inf, 0),
    ],
)  # fmt: skip
def test_company_size(engine: Engine, size: float | None, expected: float) -> None:
    assert points(engine, "company_size", size) == expected


@pytest.mark.parametrize(
    ("industry", "expected"),
    [
        ("SaaS", 20), ("Technology", 20), ("Software", 20), ("B2B", 20),
        ("saas", 0), ("SAAS", 0), ("SaaS ", 0), ("B2B SaaS", 0), ("Retail", 0), ("", 0), (None, 0),
    ],
)  # fmt: skip
def test_industry_is_compared_exactly(engine: Engine, industry: str | None, expected: float) -> None:
    assert points(engine, "industry", industry) == expected


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Chief Revenue Officer", 25), ("CRO", 25), ("CEO & founder", 25), ("Chief of staff to the VP", 25),
        ("Engineer at Microsoft", 25), ("Macro analyst", 25), ("VP, Microsoft practice", 25),
        ("VP of Revenue Operations", 20), ("SVP Sales", 20), ("vIcE pReSiDeNt", 20), ("Director & VP", 20),
        ("Director of Sales", 15), ("Senior Director", 15), ("Managing Directors", 15), ("Directory editor", 15),
        ("Head of Growth", 10), ("Senior Manager", 10), ("Seniority analyst", 10), ("Ahead of time", 10),
        ("CFO", 0), ("CTO", 0), ("Head, Sales", 0), ("Vice  President", 0), ("Account Executive", 0),
        ("", 0), (" ", 0), (None, 0), ("\uff36\uff30", 0), ("C\u0301EO", 0), ("ΔΙΕΥΘΥΝΤΗΣ", 0), ("İVP", 20),
        ("营销 director 总监", 15), ("👩‍💼 vp", 20),
    ],
)  # fmt: skip
def test_title_takes_the_first_rule_that_finds_a_needle_inside(
    engine: Engine, title: str | None, expected: float
) -> None:
    assert points(engine, "title", title) == expected


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        (None, 0), ([], 0), ([""], 0), (["React", "AWS"], 0),
        (["Salesforce"], 5), (["HubSpot"], 5), (["Outreach"], 5), (["Gong.io"], 5), (["CLARI"], 5),
        (["Salesforce CRM", "salesforce pardot"], 10), (["Salesforce", "Salesforce"], 10),
        (["Salesforce + HubSpot"], 5), (["Declarize"], 5),
        (["Gong", "Clari", "Outreach"], 15), (["Gong", "Clari", "Outreach", "HubSpot", "Salesforce"], 15),
    ],
)  # fmt: skip
def test_each_entry_of_the_stack_counts_once(engine: Engine, stack: list[str] | None, expected: float) -> None:
    assert points(engine, "tech_stack", stack) == expected


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        ("Series A", 10), ("Series B", 10), ("Series C", 10),
        ("Series D", 0), ("series a", 0), ("Series AA", 0), ("Seed", 0), ("", 0), (None, 0),
    ],
)  # fmt: skip
def test_funding(engine: Engine, stage: str | None, expected: float) -> None:
    assert points(engine, "funding", stage) == expected


@pytest.mark.parametrize(
    ("lead", "total", "tier"),
    [
        (EXAMPLE | {"title": "CEO"}, 100, 1),
        (EXAMPLE | {"title": "Analyst", "tech_stack": ["Gong"], "company_size": 200}, 65, 2),
        (EXAMPLE | {"title": "Director", "tech_stack": ["Gong"]}, 80, 1),
        (EXAMPLE | {"title": "Director", "tech_stack": []}, 75, 2),
        ({"company_size": 200, "company_industry": "SaaS"}, 50, 2),
        ({"company_size": 200, "title": "Director"}, 45, 3),
        ({}, 0, 3),
    ],
)
def test_tiers_begin_at_80_and_50(engine: Engine, lead: dict[str, Any], total: float, tier: int) -> None:
    [score] = engine.score_leads([lead])
    assert (score.points, score.tier) == (total, tier)


def test_the_document_is_read_and_written_without_change() -> None:
    assert Scorecard.model_validate(PUBLISHED).document() == PUBLISHED


# ------------------------------------------------------------------ against the JavaScript

BOUNDS = [0.0, 50.0, 100.0, 200.0, 2000.0, 5000.0]
NEEDLES = [
    needle
    for part in PUBLISHED["components"]
    for rule in [*part.get("rules", []), {"needles": [each["needle"] for each in part.get("needles", [])]}]
    for needle in rule["needles"]
]
WORDS = [
    "Microsoft",
    "CFO",
    "of",
    "Revenue",
    "SVP",
    "İ",
    "Σ",
    "ΟΔΟΣ",
    "ß",
    "ﬁ",
    "\u212a",
    "é",
    "e\u0301",
    "\U0001d415\U0001d40f",
]
# A lone surrogate is no text to PostgreSQL; NUL cannot be stored there either.
CHARACTERS = st.characters(exclude_categories=["Cs", "Cn"], exclude_characters="\0")
VALUES = [value for part in PUBLISHED["components"] for group in part.get("groups", []) for value in group["values"]]


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Needles in any capitals, cut or whole, among other words and any Unicode."""
    whole = st.sampled_from(NEEDLES + WORDS)
    cased = st.builds(lambda word, case: case(word), whole, st.sampled_from([str, str.upper, str.title]))
    cut = st.builds(lambda word, n: word[n:], cased, st.integers(0, 2))
    pieces = draw(st.lists(st.one_of(cased, cut, st.text(CHARACTERS, max_size=4)), max_size=5))
    return draw(st.sampled_from(["", " ", "-"])).join(pieces)


sizes = st.one_of(
    st.none(),
    st.sampled_from(BOUNDS),
    st.sampled_from([math.nextafter(bound, to) for bound in BOUNDS for to in (-math.inf, math.inf)]),
    st.integers(-10, 6000),
    st.floats(allow_infinity=False),
    st.sampled_from([math.nan, math.inf]),
)
choices = st.one_of(st.none(), st.sampled_from([*VALUES, ""]), texts(), st.sampled_from(VALUES).map(str.lower))
leads = st.fixed_dictionaries(
    {},
    optional={
        "company_size": sizes,
        "company_industry": choices,
        "title": st.one_of(st.none(), texts()),
        "tech_stack": st.one_of(
            st.none(), st.lists(texts(), max_size=5), st.lists(st.sampled_from(NEEDLES), max_size=9)
        ),
        "funding_stage": choices,
    },
)


@pytest.mark.node
@settings(
    max_examples=120,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(rows=st.lists(leads, min_size=1, max_size=25))
def test_the_engine_equals_the_published_javascript(
    rows: list[dict[str, Any]], engine: Engine, published_javascript: Published
) -> None:
    scores = engine.score_leads(rows)
    assert [(s.points, engine.card.tier_name(s.tier)) for s in scores] == published_javascript(rows)
    for score in scores:
        assert min(sum(entry["points"] for entry in score.explanation), 100) == score.points


@pytest.mark.node
def test_the_javascript_gives_the_example_lead_95_too(published_javascript: Published) -> None:
    assert published_javascript([EXAMPLE]) == [(95, "Tier 1")]
