"""Invalid documents are explained at the field; valid ones round-trip."""

import copy
import json
from typing import Any

import pytest
from pydantic import ValidationError

from enrichment.documents.scorecard import PUBLISHED, Scorecard
from enrichment.documents.scorecard_fields import LIST_FIELDS, NUMBER_FIELDS, TEXT_FIELDS
from enrichment.documents.scorecard_problems import problems
from enrichment.models import Lead

MISSING = object()


def changed(path: str, value: Any) -> dict[str, Any]:
    """PUBLISHED with one value set, appended ("+" as the last step) or, with MISSING, taken out."""
    document = copy.deepcopy(PUBLISHED)
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place: Any = document
    for step in way:
        place = place[step]
    if value is MISSING:
        del place[last]
    elif last == "+":
        place.append(value)
    else:
        place[last] = value
    return document


def test_the_published_card_is_valid_json() -> None:
    assert problems(PUBLISHED) == {}
    assert json.loads(json.dumps(Scorecard.model_validate(PUBLISHED).document())) == PUBLISHED


@pytest.mark.parametrize(
    ("path", "value", "at", "sentence"),
    [
        ("cap", MISSING, "cap", "is required"),
        ("cap", "100", "cap", "must be a number"),
        ("cap", True, "cap", "must be a number"),
        ("colour", "red", "colour", "unknown field"),
        ("components", [], "components", "can't be empty"),
        ("components", "x", "components", "must be a list"),
        ("components.0", 7, "components.0", "must be an object"),
        ("components.0.kind", "magic", "components.0", 'the kind is "bands", "any_of", "rules" or "count"'),
        ("components.0.kind", MISSING, "components.0", 'needs a kind: "bands", "any_of", "rules" or "count"'),
        ("components.0.id", "Größe", "components.0.id", (
            "a lowercase letter, then lowercase letters, digits and "
            "underscores"
        )),
        ("components.1.id", "title", "components.2.id", 'another component has the ID "title"'),
        ("components.0.label", " ", "components.0.label", "can't be blank"),
        ("components.0.label", "", "components.0.label", "can't be empty"),
        ("components.0.colour", "red", "components.0.colour", "unknown field"),
        (
            "components.0.field", "title", "components.0.field",
            "this rule type needs a field with a number: "
            "company_size, linkedin_connections or mutual_connections",
        ),
        (
            "components.3.field", "title", "components.3.field",
            "this rule type needs a field with a list: tech_stack or recent_posts",
        ),
        ("components.0.bands.1.points", 31, "components.0.bands.1.points", "31 is above the component's maximum of 30"),
        ("components.0.bands.1.points", "x", "components.0.bands.1.points", "must be a number"),
        ("components.0.bands.1.above", 3, "components.0.bands.1.above", (
            "a range has one lower limit: at_least "
            "or above"
        )),
        ("components.0.bands.0.below", 3, "components.0.bands.0.below", (
            "a range has one upper limit: at_most "
            "or below"
        )),
        ("components.0.bands.+", {"points": 3}, "components.0.bands.4", "a range needs a lower or an upper limit"),
        ("components.0.bands.0.at_most", 199, "components.0.bands.0.at_most", "no number fits this range"),
        ("components.0.bands.1.below", 100, "components.0.bands.1.below", "no number fits this range"),
        ("components.1.groups.0.values.0", "", "components.1.groups.0.values.0", "can't be empty"),
        ("components.1.groups.0.points", 21, "components.1.groups.0.points", (
            "21 is above the component's "
            "maximum of 20"
        )),
        ("components.2.rules.1.needles", [], "components.2.rules.1.needles", "can't be empty"),
        (
            "components.2.rules.1.needles.0", "VP", "components.2.rules.1.needles.0",
            'use lower case, "vp": values are compared in lower case',
        ),
        (
            "components.2.rules.1.needles.0", " ", "components.2.rules.1.needles.0",
            "search text can't be blank",
        ),
        (
            "components.2.rules.1.needles", ["a"] * 250, "components.2.rules",
            "at most 250 search texts across all rules",
        ),
        ("components.3.needles.2.points", 16, "components.3.needles.2.points", (
            "16 is above the component's "
            "maximum of 15"
        )),
        ("cap", 70, "tiers.0.at_least", "no lead can reach it: the maximum score is 70"),
        ("tiers.1.at_least", 80, "tiers.1.at_least", "must be below 80, the threshold of the tier before it"),
        ("tiers.1.at_least", MISSING, "tiers.1.at_least", "every tier but the last needs a threshold"),
        ("tiers.2.at_least", 10, "tiers.2.at_least", "the last tier takes all other leads and has no threshold"),
        ("tiers.2.name", "Tier 1", "tiers.2.name", 'another tier is called "Tier 1"'),
    ],
)  # fmt: skip
def test_a_mistake_is_explained_at_its_field(path: str, value: Any, at: str, sentence: str) -> None:
    assert problems(changed(path, value)) == {at: sentence}


@pytest.mark.parametrize("document", [None, [], "x", 7])
def test_what_is_no_object_is_said_so(document: Any) -> None:
    assert problems(document) == {"": "must be an object"}


@pytest.mark.parametrize("points", [float("nan"), float("inf"), -1, 101])
def test_points_are_numbers_from_0_to_100(points: float) -> None:
    assert list(problems(changed("components.4.groups.0.points", points))) == ["components.4.groups.0.points"]


def test_a_match_mode_is_one_of_the_two() -> None:
    assert list(problems(changed("components.2.rules.0.match", "regex"))) == ["components.2.rules.0.match"]


def test_all_mistakes_are_reported_together() -> None:
    document = changed("components.0.bands.0.points", "x")
    document["components"][3]["needles"][0]["needle"] = "Gong"
    assert list(problems(document)) == ["components.3.needles.0.needle", "components.0.bands.0.points"]


def test_match_is_substring_unless_said() -> None:
    card = Scorecard.model_validate(changed("components.2.rules.0.match", MISSING))
    assert card.document() == PUBLISHED


def test_a_card_cannot_be_changed_once_made() -> None:
    card = Scorecard.model_validate(PUBLISHED)
    with pytest.raises(ValidationError):
        card.cap = 3


@pytest.mark.parametrize(
    ("fields", "kinds"),
    [
        (TEXT_FIELDS, {"CharField", "TextField"}),
        (NUMBER_FIELDS, {"FloatField", "IntegerField"}),
        (LIST_FIELDS, {"ArrayField", "JSONField"}),
    ],
)
def test_the_fields_are_those_of_a_lead(fields: tuple[str, ...], kinds: set[str]) -> None:
    assert {Lead._meta.get_field(field).get_internal_type() for field in fields} <= kinds


@pytest.mark.parametrize(
    ("points", "sentence"),
    [
        (-5, "must be above 0"),
        (1e9, "must be at most 100"),
        ("x", "must be a number"),
        (float("nan"), "must be a number"),
    ],
)
def test_a_number_out_of_bounds_is_told_in_plain_words(points, sentence):
    document = copy.deepcopy(PUBLISHED)
    document["cap"] = points
    assert problems(document) == {"cap": sentence}
