"""Faults that are switched on and off while the sandbox runs."""

import random
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from typing import Any

# kind → status of a fault that is a plain answer
STATUSES = {
    "429": 429,
    "429_no_retry_after": 429,
    "500": 500,
    "502": 502,
    "504": 504,
    "400": 400,
    "401": 401,
    "402_credits": 402,
    "403_quota": 403,
    "404": 404,
    "422_list": 422,
}
BODIES = {"html", "nonsense_json", "empty_body", "status"}
CONNECTION = {"reset_after_effect", "reset_before_effect", "slow", "outage"}
# What an outage answers in turn, from a gateway in front of the vendor; 0: the connection is cut.
OUTAGE = (0, 502, 503, 504)
WEBHOOKS = {"drop_webhook", "double_webhook", "late_webhook", "out_of_order_webhook"}
PROVIDERS = {"provider_timeout", "provider_error", "provider_rate_limited", "provider_out_of_credits"}
KINDS = set(STATUSES) | BODIES | CONNECTION | WEBHOOKS | PROVIDERS
# Clay's tables: an acknowledged submission that makes no row, a cell in error (`column`, `text`), a column that does
# not run (`column`, or all), a callback without our reference, values nobody can read.
TABLE = {"lost_submission", "cell_error", "column_not_run", "no_swarm_ref", "garbage_values"}
# Clay's routines: an item that fails (`text` is its message), an item or a run that ends with the word `text`.
ROUTINE = {"item_failed", "item_status", "run_status"}
ALL_KINDS = KINDS | TABLE | ROUTINE
VENDORS = ("clay", "clay_table", "clay_routine", "ghl", "instantly")
POSTING = ("clay", "clay_table", "clay_routine")  # those that post to us
OWNERS = {  # kinds that only some vendors have
    **dict.fromkeys(WEBHOOKS, POSTING),
    **dict.fromkeys(PROVIDERS, ("clay",)),  # a provider is Clay's, whichever way asks it
    **dict.fromkeys(TABLE, ("clay_table",)),
    **dict.fromkeys(ROUTINE, ("clay_routine",)),
}


@dataclass
class Fault:
    """One fault. `times=None` is for ever; `call` is a call's name, its first part (`rows`), or `*`."""

    vendor: str
    kind: str
    call: str = "*"
    times: int | None = None
    probability: float = 1.0
    provider: str | None = None  # named in the error, or the one that times out
    row_index: int | None = None  # named in the error: the row of the batch that is refused
    linkedin_url: str | None = None  # provider, webhook, table and routine faults: only that person
    column: str | None = None  # cell_error, column_not_run: of that column
    text: str | None = None  # what a cell, an item or a run says
    seconds: float = 30.0  # slow, late_webhook, Retry-After: vendor seconds
    status: int = 502  # of an html answer, and of `status`, which is any other refusal
    lasts: float | None = None  # vendor seconds after which it is over by itself; None: until it is switched off
    effect: bool = False  # the call takes effect before the fault is answered
    fired: int = field(default=0)
    since: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        if self.vendor not in VENDORS:
            raise ValueError(f"unknown vendor: {self.vendor}; one of {', '.join(VENDORS)}")
        if self.kind not in ALL_KINDS:
            raise ValueError(f"unknown kind: {self.kind}; one of {', '.join(sorted(ALL_KINDS))}")
        owners = OWNERS.get(self.kind, VENDORS)
        if self.vendor not in owners:
            raise ValueError(f"{self.kind} is a fault of {', '.join(owners)}")
        if self.row_index is not None and self.vendor != "clay":
            raise ValueError("row_index is of clay's batches")
        if self.kind == "provider_timeout" and not self.provider:
            raise ValueError("provider_timeout needs a provider")
        if self.kind == "cell_error" and not self.column:
            raise ValueError("cell_error needs a column")
        if self.kind == "reset_after_effect":
            self.effect = True


class Faults:
    """The switched-on faults, asked once per request, provider call and webhook."""

    def __init__(self, seed: int, speed: float = 1.0) -> None:
        self.speed = speed
        self.active: list[Fault] = []
        self.dice = random.Random(seed)

    def add(self, document: dict[str, Any]) -> Fault:
        """Switches a fault on; `ValueError` says what is wrong with the document."""
        unknown = set(document) - ({each.name for each in fields(Fault)} - {"fired", "since"})
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        try:
            fault = Fault(**document)
        except TypeError as error:
            raise ValueError("a fault needs vendor and kind") from error
        self.active.append(fault)
        return fault

    def clear(self) -> None:
        """Switches every fault off."""
        self.active.clear()

    def listed(self) -> list[dict[str, Any]]:
        """Every fault with how often it fired."""
        return [asdict(fault) for fault in self.active]

    def on_call(self, vendor: str, call: str) -> Fault | None:
        """The fault of this HTTP call, used up by one."""
        if not self.active:
            return None
        return self._pick(
            fault
            for fault in self.active
            if fault.vendor == vendor
            and fault.kind not in OWNERS
            and (fault.call in {"*", call} or call.startswith(fault.call + "."))
        )

    def on_provider(self, provider: str, url: str) -> Fault | None:
        """The fault of this provider's call for this person, used up by one."""
        return self._pick(
            fault
            for fault in self.active
            if fault.kind in PROVIDERS and fault.provider in {None, provider} and fault.linkedin_url in {None, url}
        )

    def on_webhook(self, vendor: str, url: str) -> Fault | None:
        """The fault of this delivery, used up by one."""
        return self._pick(
            fault
            for fault in self.active
            if fault.vendor == vendor and fault.kind in WEBHOOKS and fault.linkedin_url in {None, url}
        )

    def on_record(self, kind: str, url: str) -> Fault | None:
        """The fault of that kind of a table's row or a routine's item, used up by one."""
        return self._pick(fault for fault in self.active if fault.kind == kind and fault.linkedin_url in {None, url})

    def on_cells(self, kind: str, url: str) -> list[Fault]:
        """Every fault of that kind of this row, each used up by one: one cell's does not spare another's."""
        wanted = [fault for fault in self.active if fault.kind == kind and fault.linkedin_url in {None, url}]
        return [fault for fault in wanted if self._pick([fault])]

    def _pick(self, candidates: Iterable[Fault]) -> Fault | None:
        for fault in candidates:
            if fault.times is not None and fault.fired >= fault.times:
                continue
            if fault.lasts is not None and time.monotonic() - fault.since > fault.lasts / self.speed:
                continue
            if fault.probability < 1 and self.dice.random() >= fault.probability:
                continue
            fault.fired += 1
            return fault
        return None
