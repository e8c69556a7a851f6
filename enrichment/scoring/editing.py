"""A scorecard document as a form and back: the names of its fields, what the buttons do, where a problem is shown.

A field's name is its path in the document ("components.0.bands.1.points"); a band's ends are two fields each, and
texts of which there are several stand one to a line. What cannot be read stays as it was typed, so that
`problems` can say what is wrong with it, and an invalid document can be kept and shown.

Tried and left: htmx's json-enc sends the names as flat as a form does, with a list only where a name comes twice, so it
saves none of this; and Save, which leaves the page, and every button without JavaScript post a plain form.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

from enrichment.documents.scorecard_fields import LIST_FIELDS, NUMBER_FIELDS, TEXT_FIELDS
from enrichment.labels import field_label
from swarm_admin.core.numbers import is_decimal, parse_int

ROWS = {"bands": "bands", "any_of": "groups", "rules": "rules", "count": "needles"}
BLANK: dict[str, dict[str, Any]] = {
    "bands": {"points": 5},
    "groups": {"values": [], "points": 5},
    "rules": {"needles": [], "match": "substring", "points": 5},
    "needles": {"needle": "", "points": 5},
}
LOW, HIGH = ("at_least", "above"), ("at_most", "below")
MOST_ROWS = 250
LONGEST_NAME = 200  # of a field of the form; a longer one is none of ours
WHOLE = re.compile(r"[-+]?[0-9]+")


# ---------------------------------------------------------------- from the form


def parse_form(data: Mapping[str, str]) -> dict[str, Any]:
    """The document that a posted form describes; whatever else was posted is left out."""
    tree = _tree(data)
    return {
        "components": [_component(each) for each in _rows(tree.get("components"))],
        "cap": parse_number(_text(tree, "cap")),
        "tiers": [_tier(each) for each in _rows(tree.get("tiers"))],
    }


def parse_number(text: str) -> Any:
    """ "30" → 30, "2,000" → 2000, "2.5" → 2.5; what is no number stays text, and nothing is None."""
    plain = text.strip()
    grouped = re.fullmatch(r"[-+]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?", plain)
    plain = plain.replace(",", "") if grouped else plain
    if not plain:
        return None
    if WHOLE.fullmatch(plain):
        return int(plain) if len(plain) < 16 else float(plain)
    return float(plain.removeprefix("+")) if is_decimal(plain.removeprefix("+")) else text


def parse_lines(text: str) -> list[str]:
    """The lines that say something, each once."""
    return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


def _tree(data: Mapping[str, str]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name in data:
        if len(name) > LONGEST_NAME:
            continue
        *steps, last = name.split(".")
        at: Any = tree
        for step in steps:
            at = at.setdefault(step, {})
            if not isinstance(at, dict):
                break
        else:
            at.setdefault(last, data[name])
    return tree


def _rows(found: Any) -> Iterator[dict[str, Any]]:
    """The numbered children, in order of their numbers."""
    if isinstance(found, dict):
        keys = sorted((key for key in found if _is_place(key)), key=int)
        yield from (found[key] for key in keys[:MOST_ROWS] if isinstance(found[key], dict))


def _is_place(text: str) -> bool:
    """Whether it is the number of a row; Python refuses to read one of thousands of digits."""
    return parse_int(text, most=10**9) is not None


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def _without_none(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value is not None}


def _component(row: Mapping[str, Any]) -> dict[str, Any]:
    kind = _text(row, "kind")
    part: dict[str, Any] = {name: _text(row, name) for name in ("id", "label", "field")}
    part |= {"cap": parse_number(_text(row, "cap")), "kind": kind}
    if kind == "bands":
        part["unit"] = _text(row, "unit")
    if kind == "count":
        part |= {
            "match": _text(row, "match") or "substring",
            "entry": _text(row, "entry"),
            "entries": _text(row, "entries"),
        }
    if kind in ROWS:
        place = ROWS[kind]
        part[place] = [READERS[place](each) for each in _rows(row.get(place))]
    return _without_none(part)


def _band(row: Mapping[str, Any]) -> dict[str, Any]:
    band: dict[str, Any] = {}
    for end, names in (("low", LOW), ("high", HIGH)):
        chosen = _text(row, f"{end}_is")
        band[chosen if chosen in names else names[0]] = parse_number(_text(row, end))
    return _without_none(band | {"points": parse_number(_text(row, "points"))})


def _group(row: Mapping[str, Any]) -> dict[str, Any]:
    return _without_none({"values": parse_lines(_text(row, "values")), "points": parse_number(_text(row, "points"))})


def _rule(row: Mapping[str, Any]) -> dict[str, Any]:
    needles = parse_lines(_text(row, "needles").lower())  # values are compared in lower case
    return _without_none(
        {
            "needles": needles,
            "match": _text(row, "match") or "substring",
            "points": parse_number(_text(row, "points")),
        }
    )


def _needle(row: Mapping[str, Any]) -> dict[str, Any]:
    return _without_none({"needle": _text(row, "needle").lower(), "points": parse_number(_text(row, "points"))})


READERS = {"bands": _band, "groups": _group, "rules": _rule, "needles": _needle}


def _tier(row: Mapping[str, Any]) -> dict[str, Any]:
    return _without_none({"name": _text(row, "name"), "at_least": parse_number(_text(row, "at_least"))})


# ---------------------------------------------------------------- what the buttons do


def apply(document: dict[str, Any], operation: str) -> tuple[dict[str, Any], str]:
    """The document after a button, and the place to go on at. "" and what is no operation change nothing.

    "add:PATH of a list", "remove:PATH", "up:PATH", "down:PATH", "move:PATH:to", "component:kind:field".
    """
    changed = copy.deepcopy(document)
    verb, _, rest = operation.partition(":")
    if verb == "component":
        kind, _, field = rest.partition(":")
        return changed, add_component(changed, kind, field)
    path, _, to = rest.partition(":")
    if verb == "add":
        return changed, _add(changed, path)
    *steps, last = path.split(".")
    rows = _at(changed, steps)
    if not isinstance(rows, list) or not _is_place(last) or int(last) >= len(rows):
        return changed, ""
    at = int(last)
    target = {"up": at - 1, "down": at + 1, "move": int(to) if _is_place(to) else at}.get(verb)
    if verb == "remove":
        rows.pop(at)
        return changed, ".".join([*steps, str(min(at, len(rows) - 1))]) if rows else ".".join(steps)
    if target is None or not 0 <= target < len(rows):
        return changed, path
    rows.insert(target, rows.pop(at))
    return changed, ".".join([*steps, str(target)])


def _at(document: Any, steps: list[str]) -> Any:
    for step in steps:
        if isinstance(document, dict):
            document = document.get(step)
        elif isinstance(document, list) and _is_place(step) and int(step) < len(document):
            document = document[int(step)]
        else:
            return None
    return document


def _add(document: dict[str, Any], path: str) -> str:
    *_, place = steps = path.split(".")
    rows = _at(document, steps)
    if not isinstance(rows, list) or len(rows) >= MOST_ROWS:
        return ""
    if place == "tiers":
        above = [tier["at_least"] for tier in rows[:-1] if isinstance(tier.get("at_least"), int | float)]
        rows.insert(max(len(rows) - 1, 0), {"name": f"Tier {len(rows)}", "at_least": above[-1] / 2 if above else 50})
        if len(rows) > 1 and str(rows[-1].get("name", "")).startswith("Tier "):
            rows[-1]["name"] = f"Tier {len(rows)}"
        return f"{path}.{max(len(rows) - 2, 0)}"
    if place not in BLANK:
        return ""
    rows.append(copy.deepcopy(BLANK[place]))
    return f"{path}.{len(rows) - 1}"


def add_component(document: dict[str, Any], kind: str, field: str) -> str:
    """Append a component with one blank row; the place of it, or "" where kind and field do not fit."""
    if (kind, field) not in [(k, f) for k, f, _ in choices()]:
        return ""
    parts = document.setdefault("components", [])
    used_ids = {part.get("id") for part in parts}
    names = [field[:40], *(f"{field[:36]}_{count}" for count in range(2, 99))]
    label = field_label(field)
    part: dict[str, Any] = {
        "id": next(name for name in names if name not in used_ids),
        "label": label[:1].upper() + label[1:],
        "field": field,
        "cap": 10,
        "kind": kind,
        ROWS[kind]: [copy.deepcopy(BLANK[ROWS[kind]])],
    }
    if kind == "bands":
        part["unit"] = ""
    if kind == "count":
        part |= {"match": "substring", "entry": "matching entry", "entries": "matching entries"}
    parts.append(part)
    return f"components.{len(parts) - 1}"


def choices() -> list[tuple[str, str, str]]:
    """(kind, field, words) of every component that can be added."""
    options = [("bands", field, "number ranges") for field in NUMBER_FIELDS]
    for field in TEXT_FIELDS:
        options += [("any_of", field, "value in list"), ("rules", field, "contains text")]
    return [*options, *(("count", field, "number of entries containing text") for field in LIST_FIELDS)]


# ---------------------------------------------------------------- where a problem is shown


def by_field(problems: Mapping[str, str]) -> dict[str, str]:
    """{name of the form's field: sentence}, from {path in the document: sentence}."""
    shown: dict[str, str] = {}
    for path, sentence in problems.items():
        name = field_of(path)
        shown[name] = f"{shown[name]}; {sentence}" if name in shown else sentence
    return shown


def field_of(path: str) -> str:
    """The form's field at which a problem of this place is said."""
    steps = path.split(".")
    if len(steps) >= 4 and steps[0] == "components":
        head, rest = steps[:4], steps[4:]
        place = steps[2]
        if place == "bands":
            end = {**dict.fromkeys(LOW, "low"), **dict.fromkeys(HIGH, "high")}
            rest = [end.get(rest[0], rest[0])] if rest else ["low"]
        elif place in ("groups", "rules", "needles") and not rest:
            rest = [{"groups": "values", "rules": "needles", "needles": "needle"}[place]]
        return ".".join([*head, *rest[:1]])
    return path
