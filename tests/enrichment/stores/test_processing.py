"""What the record of processing says of Clay follows the connector in use."""

import pytest

from enrichment.models import Connection
from enrichment.stores.processing import enrichment_of_leads


@pytest.mark.parametrize(
    ("connector", "words"),
    [
        ("rows-api", "holds leads during enrichment"),
        ("table", "their rows stay until they are deleted by hand"),
        ("routine", "keeps its run history about a day"),
    ],
)
def test_what_clay_does_is_said_by_what_it_can(db, connector, words):
    Connection.objects.create(system="clay", connector=connector)
    (clay,) = [each for each in enrichment_of_leads().recipients if each.name == "Clay"]
    assert words in clay.purpose
