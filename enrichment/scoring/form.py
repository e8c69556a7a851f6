"""The scorecard's form as a template draws it: parts, rows and fields with their values and problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from enrichment.documents.scorecard import plain_number
from enrichment.labels import field_label
from enrichment.scoring.editing import HIGH, LOW, ROWS, by_field, choices

MATCHES = (("substring", "anywhere in the text"), ("word", "as a whole word"))
FROM, TO = (("at_least", "≥"), ("above", ">")), (("at_most", "≤"), ("below", "<"))
KINDS = {
    "bands": "First matching range scores",
    "any_of": "First list containing the value scores",
    "rules": "First matching rule scores",
    "count": "Every matching entry scores, up to the maximum",
}
OWN = ("id", "kind", "field")  # of a component, without a control of their own
ADD = {"bands": "Add range", "groups": "Add list", "rules": "Add rule", "needles": "Add text"}


@dataclass(frozen=True)
class Field:
    """One control. `problem`: what is wrong with it; `options`: of a choice."""

    name: str
    label: str
    value: str
    problem: str = ""
    options: tuple[tuple[str, str], ...] = ()

    @property
    def id(self) -> str:
        return f"f-{self.name.replace('.', '-')}"

    @property
    def lines(self) -> int:
        return min(max(self.value.count("\n") + 1, 1), 8)


@dataclass(frozen=True)
class Row:
    """One award of a component, a tier, or a component among the others.

    `number` counts from 1; `said` tells it from other rows; `focus`: its first control is where a person goes on.
    """

    path: str
    number: int
    fields: dict[str, Field]
    is_first: bool
    is_last: bool
    said: str = ""
    focus: bool = False


@dataclass(frozen=True)
class Part:
    """One component. `place`: the path of its rows."""

    path: str
    key: str
    kind: str
    says: str
    looks_at: str
    field_name: str
    fields: dict[str, Field]
    rows: list[Row]
    rows_name: str
    place: str
    problem: str
    add: str
    as_row: Row
    focus: bool


@dataclass(frozen=True)
class Form:
    """`elsewhere`: problems that no control shows. `problems`: all, {id of the control: sentence}."""

    parts: list[Part]
    tiers: list[Row]
    cap: Field
    problems: list[tuple[str, str, str]]
    tiers_problem: str
    adders: list[tuple[str, list[tuple[str, str]]]] = field(default_factory=list)


def build_form(document: Mapping[str, Any], problems: Mapping[str, str], at: str = "") -> Form:
    """The form of a document, valid or not. `at`: the path of the row that should have the focus."""
    shown = by_field(problems)
    parts = _list(document, "components")
    tiers = _list(document, "tiers")
    return Form(
        parts=[_part(part, i, len(parts), shown, at) for i, part in enumerate(parts)],
        tiers=[_tier(tier, i, len(tiers), shown, at) for i, tier in enumerate(tiers)],
        cap=Field("cap", "Max total points", _as_figure(document.get("cap")), shown.get("cap", "")),
        problems=[(f"f-{name.replace('.', '-')}", where(document, name), text) for name, text in shown.items()],
        tiers_problem=shown.get("tiers", ""),
        adders=_adders(),
    )


def where(document: Mapping[str, Any], name: str) -> str:
    """ "components.0.bands.1.points" → "Company size, row 2, points"."""
    steps = name.split(".")
    if steps[0] == "tiers" and len(steps) > 1:
        return ", ".join([f"Tier {int(steps[1]) + 1}", *(_step_label(step) for step in steps[2:])])
    if steps[0] != "components" or len(steps) < 2:
        return _step_label(steps[0])
    parts = _list(document, "components")
    at = int(steps[1])
    parts_of_place = [
        str(parts[at].get("label") or f"Component {at + 1}") if at < len(parts) else f"Component {at + 1}"
    ]
    parts_of_place += [f"row {int(step) + 1}" for step in steps[3:4]]
    return ", ".join([*parts_of_place, *(_step_label(step) for step in (steps[4:] if len(steps) > 3 else steps[2:]))])


def _step_label(step: str) -> str:
    return {"low": "from", "high": "to", "at_least": "threshold", "cap": "cap", "needles": "texts"}.get(step, step)


def _list(document: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    value = document.get(name)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _as_figure(value: Any) -> str:
    if value is None:
        return ""
    return str(plain_number(value)) if isinstance(value, int | float) else str(value)


def _part(part: Mapping[str, Any], number: int, of: int, shown: Mapping[str, str], at: str) -> Part:
    path, kind = f"components.{number}", str(part.get("kind", ""))
    rows_name = ROWS.get(kind, "rules")

    def control(name: str, label: str, value: Any, **more: Any) -> Field:
        return Field(f"{path}.{name}", label, _as_figure(value), shown.get(f"{path}.{name}", ""), **more)

    fields = {name: control(name, name, part.get(name)) for name in ("id", "kind", "field")}
    fields |= {
        "label": control("label", "Name", part.get("label")),
        "cap": control("cap", "Max points", part.get("cap")),
    }
    if kind == "bands":
        fields["unit"] = control("unit", "Unit", part.get("unit"))
    if kind == "count":
        fields["match"] = control("match", "Match", part.get("match"), options=MATCHES)
        fields["entry"] = control("entry", "Singular", part.get("entry"))
        fields["entries"] = control("entries", "Plural", part.get("entries"))
    rows = _list(part, rows_name)
    drawn = []
    for i, row in enumerate(rows):
        place = f"{path}.{rows_name}.{i}"
        row_label = f"{fields['label'].value}, row {i + 1}"
        controls = ROW[rows_name](row, place, shown)
        drawn.append(Row(place, i + 1, controls, i == 0, i == len(rows) - 1, row_label, place == at))
    name = str(part.get("field", ""))
    return Part(
        path=path,
        key=str(part.get("id", "")),
        kind=kind,
        says=KINDS.get(kind, ""),
        looks_at=field_label(name) if name else "nothing",
        field_name=name,
        fields=fields,
        rows=drawn,
        rows_name=rows_name,
        place=f"{path}.{rows_name}",
        problem="; ".join(
            shown[own] for own in (path, *(f"{path}.{each}" for each in OWN), f"{path}.{rows_name}") if own in shown
        ),
        add=ADD[rows_name],
        as_row=Row(path, number + 1, {}, number == 0, number == of - 1),
        focus=path == at,
    )


def _points(row: Mapping[str, Any], path: str, shown: Mapping[str, str]) -> Field:
    return Field(f"{path}.points", "Points", _as_figure(row.get("points")), shown.get(f"{path}.points", ""))


def _band(row: Mapping[str, Any], path: str, shown: Mapping[str, str]) -> dict[str, Field]:
    fields = {}
    for end, names, label, signs in (("low", LOW, "From", FROM), ("high", HIGH, "To", TO)):
        given = next((name for name in names if row.get(name) is not None), names[0])
        fields[f"{end}_is"] = Field(f"{path}.{end}_is", f"{label}: included or not", given, options=signs)
        fields[end] = Field(f"{path}.{end}", label, _as_figure(row.get(given)), shown.get(f"{path}.{end}", ""))
    return fields | {"points": _points(row, path, shown)}


def _texts(name: str, label: str) -> Any:
    def draw(row: Mapping[str, Any], path: str, shown: Mapping[str, str]) -> dict[str, Field]:
        held = row.get(name)
        text = "\n".join(str(each) for each in held) if isinstance(held, list) else str(held or "")
        fields = {name: Field(f"{path}.{name}", label, text, shown.get(f"{path}.{name}", ""))}
        if name == "needles":
            match = str(row.get("match") or "substring")
            fields["match"] = Field(f"{path}.match", "Match", match, shown.get(f"{path}.match", ""), MATCHES)
        return fields | {"points": _points(row, path, shown)}

    return draw


ROW = {
    "bands": _band,
    "groups": _texts("values", "Values, one per line"),
    "rules": _texts("needles", "Texts, one per line"),
    "needles": _texts("needle", "Text"),
}


def _tier(tier: Mapping[str, Any], number: int, of: int, shown: Mapping[str, str], at: str) -> Row:
    path = f"tiers.{number}"
    fields = {
        "name": Field(f"{path}.name", "Name", str(tier.get("name", "")), shown.get(f"{path}.name", "")),
        "at_least": Field(
            f"{path}.at_least",
            "Minimum points",
            _as_figure(tier.get("at_least")),
            shown.get(f"{path}.at_least", ""),
        ),
    }
    return Row(path, number + 1, fields, number == 0, number == of - 1, f"tier {number + 1}", path == at)


def _adders() -> list[tuple[str, list[tuple[str, str]]]]:
    """(field in words, [(value of the choice, words)]), one group a field."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for kind, name, words in choices():
        label = field_label(name)
        label = label[:1].upper() + label[1:]
        groups.setdefault(label, []).append((f"{kind}:{name}", f"{label}: {words}"))
    return list(groups.items())
