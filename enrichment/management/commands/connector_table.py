"""Renders which Clay connector can what into docs/connect-your-clay.md, from the connectors' capabilities."""

from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand

from enrichment.connections.clay.choosing import LINES
from enrichment.vendors.capabilities import Capability as Can
from enrichment.vendors.clay.chosen import CONNECTORS

BEGIN: Final = "<!-- connectors: made by `manage.py connector_table` -->\n"
END: Final = "<!-- end of connectors -->"


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
