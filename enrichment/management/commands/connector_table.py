"""Renders which Clay connector can what into docs/connect-your-clay.md, from the connectors' capabilities."""

from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand

from enrichment.vendors.capabilities import Capability as Can
from enrichment.vendors.clay.chosen import CONNECTORS

BEGIN: Final = "<!-- connectors: made by `manage.py connector_table` -->\n"
END: Final = "<!-- end of connectors -->"
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
        "Sync with Clay is off. Score differences still show, from the results.",
    ),
}


def table() -> str:
    """In Markdown: a line for each capability, a column for each connector, and what to do where one lacks it."""
    connectors = list(CONNECTORS.values())
    head = ["", *(connector.name for connector in connectors), "Where it can't"]
    lines = [
        [label, *("yes" if _can(capability, connector.capabilities) else "no" for connector in connectors), instead]
        for capability, (label, instead) in LINES.items()
    ]
    rows = [head, ["---"] * len(head), *lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _can(capability: Can, capabilities: frozenset[Can]) -> bool:
    """A row that can be read shows whether its enrichment is over."""
    return capability in capabilities or (capability == Can.POLL and Can.FETCH in capabilities)


def page() -> Path:
    return Path(settings.BASE_DIR) / "docs" / "connect-your-clay.md"


def rendered(text: str) -> str:
    """The page with the table as it is now. Raises ValueError without its place."""
    before, after = text.split(BEGIN)
    return f"{before}{BEGIN}{table()}{END}{after.split(END)[1]}"


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        page().write_text(rendered(page().read_text()))
        self.stdout.write(f"Wrote {page().relative_to(settings.BASE_DIR)}.")
