"""Which kinds of drift can be found: all where Clay's rows can be exported, else what the mirror alone tells."""

from __future__ import annotations

from typing import Final

from enrichment.models import DriftKind
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay import chosen

# What the mirror alone tells, without a look at Clay.
OWN: Final = (DriftKind.NO_ROW, DriftKind.SHARED_RECORD)


def is_compared() -> bool:
    """Whether Clay's rows can be compared with the mirror."""
    return chosen.can(Capability.EXPORT)


def kinds() -> tuple[DriftKind, ...]:
    """Kinds that are looked for, shown and repaired; what was found of the others before cannot be looked at again."""
    return tuple(DriftKind) if is_compared() else OWN
