"""Two people's edits of one document, merged field by field; what both changed differently is for a person to choose.

Rows of a list have no keys of their own. They are recognised by what they say: the same row, else the one with the
same name, else the most alike. So a range that one person moved and another one gave more points is one range.
A tier is its place as much as its name: one with another name is the same where that alone is different, or where
it stands in the same place of as many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Any = _Missing()
NAMES = ("id", "name", "needle")  # by which a row is known, whatever else it says


@dataclass(frozen=True)
class Conflict:
    """One place that both changed. `path`: its address in this merge; MISSING where a side took it away."""

    path: str
    base: Any
    theirs: Any
    yours: Any
    choice: str

    @property
    def is_order(self) -> bool:
        return self.path.endswith(".order")


@dataclass
class Merged:
    """`document` with the choices made; a conflict nobody has chosen for yet is as in yours."""

    document: Any = None
    conflicts: list[Conflict] = field(default_factory=list)

    @property
    def open(self) -> list[Conflict]:
        return [conflict for conflict in self.conflicts if not conflict.choice]


@dataclass(frozen=True)
class Rows:
    """A list whose items have tokens, the same in all three documents for the same row."""

    order: list[str]
    items: dict[str, Any]


def merge(base: Any, theirs: Any, yours: Any, choices: Mapping[str, str] | None = None) -> Merged:
    """`yours` over `theirs`, which both began as `base`. `choices`: {path of a conflict: "theirs" or "yours"}."""
    ours = _keyed(base, base, "b")
    other = _keyed(theirs, base, "t")
    mine = _keyed(yours, base, "y", other)
    merged = Merged()
    merged.document = _plain(_merge(ours, other, mine, "", choices or {}, merged.conflicts))
    return merged


def pair_rows(base: Sequence[Any], other: Sequence[Any]) -> dict[int, int]:
    """{index in `other`: index in `base`} of the rows that are the same row."""
    free = list(range(len(base)))
    pairs: dict[int, int] = {}

    def take(at: int, of: int) -> None:
        pairs[at] = of
        free.remove(of)

    for at, row in enumerate(other):
        if (same := next((of for of in free if base[of] == row), None)) is not None:
            take(at, same)
    left = [at for at, row in enumerate(other) if at not in pairs and isinstance(row, dict)]
    for at in left:
        if named := [of for of in free if _name(base[of]) and _name(base[of]) == _name(other[at])]:
            take(at, named[0])
    for at in left:
        if at not in pairs and (of := _renamed(base, other, at, free)) is not None:
            take(at, of)
    ranked = [(_likeness(base[of], other[at]), -abs(of - at), at, of) for at in left if at not in pairs for of in free]
    for likeness, _, at, of in sorted(ranked, key=lambda each: (-each[0], -each[1], each[2])):
        if likeness > 0 and at not in pairs and of in free:
            take(at, of)
    return pairs


def _name(row: Any) -> Any:
    return next((row[name] for name in NAMES if isinstance(row, dict) and row.get(name)), None)


def _renamed(base: Sequence[Any], other: Sequence[Any], at: int, free: Sequence[int]) -> int | None:
    """Which of the `free` tiers of `base` the one at `at` was before it was given another name."""
    if "name" not in other[at]:
        return None
    rest = {**other[at], "name": ""}
    same = [of for of in free if isinstance(base[of], dict) and {**base[of], "name": ""} == rest]
    placed = [at] if len(base) == len(other) and at in free else []
    return next(iter(same + placed), None)


def _likeness(a: Any, b: Any) -> int:
    """How many of their fields say the same; 0 where both have a name, and not the same."""
    if not isinstance(a, dict) or not isinstance(b, dict) or (_name(a) and _name(b)):
        return 0
    return sum(a[key] == b[key] or _overlap(a[key], b[key]) for key in a.keys() & b.keys())


def _overlap(a: Any, b: Any) -> bool:
    return isinstance(a, list) and isinstance(b, list) and any(each in b for each in a)


# ---------------------------------------------------------------- tokens for rows


def _keyed(value: Any, base: Any, side: str, other: Any = None) -> Any:
    """`value` with its lists as Rows. `other`: the keyed document of the other side, for rows both have added."""
    if isinstance(value, dict):
        return {
            key: _keyed(
                each,
                base.get(key) if isinstance(base, dict) else None,
                side,
                other.get(key) if isinstance(other, dict) else None,
            )
            for key, each in value.items()
        }
    if not isinstance(value, list):
        return value
    known = base if isinstance(base, list) else []
    pairs, added = pair_rows(known, value), _added(other)
    order, items = [], {}
    for at, row in enumerate(value):
        token = f"b{pairs[at]}" if at in pairs else _new_token(row, f"{side}{at}", added)
        theirs = other.items.get(token) if isinstance(other, Rows) else None
        items[token] = _keyed(row, known[pairs[at]] if at in pairs else None, side, theirs)
        order.append(token)
    return Rows(order, items)


def _added(other: Any) -> dict[str, Any]:
    """The rows that the other side has added, as plain values."""
    if not isinstance(other, Rows):
        return {}
    return {token: _plain(other.items[token]) for token in other.order if not token.startswith("b")}


def _new_token(row: Any, own: str, added: dict[str, Any]) -> str:
    """Of a row that the base does not have; the same as the other side's where both have added it."""
    same = next((token for token, each in added.items() if each == row), "")
    named = next((token for token, each in added.items() if _name(row) and _name(each) == _name(row)), "")
    token = same or named or own
    added.pop(token, None)
    return token


def _plain(value: Any) -> Any:
    if isinstance(value, Rows):
        return [_plain(value.items[token]) for token in value.order]
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value


# ---------------------------------------------------------------- three documents


def _merge(base: Any, theirs: Any, yours: Any, path: str, choices: Mapping[str, str], found: list[Conflict]) -> Any:
    if _same(theirs, yours) or _same(yours, base):
        return theirs
    if _same(theirs, base):
        return yours
    if isinstance(theirs, dict) and isinstance(yours, dict):
        whole = base if isinstance(base, dict) else {}
        keys = [
            *theirs,
            *(key for key in yours if key not in theirs),
            *(k for k in whole if k not in theirs and k not in yours),
        ]
        merged = {
            key: _merge(
                whole.get(key, MISSING),
                theirs.get(key, MISSING),
                yours.get(key, MISSING),
                f"{path}.{key}".lstrip("."),
                choices,
                found,
            )
            for key in keys
        }
        return {key: value for key, value in merged.items() if value is not MISSING}
    if isinstance(theirs, Rows) and isinstance(yours, Rows):
        return _merge_rows(base if isinstance(base, Rows) else Rows([], {}), theirs, yours, path, choices, found)
    return _choose(base, theirs, yours, path, choices, found)


def _same(a: Any, b: Any) -> bool:
    return a is b or (a is not MISSING and b is not MISSING and bool(a == b))


def _choose(base: Any, theirs: Any, yours: Any, path: str, choices: Mapping[str, str], found: list[Conflict]) -> Any:
    choice = choices.get(path, "")
    choice = choice if choice in ("theirs", "yours") else ""
    before, other, own = (side if side is MISSING else _plain(side) for side in (base, theirs, yours))
    found.append(Conflict(path, before, other, own, choice))
    return theirs if choice == "theirs" else yours


def _merge_rows(
    base: Rows, theirs: Rows, yours: Rows, path: str, choices: Mapping[str, str], found: list[Conflict]
) -> Rows:
    items = {}
    for token in dict.fromkeys([*theirs.order, *yours.order]):
        before, other, own = (rows.items.get(token, MISSING) for rows in (base, theirs, yours))
        merged = _merge(before, other, own, f"{path}.{token}", choices, found)
        if merged is not MISSING:
            items[token] = merged
    first, second = _order(base, theirs, yours, path, choices, found)
    order = list(first)
    for at, token in enumerate(second):
        if token not in order:
            before = next((each for each in reversed(second[:at]) if each in order), None)
            order.insert(order.index(before) + 1 if before else 0, token)
    return Rows([token for token in order if token in items], items)


def _order(
    base: Rows, theirs: Rows, yours: Rows, path: str, choices: Mapping[str, str], found: list[Conflict]
) -> tuple[list[str], list[str]]:
    """The order that counts, and the one whose further rows are put in."""
    common = [token for token in base.order if token in theirs.items and token in yours.items]
    was, their, your = common, _of(theirs, common), _of(yours, common)
    if your in (was, their):
        return theirs.order, yours.order
    if their == was:
        return yours.order, theirs.order
    names = {token: _plain(base.items[token]) for token in common}
    before, other, own = ([names[token] for token in order] for order in (was, their, your))
    place = f"{path}.order"
    choice = choices.get(place, "") if choices.get(place) in ("theirs", "yours") else ""
    found.append(Conflict(place, before, other, own, choice))
    return (theirs.order, yours.order) if choice == "theirs" else (yours.order, theirs.order)


def _of(rows: Rows, tokens: list[str]) -> list[str]:
    return [token for token in rows.order if token in tokens]
