"""State machines: a table {from: {to, …}} per machine, and `advance()`, the only writer of a status."""

from typing import Any

from django.db import models

TRANSITIONS: dict[type[models.TextChoices], dict[Any, set[Any]]] = {}


class InvalidTransition(Exception):
    """A status was asked for that cannot follow the present one."""


def declare(machine: type[models.TextChoices], table: dict[Any, set[Any]]) -> None:
    """Make a machine known; every status of it must have its line."""
    if set(table) != set(machine):
        raise ValueError(f"{machine.__name__} has statuses without transitions")
    TRANSITIONS[machine] = table


def sources(after: models.TextChoices) -> list[str]:
    """The statuses that may be followed by `after`, for a conditional UPDATE."""
    return [before.value for before, to in TRANSITIONS[type(after)].items() if after in to]


def advance(queryset: models.QuerySet[Any], after: models.TextChoices, **values: Any) -> int:
    """Move every row of `queryset` that may go to `after` there, in one conditional UPDATE.

    Returns how many rows moved; a row already in `after`, or one whose status changed under us, is not among
    them. `values` are further columns written with it.
    """
    return queryset.filter(status__in=sources(after)).update(status=after, **values)


def advance_one(row: models.Model, after: models.TextChoices, **values: Any) -> None:
    """Move one row, and the object in hand with it.

    Raises InvalidTransition when the row's stored status cannot be followed by `after`.
    """
    if not advance(type(row)._default_manager.filter(pk=row.pk), after, **values):
        raise InvalidTransition(f"{type(row).__name__} {row.pk}: no way to {after}")
    for name, value in {"status": after, **values}.items():
        setattr(row, name, value)


def diagram(machine: type[models.TextChoices]) -> str:
    """The machine as a Mermaid state diagram."""
    lines = ["stateDiagram-v2"]
    for before, after in TRANSITIONS[machine].items():
        lines += [f"    {before} --> {to}" for to in sorted(after)] or [f"    {before} --> [*]"]
    return "\n".join(lines)
