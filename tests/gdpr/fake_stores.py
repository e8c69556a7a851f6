"""Stores of the tests' own: they hold records in memory, and can be down, lack calls, fail, or not do what they say."""

import datetime
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gdpr.identity import Identity
from gdpr.stores import Capability, Copy, Datum, Ground, Record, RetryLater, Share, Unsupported

ADA = Identity("https://www.linkedin.com/in/ada", ("ada@acme.example", "ada@home.example"), "+4930123456")
BOB = Identity("https://www.linkedin.com/in/bob", ("bob@acme.example",), "+4930123456")
OBTAINED = datetime.datetime(2026, 1, 15, 10, tzinfo=datetime.UTC)


@dataclass
class Held:
    """One record as a store has it."""

    identity: Identity
    values: dict[str, Any] = field(default_factory=dict)
    version: int = 1
    grounds: set[str] = field(default_factory=set)


@dataclass
class FakeStore:
    """Behaves as told: `down` raises RetryLater, `lacks` raises Unsupported, `fails` raises what is given for a call.

    `sticky`: so many erasures have no effect. `shares` is what its disclosures name.
    """

    name: str
    label: str = ""
    is_recipient: bool = True
    order: int = 10
    recoverable_days: int = 0
    records: dict[str, Held] = field(default_factory=dict)
    down: bool = False
    lacks: set[Capability] = field(default_factory=set)
    fails: dict[str, BaseException] = field(default_factory=dict)
    sticky: int = 0
    shares: tuple[str, ...] = ()
    later_than: datetime.datetime | None = None
    calls: Counter[str] = field(default_factory=Counter)
    log: list[tuple[str, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.label = self.label or self.name.title()

    def capabilities(self) -> frozenset[Capability]:
        return frozenset(Capability) - self.lacks

    def _called(self, call: Capability, key: str = "") -> None:
        self.calls[call] += 1
        self.log.append((self.name, call, key))
        if self.down:
            raise RetryLater(f"{self.label} does not answer", self.later_than)
        if call in self.lacks:
            raise Unsupported(call)
        if error := self.fails.get(call):
            raise error

    def locate(self, identity: Identity) -> Sequence[Record]:
        self._called(Capability.LOCATE)
        return [
            record for key, held in self.records.items() if (record := self._match(key, held, identity)) is not None
        ]

    def _match(self, key: str, held: Held, identity: Identity) -> Record | None:
        kinds = []
        if identity.linkedin_url and identity.linkedin_url == held.identity.linkedin_url:
            kinds.append("linkedin_url")
        if set(identity.emails) & set(held.identity.emails):
            kinds.append("email")
        if identity.phone and identity.phone == held.identity.phone:
            kinds.append("phone")
        if not kinds:
            return None
        sure = kinds != ["phone"]
        summary = {"name": str(held.values.get("name", ""))}
        return Record(self.name, key, tuple(kinds), sure, summary, f"v{held.version}", self._own(key))

    def _own(self, key: str) -> Identity:
        """Without a phone that others share."""
        mine = self.records[key].identity
        others = [held.identity.phone for other, held in self.records.items() if other != key]
        return Identity(mine.linkedin_url, mine.emails, "" if mine.phone in others else mine.phone)

    def export(self, record: Record) -> Copy:
        self._called(Capability.EXPORT, record.key)
        held = self.records[record.key]
        return Copy(
            [Datum(name, value, "apollo", OBTAINED) for name, value in held.values.items()],
            [Share(name, ("email",), OBTAINED) for name in self.shares],
            [{"rule": "Title", "matched": "VP", "points": 25}] if not self.is_recipient else (),
            ["sales outreach"],
            OBTAINED + datetime.timedelta(days=730),
            others=1 if not self.is_recipient else 0,
        )

    def rectify(self, record: Record, values: Mapping[str, str]) -> Mapping[str, str]:
        self._called(Capability.RECTIFY, record.key)
        held = self.records[record.key]
        before = {name: held.values.get(name, "") for name in values}
        held.values.update(values)
        return before

    def erase(self, record: Record) -> None:
        self._called(Capability.ERASE, record.key)
        if self.sticky:
            self.sticky -= 1
            return
        self.records.pop(record.key, None)

    def verify_absent(self, record: Record) -> bool:
        self._called(Capability.VERIFY, record.key)
        return record.key not in self.records

    def restrict(self, record: Record, ground: Ground) -> None:
        self._called(Capability.RESTRICT, record.key)
        self.records[record.key].grounds.add(ground)

    def release(self, record: Record, ground: Ground) -> None:
        self._called(Capability.RELEASE, record.key)
        self.records[record.key].grounds.discard(ground)

    def instructions(self, capability: Capability, record: Record | None) -> str:
        return f"In {self.label}, {capability} {record.key if record else 'by search'} by hand."


def held(identity: Identity, name: str, **values: Any) -> Held:
    return Held(identity, {"name": name, "email": identity.emails[0] if identity.emails else "", **values})
