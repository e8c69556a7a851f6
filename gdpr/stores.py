"""What a place that holds personal data must be able to do for the law, and the register of such places.

A store raises `Unsupported` for what it cannot do: the step becomes a person's, with the store's own
instructions. It raises `RetryLater` while its system cannot be reached: the step waits and is tried again.
Anything else is a fault, and the step needs a person. None of them ever counts as done.
"""

import datetime
import enum
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from gdpr.identity import Identity, digest, keys


class Capability(enum.StrEnum):
    LOCATE = "locate"
    EXPORT = "export"
    RECTIFY = "rectify"
    ERASE = "erase"
    VERIFY = "verify"
    RESTRICT = "restrict"
    RELEASE = "release"


class Ground(enum.StrEnum):
    """Why processing is limited: the data are only kept (Art. 18), or the person objects to their use (Art. 21)."""

    RESTRICTION = "restriction"
    OBJECTION = "objection"


class Unsupported(Exception):
    """The system has no such call. `capability` names what it was, so that the step becomes a manual one."""

    def __init__(self, capability: Capability) -> None:
        super().__init__(f"no call for {capability}")
        self.capability = capability


class RetryLater(Exception):
    """The system cannot be asked now. `not_before` is an aware time, None where it names none.

    The message is shown to officers and holds no personal data.
    """

    def __init__(self, message: str, not_before: datetime.datetime | None = None) -> None:
        super().__init__(message)
        self.not_before = not_before


@dataclass(frozen=True)
class Record:
    """One record of a person in one store.

    `key` is the store's own and tells nothing of the person. `matched` names the kinds of identifiers that led
    to it (linkedin_url, email, phone). `sure` is False where they may be another's as well (one phone alone, a
    shared inbox): an officer decides at the match desk. `summary` is what tells two people apart there, and is
    personal. `fingerprint` changes when the record does: an approval is bound to it. `identity` is what the record
    holds of the person's own identifiers: they are suppressed with those that were asked for. `references`: random
    texts of ours that lead to it alone; whether one is left anywhere is looked for at the end of an erasure.
    """

    store: str
    key: str
    matched: tuple[str, ...] = ()
    sure: bool = True
    summary: Mapping[str, str] = field(default_factory=dict)
    fingerprint: str = ""
    identity: Identity = field(default_factory=Identity)
    references: tuple[str, ...] = ()


class SearchIncomplete(Exception):
    """Part of a system has no search: `records` are those known otherwise, and a person looks for others.

    `acts`: what could be done with a record that a person finds; a request for something else waits for no such
    search. The store's instructions for `LOCATE` say how to search.
    """

    def __init__(self, records: Sequence[Record], acts: Collection[Capability]) -> None:
        super().__init__("some of it can only be searched by hand")
        self.records = list(records)
        self.acts = frozenset(acts)


@dataclass(frozen=True)
class Statement:
    """What a recipient did with a person's data and kept no record of: nothing there can be copied or erased.

    `says`: sentences without a value of the person. `kept_until`: until when its own history may show it (aware).
    """

    says: str
    kept_until: datetime.datetime | None = None


@dataclass(frozen=True)
class Datum:
    """One value of a record as the person is told of it: whence it is, and when it was obtained (aware)."""

    field: str
    value: Any
    source: str = ""
    obtained_at: datetime.datetime | None = None


@dataclass(frozen=True)
class Share:
    """One disclosure to a recipient: to whom, which fields, when (aware)."""

    recipient: str
    fields: tuple[str, ...]
    at: datetime.datetime


@dataclass(frozen=True)
class Copy:
    """Everything one record holds of the person (Art. 15).

    `logic` says how a score came about, rule by rule, for this person; `others` counts values left out because
    they are about someone else.
    """

    data: Sequence[Datum]
    shares: Sequence[Share] = ()
    logic: Sequence[Mapping[str, Any]] = ()
    purposes: Sequence[str] = ()
    retention_until: datetime.datetime | None = None
    others: int = 0


class PersonalDataStore(Protocol):
    """A place that holds personal data.

    `name` is a slug, `label` what officers read. `is_recipient` is True for a system outside ours, which is
    told of changes (Art. 19). Stores are worked through by rising `order`: what leads to other records goes
    last. `recoverable_days`: how long the other side can bring an erased record back; 0 is not at all.
    """

    name: str
    label: str
    is_recipient: bool
    order: int
    recoverable_days: int

    def capabilities(self) -> frozenset[Capability]: ...

    def locate(self, identity: Identity) -> Sequence[Record]:
        """All records that any of the identifiers leads to, each once. Raises SearchIncomplete besides the others."""

    def export(self, record: Record) -> Copy: ...

    def rectify(self, record: Record, values: Mapping[str, str]) -> Mapping[str, str]:
        """Write `values` ({field: new value}, validated) and pin them; returns what stood there before."""

    def erase(self, record: Record) -> None:
        """Erase it; a record that is gone already is no error."""

    def verify_absent(self, record: Record) -> bool:
        """Read back: True only where the store itself says that the record is not there."""

    def restrict(self, record: Record, ground: Ground) -> None:
        """Stop every use of the record but keeping it; doing it twice is no error."""

    def release(self, record: Record, ground: Ground) -> None: ...

    def instructions(self, capability: Capability, record: Record | None) -> str:
        """What a person does by hand where `capability` is missing, in a few sentences.

        For a search `record` has no key, and the identifiers that are searched for.
        """


@runtime_checkable
class DiffersByRecord(Protocol):
    """A store whose records are not all within reach of a call."""

    def capabilities_for(self, record: Record) -> frozenset[Capability]: ...


@runtime_checkable
class StatesProcessing(Protocol):
    """A store of a system that also processes data without keeping a record of it."""

    def statements(self, identity: Identity) -> Sequence[Statement]:
        """What it did with this person's data, oldest first; of nobody who may be another."""


@runtime_checkable
class SharesRecords(Protocol):
    """A store whose records can be somebody else's too: there before us, or of others of ours as well.

    When the retention of one of our records ends, such a record stays, and what we wrote of the person is taken out
    of it. `of` is our record that ends. Errors as those of `PersonalDataStore`.
    """

    def why_it_stays(self, record: Record, of: Record) -> str:
        """Why the record is not erased, to follow a colon; "" where it is the person's alone. Calls nobody."""

    def remove_our_data(self, record: Record, of: Record) -> None: ...

    def is_our_data_gone(self, record: Record, of: Record) -> bool | None:
        """Read back: nothing of ours is in it; None where the record itself is gone."""

    def removal_instructions(self, record: Record, of: Record) -> str:
        """What a person does by hand instead; no value of the person."""


_stores: dict[str, PersonalDataStore] = {}


def register(store: PersonalDataStore) -> None:
    """Make a store known; registering the same name again replaces it."""
    _stores[store.name] = store


def registered() -> list[PersonalDataStore]:
    """Every store, in the order in which they are worked through."""
    return sorted(_stores.values(), key=lambda store: (store.order, store.name))


def get_store(name: str) -> PersonalDataStore:
    """Raises KeyError for a store that is not registered."""
    return _stores[name]


def find_store(name: str) -> PersonalDataStore | None:
    """None for a store that is not registered, such as one that was disconnected since."""
    return _stores.get(name)


def capabilities_for(store: PersonalDataStore, record: Record | None) -> frozenset[Capability]:
    """What can be done by call to this record; of a search there is none yet."""
    if record is not None and isinstance(store, DiffersByRecord):
        return store.capabilities_for(record)
    return store.capabilities()


def label_of(name: str) -> str:
    """What officers read; the bare name of a store that is not registered."""
    store = find_store(name)
    return store.label if store else name


def key_hashes(name: str, key: str) -> list[str]:
    """What a record's key can stand under when the key itself is blanked: one hash for each live key of ours."""
    return [digest(f"record:{name}:{key}", secret) for _, secret in keys()]


def key_hash(name: str, key: str) -> str:
    """What stays of a record's key when the key itself is blanked: under the first live key (D17)."""
    return key_hashes(name, key)[0]
