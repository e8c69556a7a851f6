"""The documents say of each connector what its capabilities say."""

import re

from enrichment.management.commands import connector_table
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay.chosen import CONNECTORS


def test_the_table_in_the_documents_is_current():
    text = connector_table.page().read_text()
    assert connector_table.rendered(text) == text, "run `manage.py connector_table`"


def test_every_capability_has_a_line_and_every_connector_a_column():
    assert set(connector_table.LINES) == set(Capability)
    head, _, *lines = connector_table.table().splitlines()
    assert all(f"| {connector.name} |" in head for connector in CONNECTORS.values())
    for line, capability in zip(lines, connector_table.LINES, strict=True):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        told = dict(zip(CONNECTORS, cells[1:], strict=False))
        for slug, connector in CONNECTORS.items():
            if capability in connector.capabilities:
                assert told[slug] == "yes"
        assert cells[-1] or set(told.values()) == {"yes"}, "what cannot be done says what to do instead"


def test_the_page_names_the_settings_there_are(settings):
    text = connector_table.page().read_text()
    named = set(re.findall(r"`(CLAY_[A-Z_]+)", text))
    assert named
    assert all(hasattr(settings, name) for name in named)
