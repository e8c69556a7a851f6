"""The body of an HTTP API column: JSON with column tokens, as a person writes it in Clay.

`{{column}}` between quotes gives a text, alone a number where the column has one; `{{column.status}}` and
`{{column.error}}` give what Clay knows of the cell. A list is a text. An empty cell, or one in error, is an empty
text; what stands alone for a column that did not run is left out.
"""

import json
import re
from collections.abc import Callable
from typing import Any

from swarm_admin.sandbox.clay_cells import ENRICHED, FORMULAS, Cell

TOKEN = re.compile(r"\{\{([^{}]{1,100})\}\}")
ALONE = "\ue000"  # marks a token that stood outside quotes; a private character, so no text of a person's begins so
MISSING = object()
DONE = {"success", "empty", "error"}
Lookup = Callable[[str], Cell | None]
WAYS = ("email", "phone", "company", "techstack")
TOKENS = (
    "swarm_ref",
    "linkedin_url",
    "first_name",
    "last_name",
    "company_name",
    *ENRICHED,
    *(f"{way}_provider" for way in WAYS),
    *FORMULAS,
)
# What a table that is set up with no body of its own sends; one column as a number.
DEFAULT = json.dumps({name: f"{{{{{name}}}}}" for name in TOKENS}).replace('"{{company_size}}"', "{{company_size}}")


class NotATemplate(ValueError):
    """The body is no JSON object with tokens."""


def parse(text: Any) -> dict[str, Any]:
    """The body as an object, its lone tokens marked. Raises NotATemplate."""
    if isinstance(text, dict):
        return text
    if not isinstance(text, str):
        raise NotATemplate("the body must be a text or an object")
    try:
        document = json.loads(_quote_lone(text))
    except ValueError as error:
        raise NotATemplate(f"the body is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise NotATemplate("the body must be an object")
    return document


def _quote_lone(text: str) -> str:
    """Puts tokens outside of quotes into marked ones, so that the text is JSON."""
    pieces = text.split('"')
    is_inside = False
    for number, piece in enumerate(pieces):
        if not is_inside:
            pieces[number] = TOKEN.sub(lambda found: f'"{ALONE}{{{{{found[1]}}}}}"', piece)
        escaped = is_inside and (len(piece) - len(piece.rstrip("\\"))) % 2
        is_inside = is_inside if escaped else not is_inside
    return '"'.join(pieces)


def render(document: dict[str, Any], lookup: Lookup) -> dict[str, Any]:
    """The body for one row, whose cells `lookup` gives; None stands for a column the table has not."""
    filled = {name: _fill(value, lookup) for name, value in document.items()}
    return {name: value for name, value in filled.items() if value is not MISSING}


def _fill(value: Any, lookup: Lookup) -> Any:
    if isinstance(value, dict):
        return render(value, lookup)
    if isinstance(value, list):
        return [each for each in (_fill(part, lookup) for part in value) if each is not MISSING]
    if not isinstance(value, str):
        return value
    is_alone, text = value.startswith(ALONE), value.removeprefix(ALONE)
    whole = TOKEN.fullmatch(text)
    if whole is None:
        return TOKEN.sub(lambda found: as_text(_token(found[1], lookup)), text)
    found = _token(whole[1], lookup)
    if found is MISSING:
        return MISSING
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    return found if is_alone and (is_number or found is None) else as_text(found)


def _token(name: str, lookup: Lookup) -> Any:
    """The value of a token; MISSING for a column that did not run."""
    column, _, part = name.strip().partition(".")
    cell = lookup(column)
    if part == "status":
        return cell.status if cell else ""
    if part == "error":
        return cell.error if cell else ""
    if cell is None or cell.status not in DONE:
        return MISSING
    return cell.value if cell.status == "success" else None


def as_text(value: Any) -> str:
    """A value between quotes."""
    if value is None or value is MISSING:
        return ""
    if isinstance(value, list):
        return ", ".join(map(as_text, value))
    if isinstance(value, dict | bool):
        return json.dumps(value)
    return str(value)
