"""A lead as an item of a run."""

from enrichment.clay_routines.fields import INPUT_LABELS, value_of
from enrichment.clay_routines.setup import RoutineSetup
from enrichment.models import Lead
from enrichment.vendors.clay.wire import RunItem


def run_item(setup: RoutineSetup, lead: Lead, reference: str) -> RunItem:
    """Its inputs by the routine's names; what the lead lacks is left out. `reference` comes back with the result."""
    values = {each.name: value_of(lead, each.field) for each in setup.inputs}
    return RunItem(reference, {name: value for name, value in values.items() if value})


def missing_inputs(setup: RoutineSetup, lead: Lead) -> list[str]:
    """The labels of what a run needs and the lead lacks: Clay would refuse or charge it for nothing."""
    needed = (each.field for each in setup.inputs if each.required)
    missing = [INPUT_LABELS[name] for name in needed if not value_of(lead, name)]
    if missing or any(value_of(lead, each.field) for each in setup.inputs):
        return missing
    return [INPUT_LABELS[each.field] for each in setup.inputs]
