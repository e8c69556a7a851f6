"""Routines with their inputs and outputs, and the runs of them, in memory."""

import time
from dataclasses import dataclass, field
from typing import Any

from swarm_admin.sandbox import waterfall
from swarm_admin.sandbox.clay_cells import ENRICHED, Enrichment
from swarm_admin.sandbox.people import plain, slug_of

RUNNING = "in_progress"
TYPES: dict[str, type | tuple[type, ...]] = {"string": str, "number": (int, float), "boolean": bool, "array": list}
PROVIDERS = ("email_provider", "phone_provider", "company_provider", "techstack_provider")


@dataclass(frozen=True)
class Input:
    """One input of a routine: our column it stands for, its type, and whether a run needs it."""

    column: str
    type: str = "string"
    required: bool = False

    def complaint(self, value: Any) -> str:
        """What is wrong with a value; empty when nothing is."""
        if value in (None, ""):
            return "Required" if self.required else ""
        return "" if isinstance(value, TYPES[self.type]) else f"Expected {self.type}"


def person_inputs() -> dict[str, Input]:
    """Those of a routine over people, where a control call names none."""
    return {
        "full_name": Input("full_name", required=True),
        "company_name": Input("company_name", required=True),
        "company_domain": Input("company_domain"),
        "linkedin_url": Input("linkedin_url"),
    }


@dataclass
class Routine:
    """A function or workflow of the workspace."""

    id: str
    inputs: dict[str, Input] = field(default_factory=person_inputs)
    outputs: dict[str, str] = field(  # name in a result → our column
        default_factory=lambda: {name: name for name in (*ENRICHED, *PROVIDERS, "cost", "credits")}
    )
    waterfalls: dict[str, Any] = field(default_factory=lambda: dict(waterfall.DEFAULT))
    not_found: str = "empty"  # "failed": an item of which nothing is known fails
    wrong_inputs: str = "refused"  # by a 400; "failed": the run is accepted, and the item fails

    def set_up(self, document: dict[str, Any]) -> None:
        """Takes what a control call says. Raises ValueError."""
        for name, value in document.items():
            if name not in ("inputs", "outputs", "waterfalls", "not_found", "wrong_inputs"):
                raise ValueError(f"unknown: {name}")
            if not isinstance(value, type(getattr(self, name))):
                raise ValueError(f"{name} has the wrong type")  # noqa: TRY004 - answered as a 400
        if complaint := waterfall.complaint(document.get("waterfalls", {})):
            raise ValueError(complaint)
        try:
            inputs = {name: Input(**each) for name, each in document.get("inputs", {}).items()}
        except TypeError as error:
            raise ValueError("an input has a column, and may have a type and required") from error
        if unknown := {each.type for each in inputs.values()} - set(TYPES):
            raise ValueError(f"unknown type: {', '.join(sorted(unknown))}")
        for name, value in (document | ({"inputs": inputs} if inputs else {})).items():
            setattr(self, name, value)

    def complaints(self, inputs: dict[str, Any]) -> list[tuple[str, str]]:
        """(input, what is wrong with it). Inputs the routine does not have are passed over in silence."""
        found = [(name, each.complaint(inputs.get(name))) for name, each in self.inputs.items()]
        return [(name, complaint) for name, complaint in found if complaint]

    def row_of(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """The inputs as columns, with a LinkedIn address made of the name where none is given."""
        row = {each.column: inputs[name] for name, each in self.inputs.items() if inputs.get(name) not in (None, "")}
        first, _, last = str(row.pop("full_name", "")).partition(" ")
        row = {"first_name": first, "last_name": last} | row
        if domain := row.pop("company_domain", ""):
            row.setdefault("company_name", str(domain).partition(".")[0].capitalize())
        if not slug_of(row.get("linkedin_url")):
            words = [plain(str(row.get(name, ""))) for name in ("first_name", "last_name", "company_name")]
            row["linkedin_url"] = f"https://www.linkedin.com/in/{'-'.join(word for word in words if word)}"
        return row

    def result_of(self, done: Enrichment) -> dict[str, Any]:
        """The result of an item: every output, empty where nothing was found."""
        values = done.values()
        return {name: values.get(column, "") for name, column in self.outputs.items()}


@dataclass
class Item:
    """One item of a run."""

    id: str
    inputs: dict[str, Any]
    status: str = RUNNING
    result: dict[str, Any] | None = None
    error: str = ""

    def fail(self, message: str) -> None:
        """It ends with an error."""
        self.status, self.error = "failed", message

    def shown(self) -> dict[str, Any]:
        """As the API answers it."""
        answer: dict[str, Any] = {"id": self.id, "status": self.status}
        if self.result is not None:
            answer["result"] = self.result
        if self.error:
            answer["error"] = {"message": self.error}
        return answer


@dataclass
class RoutineRun:
    """A run over items; `mode` is "inline" or "batch"."""

    id: str
    routine: str
    mode: str
    items: list[Item]
    webhook_id: str = ""
    status: str = RUNNING
    error: dict[str, Any] | None = None  # of a batch that did not come to its items
    ended: float | None = None

    @property
    def finished(self) -> int:
        """Items that have ended."""
        return sum(item.status != RUNNING for item in self.items)

    def end(self, status: str) -> None:
        """It ends with that word."""
        self.status, self.ended = status, time.monotonic()

    def head(self) -> dict[str, Any]:
        """What every answer about it has."""
        return {
            "routine_run_id": self.id,
            "status": self.status,
            "finished": self.finished,
            "total": len(self.items),
        }
