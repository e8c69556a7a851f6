"""What came of an item of a run, as a row of the mirror."""

import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from enrichment.clay_routines.fields import guess_output
from enrichment.clay_routines.setup import RoutineSetup
from enrichment.vendors.answers import mask
from enrichment.vendors.clay.callback import Callback, Known, read_document
from enrichment.vendors.clay.wire import ClayRow, RunResult
from swarm_admin.core.identifiers.linkedin import canonical

COMPLETE: Final = "complete"  # the one word of Clay's that means success
FAILED: Final = "failed"
DEEPEST: Final = 3  # levels of objects in a result whose names are joined by dots
MOST_NAMES: Final = 300
OTHER_NAMES_KEPT: Final = 40
OTHER_NAMES: Final = "_unmapped"  # in the raw row: names that came and are mapped to nothing
# "No result found", "person not found": there is nobody, which is no failure of ours or Clay's.
_NOBODY = re.compile(r"\b(?:no (?:result|match|data|profile|person)|not found|could ?n[o']t (?:be found|find))", re.I)


@dataclass(frozen=True)
class Outcome:
    """`row`: as `applying.RowUpdate` takes it. `error`: as an event tells one; what a success says besides, too.

    `other_person`: the result names another LinkedIn profile than the lead's.
    """

    row: ClayRow
    error: dict[str, str] | None
    succeeded: bool = True
    other_person: bool = False


def read(result: RunResult, setup: RoutineSetup, *, linkedin_url: str, at: datetime.datetime, known: Known) -> Outcome:
    """Of a lead with that address; `at` is the aware time of the run, the same however often it is read.

    Values come as text, and stay so: the mirror reads them as its types.
    """
    values, other_names = _mapped(result.result, setup.outputs)
    told = read_document({**values, "swarm_ref": result.id}, at, known)
    raw = {**told.row.raw, "linkedin_url": linkedin_url}
    if other_names:
        raw[OTHER_NAMES] = other_names[:OTHER_NAMES_KEPT]
    row = ClayRow(id="", values={**told.row.values, "linkedin_url": linkedin_url}, raw=raw)
    return Outcome(
        row,
        _error(result, told),
        succeeded=result.status == COMPLETE,
        other_person=_is_other(told.linkedin_url, linkedin_url),
    )


def _error(result: RunResult, told: Callback) -> dict[str, str] | None:
    if result.status == COMPLETE:
        return {"message": told.trouble} if told.trouble else None
    if result.status != FAILED:
        word = mask(result.status) or "nothing"
        return {"message": f"Clay ended this item as {word}, which is no success"}
    words = result.error or told.trouble or "Clay gave no reason"
    return {"message": words, **({"code": "not_found"} if _NOBODY.search(words[:500]) else {})}


def _mapped(result: Mapping[str, Any], outputs: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """({our column: value}, names that stand for nothing). Our own names win over those that are guessed."""
    values: dict[str, Any] = {}
    others: list[str] = []
    flat = dict(_flat(result))
    for name in sorted(flat, key=lambda each: outputs.get(each) != each and guess_output(each) != each):
        column = outputs.get(name, "") if outputs else guess_output(name)
        if not column:
            others.append(name[:100])
        elif column not in values:
            values[column] = flat[name]
    return values, sorted(others)


def _flat(result: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """(name, value), the names of objects within objects joined by dots; at most MOST_NAMES."""
    waiting: list[tuple[str, Any, int]] = [("", result, 0)]
    left = MOST_NAMES
    while waiting and left:
        path, value, depth = waiting.pop()
        if isinstance(value, Mapping) and depth < DEEPEST:
            inner = list(value.items())[:MOST_NAMES]
            waiting.extend((f"{path}.{name}" if path else str(name), each, depth + 1) for name, each in reversed(inner))
        elif path:
            left -= 1
            yield path, value


def _is_other(told: str, linkedin_url: str) -> bool:
    try:
        return bool(told) and canonical(told) != linkedin_url
    except ValueError:
        return False
