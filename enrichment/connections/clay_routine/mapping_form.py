"""The mapping as a form: a line for each input and each result, and some empty ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from enrichment.clay_routines.fields import INPUT_LABELS, OUTPUT_COLUMNS, RUN_LABELS, guess_input, guess_output
from enrichment.clay_routines.setup import INPUTS_MOST, NAME_LENGTH, OUTPUTS_MOST, Input, RoutineSetup
from enrichment.labels import field_label
from swarm_admin.core.errors import ActionNotAllowed

EMPTY_LINES: Final = 4


@dataclass(frozen=True)
class Line:
    """`target`: our field or column; "" lets the name tell it."""

    name: str = ""
    target: str = ""
    required: bool = False


@dataclass(frozen=True)
class MappingForm:
    """What the page shows in its fields, be it saved or just posted."""

    routine_id: str
    inputs: list[Line]
    outputs: list[Line]

    @classmethod
    def of(cls, setup: RoutineSetup) -> "MappingForm":
        """As it is saved."""
        inputs = [Line(each.name, each.field, each.required) for each in setup.inputs]
        outputs = [Line(name, column) for name, column in setup.outputs.items()]
        return cls(setup.routine_id, [*inputs, *_empty()], [*outputs, *_empty()])

    @classmethod
    def posted(cls, data: Mapping[str, str]) -> "MappingForm":
        """As a person filled it in; lines without a name are left out, a target that was not chosen is guessed."""
        inputs = [
            Line(name, data.get(f"in-field-{n}", "") or guess_input(name), bool(data.get(f"in-required-{n}")))
            for n in range(INPUTS_MOST + EMPTY_LINES)
            if (name := data.get(f"in-name-{n}", "").strip())
        ]
        outputs = [
            Line(name, data.get(f"out-column-{n}", "") or guess_output(name))
            for n in range(OUTPUTS_MOST + EMPTY_LINES)
            if (name := data.get(f"out-name-{n}", "").strip())
        ]
        return cls(data.get("routine", "").strip()[:NAME_LENGTH], inputs, outputs)

    def given_inputs(self) -> list[Input]:
        """As `setup.save` takes them."""
        return [Input(line.name, line.target, line.required) for line in self.inputs]

    def given_outputs(self) -> dict[str, str]:
        """As `setup.save` takes them."""
        return {line.name: line.target for line in self.outputs}

    def check(self) -> None:
        """Raises ActionNotAllowed where a name stands for nothing of ours and nothing was chosen."""
        for lines, ours in ((self.inputs, "field"), (self.outputs, "column")):
            if untold := next((line.name for line in lines if not line.target), ""):
                raise ActionNotAllowed(f"Choose our {ours} for {untold[:NAME_LENGTH]}: its name doesn't tell.")

    def with_empty_lines(self) -> "MappingForm":
        """To be shown again."""
        return MappingForm(self.routine_id, [*self.inputs, *_empty()], [*self.outputs, *_empty()])


def _empty() -> list[Line]:
    return [Line() for _ in range(EMPTY_LINES)]


def input_choices() -> list[tuple[str, str]]:
    """(our field, label)."""
    return list(INPUT_LABELS.items())


def output_choices() -> list[tuple[str, str]]:
    """(our column, label): values of the lead first, then what is told of the run."""
    return [(column, output_label(column)) for column in OUTPUT_COLUMNS]


def output_label(column: str) -> str:
    label = RUN_LABELS.get(column) or field_label(column)
    return label[:1].upper() + label[1:]
