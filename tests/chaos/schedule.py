"""What is killed and when, and which vendors fail how: the same for the same seed."""

import random
from dataclasses import dataclass
from typing import Any

TARGETS = ("worker", "web", "beat", "redis")
MEAN_PAUSE = 3.5  # seconds between two kills; a program needs two or three to come back
CALM = 4.0  # seconds before the first kill


@dataclass(frozen=True)
class Blow:
    """One kill: after so many seconds, of whom; `whole`: its process group, else its first process alone."""

    at: float
    target: str
    whole: bool = True


def blows(seed: int, seconds: float, *, postgres: bool) -> list[Blow]:
    """Kills at random moments, in order; every target at least once. PostgreSQL at fixed shares of the time."""
    dice = random.Random(seed)
    found, at = [], CALM
    rest = list(TARGETS)
    while at < seconds:
        rest = rest or list(TARGETS)
        # Without putting back: no target is spared by chance, and none is hit all the time.
        target = rest.pop(dice.randrange(len(rest)))
        found.append(Blow(round(at, 2), target, whole=dice.random() < 0.5))
        at += max(0.3, dice.expovariate(1 / MEAN_PAUSE))
    if postgres:
        shares = {"connections": 0.3, "backend": 0.5, "postgres": 0.7}
        found += [Blow(round(share * seconds, 2), target) for target, share in shares.items()]
    return sorted(found, key=lambda blow: blow.at)


# (vendor, kind, probability of a call, more); durations are vendor seconds.
_OF_ROWS: list[tuple[str, str, float, dict[str, Any]]] = [
    ("clay", "429", 0.02, {"seconds": 30.0}),
    ("clay", "429_no_retry_after", 0.01, {}),
    ("clay", "500", 0.01, {}),
    ("clay", "502", 0.02, {}),
    ("clay", "502", 0.02, {"call": "enrich", "provider": "clearbit"}),
    ("clay", "504", 0.01, {}),
    ("clay", "504", 0.03, {"call": "enrich", "provider": "apollo"}),
    ("clay", "400", 0.03, {"call": "enrich"}),
    ("clay", "400", 0.03, {"call": "rows.create"}),
    ("clay", "400", 0.03, {"call": "rows.create", "row_index": 0}),
    ("clay", "404", 0.005, {"call": "rows.get"}),
    ("clay", "html", 0.02, {}),
    ("clay", "nonsense_json", 0.01, {}),
    ("clay", "empty_body", 0.01, {}),
    ("clay", "slow", 0.005, {"seconds": 90.0}),
    ("clay", "reset_before_effect", 0.02, {}),
    ("clay", "reset_after_effect", 0.02, {}),
    ("clay", "reset_after_effect", 0.1, {"call": "rows.create"}),
    ("clay", "reset_after_effect", 0.1, {"call": "enrich"}),
    ("clay", "drop_webhook", 0.05, {}),
    ("clay", "double_webhook", 0.05, {}),
    ("clay", "late_webhook", 0.05, {"seconds": 120.0}),
    ("clay", "out_of_order_webhook", 0.05, {}),
    ("clay", "provider_timeout", 0.02, {"provider": "apollo"}),
    ("clay", "provider_error", 0.02, {"provider": "clearbit"}),
    ("clay", "provider_rate_limited", 0.005, {"provider": "crunchbase"}),
    ("clay", "provider_out_of_credits", 0.005, {"provider": "hunter"}),
    ("instantly", "outage", 1.0, {"lasts": 300.0}),
]
# Of a Clay table: of its callbacks, its source, its cells. The first two come to one callback in ten each, after what
# the rarer ones have taken.
_OF_A_TABLE: list[tuple[str, str, float, dict[str, Any]]] = [
    ("clay_table", "drop_webhook", 0.12, {}),
    ("clay_table", "double_webhook", 0.13, {}),
    ("clay_table", "late_webhook", 0.05, {"seconds": 300.0}),
    ("clay_table", "out_of_order_webhook", 0.05, {}),
    ("clay_table", "429", 0.02, {"seconds": 30.0}),
    ("clay_table", "500", 0.01, {}),
    ("clay_table", "502", 0.02, {}),
    ("clay_table", "504", 0.01, {}),
    ("clay_table", "400", 0.005, {}),
    ("clay_table", "html", 0.02, {}),
    ("clay_table", "empty_body", 0.01, {}),
    ("clay_table", "slow", 0.005, {"seconds": 90.0}),
    ("clay_table", "reset_before_effect", 0.02, {}),
    ("clay_table", "reset_after_effect", 0.04, {}),
    ("clay_table", "lost_submission", 0.01, {}),
    ("clay_table", "garbage_values", 0.01, {}),
    ("clay_table", "cell_error", 0.03, {"column": "phone", "text": "Provider did not answer"}),
    ("clay_table", "column_not_run", 0.03, {"column": "tech_stack"}),
    ("clay", "provider_timeout", 0.02, {"provider": "apollo"}),
    ("clay", "provider_error", 0.02, {"provider": "clearbit"}),
    ("instantly", "outage", 1.0, {"lasts": 300.0}),
]
_OF_DELIVERIES: list[tuple[str, str, float, dict[str, Any]]] = [
    *[
        (vendor, kind, share, more)
        for vendor in ("ghl", "instantly")
        for kind, share, more in (
            ("429", 0.01, {"seconds": 30.0}),
            ("429_no_retry_after", 0.005, {}),
            ("500", 0.01, {}),
            ("502", 0.02, {}),
            ("504", 0.01, {}),
            ("400", 0.003, {}),
            ("html", 0.02, {}),
            ("nonsense_json", 0.01, {}),
            ("empty_body", 0.01, {}),
            ("422_list", 0.01, {"effect": True}),
            ("slow", 0.005, {"seconds": 90.0}),
            ("reset_before_effect", 0.02, {}),
            ("reset_after_effect", 0.04, {}),
        )
    ],
]
# Each pauses its vendor until somebody resumes it, so a few are enough.
PAUSING = [
    ("clay", "401"), ("clay", "402_credits"), ("clay", "403_quota"),
    ("ghl", "401"), ("ghl", "402_credits"), ("instantly", "401"), ("instantly", "402_credits"),
]  # fmt: skip
# A source that answers 404 is closed for good, and the next one goes on.
TABLE_PAUSING = [
    ("clay_table", "401"), ("ghl", "401"), ("clay_table", "404"), ("instantly", "401"), ("ghl", "402_credits"),
    ("instantly", "402_credits"),
]  # fmt: skip


def faults(connector: str = "rows-api") -> list[dict[str, Any]]:
    """The sandbox's faults as its control call takes them; the rarest first, for the first that fits is used."""
    of_clay = _OF_A_TABLE if connector == "table" else _OF_ROWS
    often = sorted([*of_clay, *_OF_DELIVERIES], key=lambda each: each[2])
    return [{"vendor": vendor, "kind": kind, "probability": share, **more} for vendor, kind, share, more in often]


def pausing(connector: str = "rows-api") -> list[tuple[str, str]]:
    """(vendor, kind) of the faults of which each comes once."""
    return TABLE_PAUSING if connector == "table" else PAUSING
