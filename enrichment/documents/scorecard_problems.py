"""What is wrong with a scorecard document, said at the field."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from enrichment.documents.scorecard import Scorecard

KINDS = {"bands", "any_of", "rules", "count"}
SENTENCES = {
    "extra_forbidden": "unknown field",
    "missing": "is required",
    "float_type": "must be a number",
    "finite_number": "must be a number",
    "string_type": "must be a text",
    "list_type": "must be a list",
    "string_too_short": "can't be empty",
    "too_short": "can't be empty",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "union_tag_not_found": 'needs a kind: "bands", "any_of", "rules" or "count"',
    "union_tag_invalid": 'the kind is "bands", "any_of", "rules" or "count"',
}

# type → (name of the bound, what stands before it)
LIMITS = {
    "greater_than": ("gt", "must be above"),
    "greater_than_equal": ("ge", "must be at least"),
    "less_than": ("lt", "must be below"),
    "less_than_equal": ("le", "must be at most"),
}


def problems(document: Any) -> dict[str, str]:
    """{path of the field: sentence} for everything wrong with `document`; empty when it is a valid scorecard.

    A path reads "components.0.bands.1.points"; "" is the document itself.
    """
    try:
        Scorecard.model_validate(document)
    except ValidationError as error:
        return {_path(detail): _sentence(detail) for detail in reversed(error.errors(include_url=False))}
    return {}


def _path(detail: ErrorDetails) -> str:
    place = list(detail["loc"])
    # pydantic names the kind it chose after the component's number: ("components", 0, "bands", "bands", 1)
    if len(place) > 2 and place[0] == "components" and place[2] in KINDS:
        del place[2]
    return ".".join(str(step) for step in [*place, *detail.get("ctx", {}).get("path", [])])


def _sentence(detail: ErrorDetails) -> str:
    if detail["type"] == "string_pattern_mismatch":
        is_id = detail["loc"][-1] == "id"
        return "a lowercase letter, then lowercase letters, digits and underscores" if is_id else "can't be blank"
    if limit := LIMITS.get(detail["type"]):
        name, words = limit
        return f"{words} {detail['ctx'][name]:g}"
    return SENTENCES.get(detail["type"], detail["msg"])
