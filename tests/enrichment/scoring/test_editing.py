"""The scorecard as a form and back: what a browser posts, what buttons do, where a problem is shown."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment.documents.scorecard import PUBLISHED, Scorecard
from enrichment.documents.scorecard_problems import problems
from enrichment.scoring import editing, form
from enrichment.scoring.editing import apply, by_field, field_of, parse_form, parse_lines, parse_number


def typed(document):
    """{name: value} of every control of the form of a document."""
    built = form.build_form(document, problems(document))
    fields = [built.cap]
    for part in built.parts:
        fields += [*part.fields.values(), *(control for row in part.rows for control in row.fields.values())]
    fields += [control for row in built.tiers for control in row.fields.values()]
    return {control.name: control.value for control in fields}


def normal(document):
    """As pydantic writes a valid card: with what is left out filled in."""
    return Scorecard.model_validate(document).document()


def test_the_published_card_survives_the_form():
    assert normal(parse_form(typed(PUBLISHED))) == normal(PUBLISHED)


points = st.integers(0, 10)
texts = st.text("abcdefg xyz&<>\"'", min_size=1, max_size=12).map(str.strip).filter(bool)
bands = st.tuples(st.integers(1, 400), st.integers(401, 9000), st.booleans(), st.booleans(), points).map(
    lambda b: {"above" if b[2] else "at_least": b[0], "below" if b[3] else "at_most": b[1], "points": b[4]}
)
groups = st.fixed_dictionaries({"values": st.lists(texts, min_size=1, max_size=4, unique=True), "points": points})
rules = st.fixed_dictionaries(
    {
        "needles": st.lists(texts, min_size=1, max_size=4, unique=True),
        "match": st.sampled_from(["substring", "word"]),
        "points": points,
    }
)
needles = st.fixed_dictionaries({"needle": texts, "points": points})
KINDS = {
    "bands": ("company_size", "bands", bands, {"unit": "people"}),
    "any_of": ("company_industry", "groups", groups, {}),
    "rules": ("title", "rules", rules, {}),
    "count": ("tech_stack", "needles", needles, {"match": "word", "entry": "tool", "entries": "tools"}),
}


@st.composite
def cards(draw):
    parts = []
    for at, kind in enumerate(draw(st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=5))):
        field, place, row, more = KINDS[kind]
        rows = draw(st.lists(row, min_size=1, max_size=4))
        part = {
            "id": f"part_{at}",
            "label": draw(texts),
            "field": field,
            "cap": draw(st.integers(10, 100)),
            "kind": kind,
        }
        parts.append({**part, **more, place: rows})
    tiers = [{"name": "A", "at_least": 7.5}, {"name": "B", "at_least": 3}, {"name": "C"}]
    return {"components": parts, "cap": 100, "tiers": tiers}


@given(cards())
def test_every_card_survives_the_form(card):
    assert normal(parse_form(typed(card))) == normal(card)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("30", 30),
        (" 30 ", 30),
        ("2.5", 2.5),
        ("2,000", 2000),
        ("1,234,567.5", 1234567.5),
        ("-4", -4),
        ("", None),
        ("  ", None),
        ("2,5", "2,5"),
        ("many", "many"),
        ("nan", "nan"),
        ("inf", "inf"),
        ("1e400", "1e400"),
        ("9" * 20, 1e20),
    ],
)
def test_a_number_is_read_and_what_is_none_stays_as_typed(text, value):
    assert parse_number(text) == value


def test_lines_are_texts_each_once():
    assert parse_lines(" a \n\n b\r\na\n") == ["a", "b"]


def test_needles_are_put_in_lower_case_and_values_are_not():
    data = typed(PUBLISHED) | {
        "components.2.rules.0.needles": "VP Sales\nCRO",
        "components.1.groups.0.values": "SaaS",
    }
    document = parse_form(data)
    assert document["components"][2]["rules"][0]["needles"] == ["vp sales", "cro"]
    assert document["components"][1]["groups"][0]["values"] == ["SaaS"]


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"components": "x"},
        {"components.0": "x", "components.0.kind": "bands"},
        {"components.x.kind": "bands"},
        {"components.0.kind": "bands", "components.0.bands": "x", "components.0.bands.0.points": "3"},
        {"components.0.kind": "unknown", "tiers.0": "x", "cap.x": "1"},
        {"components.0.kind": "rules", "components.0.rules.99999999.points": "1"},
        {"components.²": "1", "tiers.٣.name": "x"},
    ],
)
def test_whatever_is_posted_gives_a_document_that_can_be_explained(data):
    document = parse_form(data)
    assert problems(document)
    form.build_form(document, problems(document))


# ---------------------------------------------------------------- buttons


def test_rows_are_added_removed_and_moved():
    added, at = apply(PUBLISHED, "add:components.0.bands")
    assert (added["components"][0]["bands"][-1], at) == ({"points": 5}, "components.0.bands.4")
    removed, at = apply(PUBLISHED, "remove:components.0.bands.3")
    assert (len(removed["components"][0]["bands"]), at) == (3, "components.0.bands.2")
    moved, at = apply(PUBLISHED, "down:components.2.rules.0")
    assert (moved["components"][2]["rules"][1], at) == (
        PUBLISHED["components"][2]["rules"][0],
        "components.2.rules.1",
    )
    back, _ = apply(moved, "up:components.2.rules.1")
    assert back == PUBLISHED
    dragged, _ = apply(PUBLISHED, "move:components.2.rules.3:0")
    rules = PUBLISHED["components"][2]["rules"]
    assert dragged["components"][2]["rules"] == [rules[3], rules[0], rules[1], rules[2]]


def test_components_are_added_moved_and_removed():
    added, at = apply(PUBLISHED, "component:bands:linkedin_connections")
    assert at == "components.5"
    assert added["components"][5]["id"] == "linkedin_connections"
    again, _ = apply(added, "component:bands:linkedin_connections")
    assert again["components"][6]["id"] == "linkedin_connections_2"
    moved, at = apply(PUBLISHED, "down:components.0")
    assert (moved["components"][1]["id"], at) == ("company_size", "components.1")
    assert len(apply(PUBLISHED, "remove:components.0")[0]["components"]) == 4


def test_the_last_row_can_be_removed_and_the_place_is_its_list():
    document, at = apply(PUBLISHED, "remove:components.1.groups.0")
    assert (document["components"][1]["groups"], at) == ([], "components.1.groups")


def test_a_tier_is_added_above_the_last():
    document, at = apply(PUBLISHED, "add:tiers")
    assert at == "tiers.2"
    assert document["tiers"][2:] == [{"name": "Tier 3", "at_least": 25.0}, {"name": "Tier 4"}]
    assert problems(document) == {}


@pytest.mark.parametrize(
    "operation",
    [
        "",
        "x",
        "up:components.0",
        "down:components.4",
        "up:",
        "remove:",
        "remove:components.9",
        "remove:components.x",
        "remove:cap",
        "add:cap",
        "add:components",
        "add:components.0.label",
        "add:x.y.z",
        "move:components.0:x",
        "move:components.0:99",
        "component:bands:title",
        "component:x:y",
        "component:",
    ],
)
def test_what_cannot_be_done_changes_nothing(operation):
    before = copy.deepcopy(PUBLISHED)
    document, _ = apply(PUBLISHED, operation)
    assert document == before == PUBLISHED


@pytest.mark.parametrize("kind_and_field", [(kind, field) for kind, field, _ in editing.choices()])
def test_every_component_that_is_offered_is_valid_once_its_row_is_filled(kind_and_field):
    kind, field = kind_and_field
    document, at = apply(PUBLISHED, f"component:{kind}:{field}")
    row = f"{at}.{editing.ROWS[kind]}.0"
    filled = {"bands": "low", "any_of": "values", "rules": "needles", "count": "needle"}[kind]
    assert problems(parse_form(typed(document) | {f"{row}.{filled}": "3"})) == {}


# ---------------------------------------------------------------- problems


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("cap", "cap"),
        ("tiers.1.name", "tiers.1.name"),
        ("components.0.cap", "components.0.cap"),
        ("components.0.bands.1", "components.0.bands.1.low"),
        ("components.0.bands.1.above", "components.0.bands.1.low"),
        ("components.0.bands.1.at_most", "components.0.bands.1.high"),
        ("components.0.bands.1.points", "components.0.bands.1.points"),
        ("components.1.groups.0.values.2", "components.1.groups.0.values"),
        ("components.2.rules.0.needles", "components.2.rules.0.needles"),
        ("components.2.rules.0", "components.2.rules.0.needles"),
        ("components.3.needles.4.needle", "components.3.needles.4.needle"),
        ("components.3.needles.4", "components.3.needles.4.needle"),
        ("components.3.needles", "components.3.needles"),
    ],
)
def test_a_problem_is_shown_at_its_field(path, name):
    assert field_of(path) == name


def test_two_problems_of_one_field_are_one_sentence():
    said = by_field({"components.0.bands.1": "one", "components.0.bands.1.above": "two"})
    assert said == {"components.0.bands.1.low": "one; two"}


def test_each_problem_says_where_it_is():
    document = parse_form(typed(PUBLISHED) | {"components.0.bands.1.points": "x", "tiers.0.at_least": "", "cap": "x"})
    said = {where: text for _, where, text in form.build_form(document, problems(document)).problems}
    assert said["Company size, row 2, points"] == "must be a number"
    assert said["Tier 1, threshold"] == "every tier but the last needs a threshold"
    assert said["cap"] == "must be a number"
