"""How deep a document is, without a call for each level."""

import json

import pytest

from swarm_admin.core.json_depth import is_deeper_than


@pytest.mark.parametrize(
    ("document", "levels"),
    [(1, 0), ("[[", 0), ([], 1), ([1, 2], 1), ({"a": 1}, 1), ({"a": [1]}, 2), ([1, [2, {"b": [3]}]], 4)],
)
def test_levels_are_counted(document, levels):
    assert not is_deeper_than(levels, document)
    assert levels == 0 or is_deeper_than(levels - 1, document)


def test_a_document_as_deep_as_can_be_read():
    assert is_deeper_than(800, json.loads("[" * 900 + "]" * 900))
