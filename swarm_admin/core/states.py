"""State machines: a table {from: {to, …}} for each, and `advance()` and its kin, the only writers of a status."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import models

from swarm_admin.core.bulk_sql import update_each

TRANSITIONS: dict[type[models.TextChoices], dict[Any, set[Any]]] = {}


class InvalidTransition(Exception):
    """A status was asked for that cannot follow the present one."""


def declare(machine: type[models.TextChoices], table: dict[Any, set[Any]]) -> None:
    """Make a machine known; every status of it must have its line."""
    if set(table) != set(machine):
        raise ValueError(f"{machine.__name__} has statuses without transitions")
    TRANSITIONS[machine] = table


def can_transition(before: models.TextChoices, after: models.TextChoices) -> bool:
    """True when `after` may follow `before` in their machine."""
    return after in TRANSITIONS[type(after)][type(after)(before)]


def sources(after: models.TextChoices) -> list[str]:
    """The statuses that may be followed by `after`, for a conditional UPDATE."""
    return [before.value for before, to in TRANSITIONS[type(after)].items() if after in to]


def advance(queryset: models.QuerySet[Any], after: models.TextChoices, *, field: str = "status", **values: Any) -> int:
    """Move every row of `queryset` that may go to `after` there, in one conditional UPDATE.

    Returns how many rows moved; a row whose status changed under us is not among them. `values` are
    further columns written with it. A row already in `after` is left alone and not counted.
    """
    return queryset.filter(**{f"{field}__in": sources(after)}).update(**{field: after, **values})


def advance_each(
    model: type[models.Model],
    rows: Mapping[int, Mapping[str, Any]],
    *,
    field: str = "status",
    staying: bool = False,
    where: str = "TRUE",
    parameters: Sequence[Any] = (),
) -> set[int]:
    """Move each row to the status of its own that `rows` gives beside its other columns, in one statement.

    Returns the keys of those that moved: one whose present status cannot be followed is not among them.
    `staying`: a row may also keep its status. `where` and `parameters` as `bulk_sql.update_each` takes them.
    """
    if not rows:
        return set()
    machine = type(next(iter(rows.values()))[field])
    ways = [f"{before}>{after}" for before, to in TRANSITIONS[machine].items() for after in to]
    ways += [f"{each.value}>{each.value}" for each in machine] if staying else []
    allowed = f"present.{field} || '>' || given.{field} = ANY(%s)"
    return update_each(model, rows, where=f"{allowed} AND ({where})", parameters=[ways, *parameters])


def advance_one(row: models.Model, after: models.TextChoices, *, field: str = "status", **values: Any) -> None:
    """Move one row, and the object in hand with it.

    Raises InvalidTransition when the row's stored status cannot be followed by `after`.
    """
    moved = advance(type(row)._default_manager.filter(pk=row.pk), after, field=field, **values)
    if not moved:
        raise InvalidTransition(f"{type(row).__name__} {row.pk}: no way from {getattr(row, field)} to {after}")
    for name, value in {field: after, **values}.items():
        setattr(row, name, value)


def diagram(machine: type[models.TextChoices]) -> str:
    """The machine as a Mermaid state diagram."""
    lines = ["stateDiagram-v2"]
    for before, after in TRANSITIONS[machine].items():
        lines += [f"    {before} --> {to}" for to in sorted(after)] or [f"    {before} --> [*]"]
    return "\n".join(lines)
