"""How many leads an hour the limits let through, and which provider is the narrowest (D11). Pure arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class RateLimit:
    """One limit. `calls`: per lead; `limit`: calls an hour; `slug` "clay" is the enrichment trigger itself."""

    slug: str
    name: str
    calls: float
    limit: int

    @property
    def leads_per_hour(self) -> float:
        return self.limit / self.calls


@dataclass(frozen=True)
class Capacity:
    """`gates`: every limit that is met at all, the narrowest first."""

    gates: tuple[RateLimit, ...]

    @property
    def narrowest(self) -> RateLimit | None:
        return self.gates[0] if self.gates else None

    @property
    def leads_per_hour(self) -> float | None:
        """With every provider asked; None where nothing limits it."""
        return self.gates[0].leads_per_hour if self.gates else None

    def hours(self, leads: int) -> float | None:
        """How long so many take; None where nothing limits them."""
        return leads / self.gates[0].leads_per_hour if self.gates else None


def capacity(
    calls: Mapping[str, float],
    limits: Mapping[str, int],
    names: Mapping[str, str],
    *,
    triggers_per_hour: int = 0,
    leads_per_trigger: int = 1,
) -> Capacity:
    """`calls`: per lead and provider; `limits`: calls an hour, of those that have one.

    `triggers_per_hour`: what Clay takes, each of `leads_per_trigger` leads at most; 0 leaves Clay out.
    """
    gates = [
        RateLimit(slug, names.get(slug, slug), each, limits[slug])
        for slug, each in calls.items()
        if each > 0 and limits.get(slug)
    ]
    if triggers_per_hour:
        gates.append(RateLimit("clay", "Clay's triggers", 1 / max(leads_per_trigger, 1), triggers_per_hour))
    return Capacity(tuple(sorted(gates, key=lambda gate: (gate.leads_per_hour, gate.slug))))
