"""Decoded JSON of which nobody knows how deep it is."""

from typing import Any


def is_deeper_than(levels: int, document: Any) -> bool:
    """Whether lists and objects stand within each other more than so many times.

    Indented, such a document grows by its depth at every value; and most who walk one call themselves at each level.
    """
    layer = [document]
    for _ in range(levels + 1):
        layer = [each for each in layer if isinstance(each, dict | list)]
        if not layer:
            return False
        layer = [part for each in layer for part in (each.values() if isinstance(each, dict) else each)]
    return True
