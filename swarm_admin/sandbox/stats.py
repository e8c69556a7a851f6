"""What the sandbox saw, by vendor and call."""

from collections import Counter
from typing import Any

from swarm_admin.sandbox.faults import POSTING, VENDORS


class Stats:
    """Counters; `calls[vendor][call]` counts statuses ("201", "reset")."""

    def __init__(self) -> None:
        self.calls: dict[str, dict[str, Counter[str]]] = {vendor: {} for vendor in VENDORS}
        self.counts: dict[str, Counter[str]] = {vendor: Counter() for vendor in VENDORS}
        self.deliveries: dict[str, Counter[str]] = {vendor: Counter() for vendor in POSTING}
        self.providers: dict[str, dict[str, float]] = {}

    def answered(self, vendor: str, call: str, status: str) -> None:
        """One answered (or cut) request."""
        calls = self.calls[vendor]
        if call not in calls:
            calls[call] = Counter()
        calls[call][status] += 1

    def provider(self, name: str, hit: bool = False, cost: float = 0.0, over_limit: bool = False) -> None:
        """One call of a data provider."""
        seen = self.providers.setdefault(name, {"calls": 0, "hits": 0, "cost": 0.0, "over_limit": 0})
        seen["over_limit" if over_limit else "calls"] += 1
        seen["hits"] += hit
        seen["cost"] = round(seen["cost"] + cost, 4)

    def happened(self) -> int:
        """A number that grows with whatever is counted."""
        calls = sum(statuses.total() for calls in self.calls.values() for statuses in calls.values())
        counters = (*self.counts.values(), *self.deliveries.values())
        return calls + sum(counter.total() for counter in counters)

    def vendor(self, name: str) -> dict[str, Any]:
        """The part of `/_stats` that every vendor has."""
        calls: dict[str, dict[str, Any]] = {
            call: {"requests": statuses.total(), "by_status": dict(statuses)}
            for call, statuses in self.calls[name].items()
        }
        return {
            "requests": sum(each["requests"] for each in calls.values()),
            "429": sum(each["by_status"].get("429", 0) for each in calls.values()),
            "calls": calls,
            **self.counts[name],
        }
