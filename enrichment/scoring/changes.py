"""What changes from one scorecard to another, rule by rule, in words."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from enrichment.documents.scorecard import Band, Group, Rule, with_separators
from enrichment.labels import field_label
from enrichment.scoring.editing import ROWS
from enrichment.versions import Choice
from enrichment.versions.merging import MISSING, Conflict, pair_rows
from swarm_admin.core.numbers import parse_int

SETTINGS = {
    "label": "name",
    "field": "looks at",
    "cap": "most points",
    "unit": "unit",
    "match": "match",
    "entry": "one is called",
    "entries": "several are called",
    "kind": "kind",
    "id": "key",
}


@dataclass(frozen=True)
class Change:
    """One line. `mark`: "+" new, "-" gone, "~" changed, "↕" moved; `before` and `after` in words."""

    mark: str
    what: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True)
class Section:
    """A component, the tiers or the whole card, with what changes in it."""

    title: str
    changes: list[Change] = field(default_factory=list)


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Section]:
    """The sections in which something changes, in the order of the later card."""
    parts = pair_rows(before["components"], after["components"])
    sections = [
        _component(before["components"][parts[at]], part) if at in parts else _added_component(part)
        for at, part in enumerate(after["components"])
    ]
    unchanged = set(parts.values())
    sections += [_removed_component(part) for at, part in enumerate(before["components"]) if at not in unchanged]
    sections += [_order(before, after, parts), _tiers(before["tiers"], after["tiers"])]
    if before.get("cap") != after.get("cap"):
        sections.append(
            Section(
                "Whole card",
                [
                    Change(
                        "~", "most points in all", value_in_words(before.get("cap")), value_in_words(after.get("cap"))
                    )
                ],
            )
        )
    return [section for section in sections if section.changes]


def count(sections: list[Section]) -> int:
    return sum(len(section.changes) for section in sections)


def _added_component(part: Mapping[str, Any]) -> Section:
    lines = [
        Change("+", f"component on {field_label(part['field'])}", "", f"at most {value_in_words(part['cap'])} points")
    ]
    return Section(part["label"], lines + [Change("+", *_row(row, part)) for row in part[ROWS[part["kind"]]]])


def _removed_component(part: Mapping[str, Any]) -> Section:
    return Section(
        part["label"],
        [Change("-", f"component on {field_label(part['field'])}", f"at most {value_in_words(part['cap'])} points")],
    )


def _order(before: Mapping[str, Any], after: Mapping[str, Any], parts: Mapping[int, int]) -> Section:
    order = [parts[at] for at in sorted(parts)]
    if order == sorted(order):
        return Section("Components")
    names = [each["label"] for each in before["components"]]
    return Section(
        "Components",
        [
            Change(
                "↕",
                "order",
                ", ".join(names[at] for at in sorted(order)),
                ", ".join(names[at] for at in order),
            )
        ],
    )


def _component(before: Mapping[str, Any], after: Mapping[str, Any]) -> Section:
    differences = [
        Change("~", words, value_in_words(before.get(name)), value_in_words(after.get(name)))
        for name, words in SETTINGS.items()
        if before.get(name) != after.get(name)
    ]
    if before["kind"] != after["kind"]:
        return Section(after["label"], differences)
    return Section(after["label"], differences + _rows(before, after))


def _rows(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    place = ROWS[after["kind"]]
    rows, others = before[place], after[place]
    pairs = pair_rows(rows, others)
    differences = []
    for at, row in enumerate(others):
        if at not in pairs:
            what, _, points = _row(row, after)
            differences.append(Change("+", what, "", points))
        elif (old := rows[pairs[at]]) != row:
            differences += _changed(old, row, before, after)
    kept = set(pairs.values())
    for at, row in enumerate(rows):
        if at not in kept:
            what, _, points = _row(row, before)
            differences.append(Change("-", what, points))
    order = [pairs[at] for at in sorted(pairs)]
    if order != sorted(order):
        names = [_row(row, before)[0] for row in rows]
        differences.append(
            Change(
                "↕",
                "precedence",
                " → ".join(names[at] for at in sorted(order)),
                " → ".join(names[at] for at in order),
            )
        )
    return differences


def _changed(old: Any, new: Any, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    (was, _, points_before), (now, _, points) = _row(old, before), _row(new, after)
    if was == now:
        return [Change("~", now, points_before, points)]
    if points == points_before:
        return [Change("~", f"{points} for", was, now)]
    return [Change("~", "rule", f"{was}: {points_before}", f"{now}: {points}")]


def _row(row: Mapping[str, Any], part: Mapping[str, Any]) -> tuple[str, str, str]:
    """(what it says, "", its points), of a row of a valid card."""
    kind = part["kind"]
    if kind == "bands":
        words = Band.model_validate(row).sentence(part.get("unit", ""))
    elif kind == "any_of":
        words = Group.model_validate(row).sentence()
    elif kind == "rules":
        words = Rule.model_validate(row).sentence()
    else:
        words = f'"{row["needle"]}"'
    return words, "", f"{value_in_words(row['points'])} points"


def _tiers(before: list[Any], after: list[Any]) -> Section:
    pairs = {at: at for at in range(len(after))} if len(before) == len(after) else pair_rows(before, after)
    differences = []
    for at, tier in enumerate(after):
        if at not in pairs:
            differences.append(Change("+", tier["name"], "", _threshold(tier)))
            continue
        old = before[pairs[at]]
        if old["name"] != tier["name"]:
            differences.append(Change("~", "name of a tier", old["name"], tier["name"]))
        if old.get("at_least") != tier.get("at_least"):
            differences.append(Change("~", f"{tier['name']} begins at", _threshold(old), _threshold(tier)))
    kept = set(pairs.values())
    differences += [Change("-", tier["name"], _threshold(tier)) for at, tier in enumerate(before) if at not in kept]
    return Section("Tiers", differences)


def _threshold(tier: Mapping[str, Any]) -> str:
    return f"{value_in_words(tier['at_least'])} points" if tier.get("at_least") is not None else "every other lead"


def value_in_words(value: Any) -> str:
    """A value of a document in words."""
    if value is MISSING:
        return "taken away"
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int | float):
        return with_separators(value)
    if isinstance(value, list):
        return ", ".join(value_in_words(each) for each in value)
    if isinstance(value, dict):
        return "; ".join(f"{name.replace('_', ' ')} {value_in_words(each)}" for name, each in value.items())
    return {"substring": "anywhere in the text", "word": "as a whole word"}.get(str(value), str(value))


@dataclass(frozen=True)
class DescribedSection:
    """A part of a card in words: (what, its points) a line."""

    title: str
    lines: list[tuple[str, str]]


def describe_card(document: Mapping[str, Any]) -> list[DescribedSection]:
    """Everything a valid card says."""
    parts = [
        DescribedSection(
            f"{part['label']}, at most {value_in_words(part['cap'])} points",
            [(what, points) for what, _, points in (_row(row, part) for row in part[ROWS[part["kind"]]])],
        )
        for part in document["components"]
    ]
    tiers = [(tier["name"], _threshold(tier)) for tier in document["tiers"]]
    return [*parts, DescribedSection(f"Tiers, of at most {value_in_words(document['cap'])} points", tiers)]


# ---------------------------------------------------------------- conflicts of a merge


def describe_conflict(conflict: Conflict, base: Mapping[str, Any]) -> Choice:
    """The place and its three values in words."""
    part: Mapping[str, Any] | None = None
    at: Any = base
    said_so_far: list[str] = []
    for step in conflict.path.split("."):
        at = _step(at, step)
        if isinstance(at, dict) and "label" in at:
            part = at
            said_so_far = [str(at["label"])]
        elif _is_token(step):
            said_so_far.append(_row_in_words(at, part))
        elif step not in ("components", *ROWS.values()):
            said_so_far.append(SETTINGS.get(step, step.replace("_", " ")))
    before, theirs, yours = (
        value_in_words(value) if not conflict.is_order else _order_in_words(value, part)
        for value in (conflict.base, conflict.theirs, conflict.yours)
    )
    where = ", ".join(step for step in said_so_far if step)
    return Choice(conflict.path, where, before, theirs, yours, conflict.choice)


def _is_token(step: str) -> bool:
    return step[:1] in "bty" and parse_int(step[1:]) is not None


def _step(at: Any, step: str) -> Any:
    if isinstance(at, dict):
        return at.get(step)
    place = parse_int(step[1:]) if step.startswith("b") else None
    return at[place] if isinstance(at, list) and place is not None and place < len(at) else None


def _row_in_words(row: Any, part: Mapping[str, Any] | None) -> str:
    if isinstance(row, dict) and part is not None:
        with contextlib.suppress(ValueError, KeyError):
            return _row(row, part)[0]
    if isinstance(row, dict):
        return str(row.get("name") or row.get("label") or "row")
    return value_in_words(row) if isinstance(row, str) else "new row"


def _order_in_words(rows: Any, part: Mapping[str, Any] | None) -> str:
    return " → ".join(_row_in_words(row, part) for row in rows)
