"""The routine in use and its mapping, as it is kept with the connection to Clay."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.conf import settings
from django.db import transaction

from enrichment.clay_routines.fields import INPUT_LABELS, OUTPUT_COLUMNS
from enrichment.models import Connection
from gdpr import audit
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed

INPUTS_MOST: Final = 30
OUTPUTS_MOST: Final = 60
NAME_LENGTH: Final = 100
# `function:` and the table's id, or `workflow:` and the workflow's.
_ROUTINE = re.compile(r"(?:function|workflow):[\w.-]{1,80}", re.ASCII)


@dataclass(frozen=True)
class Input:
    """An input of the routine by its `name` there, the `field` of ours it is given, and whether a run needs it."""

    name: str
    field: str
    required: bool = False


# What a routine over people takes, until somebody has mapped it.
DEFAULT_INPUTS: Final = (
    Input("full_name", "full_name", required=True),
    Input("company_name", "company_name", required=True),
    Input("company_domain", "company_domain"),
    Input("linkedin_url", "linkedin_url"),
)


@dataclass(frozen=True)
class RoutineSetup:
    """`outputs`: {name in a result: our column}; empty: told by the names themselves."""

    routine_id: str
    inputs: tuple[Input, ...] = DEFAULT_INPUTS
    outputs: Mapping[str, str] = field(default_factory=dict)


def routine_id() -> str:
    """The one of CLAY_ROUTINE_ID, else the one chosen on Connections; "" where there is none."""
    return str(settings.CLAY_ROUTINE_ID).strip() or current().routine_id


def current() -> RoutineSetup:
    """As it is saved; what is damaged in it counts as not mapped."""
    kept = Connection.objects.filter(system="clay").first()
    chosen = str(settings.CLAY_ROUTINE_ID).strip()
    if kept is None:
        return RoutineSetup(chosen)
    order = list(INPUT_LABELS)  # JSON keeps none
    inputs = tuple(sorted(_inputs(kept.routine_inputs), key=lambda each: (order.index(each.field), each.name)))
    mapped = [(name, column) for name, column in kept.routine_outputs.items() if column in OUTPUT_COLUMNS]
    outputs = dict(sorted(mapped, key=lambda pair: OUTPUT_COLUMNS.index(pair[1])))
    return RoutineSetup(chosen or kept.routine_id, inputs or DEFAULT_INPUTS, outputs)


def _inputs(kept: Mapping[str, Any]) -> Iterable[Input]:
    """A bare text is the field of an input that is not needed."""
    for name, told in kept.items():
        given = told if isinstance(told, Mapping) else {"field": told}
        if given.get("field") in INPUT_LABELS:
            yield Input(name, str(given["field"]), required=bool(given.get("required")))


def save(*, routine: str, inputs: Iterable[Input], outputs: Mapping[str, str], by: Any) -> RoutineSetup:
    """Keep the routine's id and mapping.

    Raises:
        ActionNotAllowed: what is wrong with it, in a sentence.
    """
    made = RoutineSetup(routine.strip(), tuple(inputs), {name: column for name, column in outputs.items() if column})
    _check(made)
    with transaction.atomic():
        kept, _ = Connection.objects.select_for_update().get_or_create(system="clay")
        kept.routine_id = made.routine_id
        kept.routine_inputs = {each.name: {"field": each.field, "required": each.required} for each in made.inputs}
        kept.routine_outputs = dict(made.outputs)
        kept.save(update_fields=["routine_id", "routine_inputs", "routine_outputs"])
        audit.record(
            Verb.SET_UP_CLAY_ROUTINE,
            by=by,
            on=kept,
            fields={"routine_id": made.routine_id},
            counts={"inputs": len(made.inputs), "outputs": len(made.outputs)},
        )
    return made


def check_routine_id(routine: str) -> None:
    """Raises ActionNotAllowed."""
    if not _ROUTINE.fullmatch(routine):
        raise ActionNotAllowed("A routine ID starts with function: or workflow:, followed by the ID in Clay.")


def _check(made: RoutineSetup) -> None:
    check_routine_id(made.routine_id)
    names = [each.name for each in made.inputs]
    if not names:
        raise ActionNotAllowed("Map at least one input, or the routine has nobody to look for.")
    if len(names) > INPUTS_MOST or len(made.outputs) > OUTPUTS_MOST:
        raise ActionNotAllowed(f"At most {INPUTS_MOST} inputs and {OUTPUTS_MOST} results can be mapped.")
    for name in (*names, *made.outputs):
        if not name or len(name) > NAME_LENGTH or not name.isprintable():
            raise ActionNotAllowed(f"A name has 1 to {NAME_LENGTH} characters, as it stands in Clay.")
    for name in names:
        if names.count(name) > 1:
            raise ActionNotAllowed(f"The input {name} is mapped twice.")
    if unknown := {each.field for each in made.inputs} - set(INPUT_LABELS):
        raise ActionNotAllowed(f"There is no field {min(unknown)} to give.")
    columns = list(made.outputs.values())
    for column in columns:
        if column not in OUTPUT_COLUMNS:
            raise ActionNotAllowed(f"There is no column {column} to fill.")
        if columns.count(column) > 1:
            raise ActionNotAllowed(f"Two results are mapped to {column}.")
