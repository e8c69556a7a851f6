"""The ways to Clay, each with what it can and cannot do: made of the connectors' capabilities."""

from dataclasses import dataclass
from typing import Final

from django.conf import settings

from enrichment.models import Connection
from enrichment.vendors.capabilities import Capability as Can
from enrichment.vendors.clay.chosen import CONNECTORS, connector_slug

# What each capability is to whoever uses the product, and what to do where it is lacking; in the order of the table.
LINES: Final[dict[Can, tuple[str, str]]] = {
    Can.CREATE: ("Send leads to Clay", ""),
    Can.TRIGGER: (
        "Start enrichment of a row that exists",
        "Every run is a new submission: sending a lead again enriches it again, and costs again.",
    ),
    Can.SKIP_PROVIDER: (
        "Choose the data providers from here",
        "Set the waterfalls up in Clay. The Waterfall page lists what to set and compares it with the results.",
    ),
    Can.RECEIVE_ROW: (
        "Whole rows are posted to us",
        "Results are fetched from Clay, after its webhook or by polling.",
    ),
    Can.POLL: (
        "Ask whether an enrichment is finished",
        "Results arrive by themselves. A lead without one becomes overdue after a time that you set.",
    ),
    Can.REPORT_COST: ("Report what an enrichment cost", "Costs are estimated from the catalogue."),
    Can.FETCH: (
        "Read a record in Clay",
        "Open the table in Clay. Lost calls are settled by the result, or become overdue.",
    ),
    Can.SEARCH: (
        "Search Clay for a person",
        "Privacy requests become manual steps with instructions and evidence.",
    ),
    Can.UPDATE: (
        "Correct values in Clay, write IDs back",
        "Correct by hand in Clay. CRM IDs stay here and aren't written back.",
    ),
    Can.DELETE: (
        "Delete a record in Clay",
        "Delete by hand in Clay. Privacy requests say what to press and ask for evidence.",
    ),
    Can.EXPORT: (
        "Compare all records with Clay",
        "Values can't be compared. Score differences still show, from the results.",
    ),
}
# Where no table of ours is in Clay there is nothing to read or change by hand either.
NOTHING_KEPT: Final = "No table of ours keeps the person. Clay keeps the run's history for about a day."
WITHOUT_TABLE: Final[dict[Can, str]] = {
    Can.TRIGGER: "Every run is new: running a lead again enriches it again, and costs again.",
    Can.FETCH: "Results are read by their run, which Clay keeps for about a day.",
    Can.SEARCH: NOTHING_KEPT,
    Can.UPDATE: f"{NOTHING_KEPT} CRM IDs stay here.",
    Can.DELETE: NOTHING_KEPT,
}
# What the product does unasked, where it can: whoever misses it looks on Connections.
BY_ITSELF: Final = frozenset({Can.UPDATE, Can.EXPORT, Can.SKIP_PROVIDER})


@dataclass(frozen=True)
class Line:
    """One capability of one connector; `instead` is "" where it can."""

    label: str
    can: bool
    instead: str


@dataclass(frozen=True)
class Card:
    """A way to Clay. `lacks`: an environment variable it needs and does not have, or ""."""

    slug: str
    name: str
    summary: str
    lines: list[Line]
    in_use: bool
    lacks: str

    @property
    def losses(self) -> list[Line]:
        """What it cannot do of what else goes on by itself."""
        return [line for line, can in zip(self.lines, LINES, strict=True) if can in BY_ITSELF and not line.can]

    @property
    def can_all(self) -> bool:
        """Nothing is to be done by hand."""
        return all(line.can for line in self.lines)

    @property
    def guide(self) -> str:
        """The URL name of its set-up."""
        return {"table": "connect_clay_table", "routine": "connect_clay_routine"}.get(self.slug, "connect_clay_rows")


def cards() -> list[Card]:
    """In the order in which they are offered."""
    used = connector_slug()
    return [_card(slug, used) for slug in CONNECTORS]


def card(slug: str) -> Card:
    """KeyError for an unknown one."""
    return _card(slug, connector_slug())


def _card(slug: str, used: str) -> Card:
    connector = CONNECTORS[slug]
    capabilities = connector.capabilities
    needs_key = Can.RECEIVE_ROW not in capabilities and not str(settings.CLAY_API_KEY).strip()
    return Card(
        slug,
        connector.name,
        connector.summary,
        [_line(capability, capabilities) for capability in LINES],
        slug == used,
        "CLAY_API_KEY" if needs_key else "",
    )


def _line(capability: Can, capabilities: frozenset[Can]) -> Line:
    label, instead = LINES[capability]
    # A row that can be read shows whether its enrichment is over.
    can = capability in capabilities or (capability == Can.POLL and Can.FETCH in capabilities)
    if not capabilities & {Can.RECEIVE_ROW, Can.FETCH}:
        instead = WITHOUT_TABLE.get(capability, instead)
    return Line(label, can, "" if can else instead)


def is_chosen_here() -> bool:
    """Whether an admin has chosen; else the environment decides."""
    return Connection.objects.filter(system="clay").exclude(connector="").exists()
