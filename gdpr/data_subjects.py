"""Where people come from: what the standing duties (retention, notices, replay) ask of whoever collects them."""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gdpr.identity import Identity
from gdpr.stores import Record


@dataclass(frozen=True)
class RetainedRecord:
    """One record of ours, until when it may be kept (aware), and its records elsewhere that are known by reference."""

    record: Record
    until: datetime.datetime
    elsewhere: tuple[Record, ...] = ()


@dataclass(frozen=True)
class UnnotifiedPerson:
    """A person who has not been told yet (Art. 14): when they were collected, where to write, what the text names.

    `facts` fills the notice's template: first_name, source, collected_on, fields.
    """

    key: str
    collected_at: datetime.datetime
    first_use_at: datetime.datetime | None
    email: str
    facts: Mapping[str, str]


class SubjectSource(Protocol):
    """`store` is the name of the store whose records these are."""

    store: str

    def retained_record(self, key: str) -> RetainedRecord | None:
        """One record; None where it is gone."""

    def expiring(self, until: datetime.datetime, *, limit: int) -> Sequence[RetainedRecord]:
        """Records that may be kept no longer than `until` and of which no open Purge exists, oldest first."""

    def expiring_by_day(self, since: datetime.datetime, until: datetime.datetime) -> Mapping[datetime.date, int]:
        """How many records end on which day (UTC)."""

    def everyone(self, size: int) -> Iterator[Sequence[tuple[RetainedRecord, Identity]]]:
        """All records, `size` at a time."""

    def unnotified(self, *, limit: int) -> Sequence[UnnotifiedPerson]:
        """People who have not been told, by the day they have to be; those without an address too."""

    def count_unnotified(self) -> int: ...

    def count_late(self, *, collected_before: datetime.datetime, used_before: datetime.datetime) -> int:
        """Of those: collected before the one time, or first used before the other."""

    def reachable(self, *, after: str, limit: int) -> tuple[Sequence[UnnotifiedPerson], str]:
        """(some of the people with an address who were not told and have no notice under way, by the day they have to
        be told; the mark after which to go on).

        `after` is such a mark, "" begins; an empty mark is the end. At most `limit`, and fewer or none before the
        end where others stand between.
        """

    def count_reachable(self) -> int:
        """How many there are, at most."""

    def recipient(self, key: str) -> UnnotifiedPerson | None:
        """One of them; None where the record is gone or was told."""

    def mark_notified(self, keys: Sequence[str], at: datetime.datetime) -> None: ...


_sources: dict[str, SubjectSource] = {}


def register(source: SubjectSource) -> None:
    _sources[source.store] = source


def registered() -> list[SubjectSource]:
    return [_sources[name] for name in sorted(_sources)]


def source_of(store: str) -> SubjectSource | None:
    return _sources.get(store)
