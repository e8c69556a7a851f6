"""What delivering a lead again would do: which systems, how many calls to each, and when."""

from dataclasses import dataclass

from enrichment.estimates.estimating import Work, estimate
from enrichment.models import Handover, Lead
from enrichment.pipeline.deliver.planning import OPEN
from enrichment.pipeline.payload import is_deliverable
from enrichment.vendor_pauses import pauses
from enrichment.vendor_pauses import words as hold_words
from enrichment.vendors import registry


@dataclass(frozen=True)
class Step:
    """One system. `calls`: at most, without what is tried again; 0 where nothing is sent, and `when` says why."""

    system: str
    name: str
    what: str
    calls: int
    when: str


def steps(lead: Lead) -> list[Step]:
    """A step for every system, those to which nothing goes as well."""
    under_way = set(Handover.objects.filter(lead=lead, status__in=OPEN).values_list("system", flat=True))
    return [_step(lead, system, system in under_way) for system in registry.delivering()]


def _step(lead: Lead, system: str, under_way: bool) -> Step:
    channel, name = registry.delivery_to(system), registry.name_of(system)
    if not is_deliverable(lead, system):
        return Step(system, name, "Nothing", 0, "Not eligible: contact data or tier.")
    if under_way:
        return Step(system, name, "Nothing more", 0, "A delivery is already in progress.")
    known = getattr(lead, channel.reference)
    what = "Update the existing record" if known else "Create a record, or use the one found"
    if hold := pauses.open_pause(system):
        return Step(system, name, what, channel.calls, f"When {name} resumes. {hold_words.sentence(hold)}")
    when = estimate(Work(deliveries={system: 1})).words
    return Step(system, name, what, channel.calls, f"In {when}, after deliveries already queued.")
