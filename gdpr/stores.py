"""What a place that holds personal data must be able to do for the law, and the register of such places."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from gdpr.identity import Identity


@dataclass(frozen=True)
class Record:
    """One record of a person in one store: the store's own key for it, and which identifiers matched."""

    store: str
    key: str
    matched: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)


class PersonalDataStore(Protocol):
    """A place that holds personal data. `name` is shown to officers."""

    name: str

    def locate(self, identity: Identity) -> Iterable[Record]: ...

    def export(self, record: Record) -> dict[str, Any]: ...

    def erase(self, record: Record) -> None: ...

    def verify_absent(self, record: Record) -> bool: ...


_stores: dict[str, PersonalDataStore] = {}


def register(store: PersonalDataStore) -> None:
    """Make a store known; registering the same name again replaces it."""
    _stores[store.name] = store


def registered() -> list[PersonalDataStore]:
    return list(_stores.values())
