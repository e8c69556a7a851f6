"""The whole search, and what may be said of its result."""

import datetime
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from gdpr.identity import Identity
from gdpr.leftovers import database, files, large_objects, memory, planner, redis_file
from gdpr.leftovers.hits import Hit, no_heartbeat
from gdpr.leftovers.names import MENTION, NameFinder
from gdpr.leftovers.progress import Progress
from gdpr.leftovers.search_patterns import NAME, Finder, patterns_for
from gdpr.stores import Capability, RetryLater, SearchIncomplete, Unsupported, registered

REMAINS = (
    "The database's write-ahead log and dead row versions keep earlier data until they are overwritten. A byte "
    "search doesn't find compressed values in them.",
    "Backups made before the erasure contain this person's data until they expire. After restoring one, run "
    "`manage.py replay_erasures` to erase everyone on the suppression list again.",
)


@dataclass
class Report:
    """`rows`: tables, the planner's statistics, files, Redis and sessions. `names`: where a name stands that may be
    of another person, in tables and files. `bytes`: the database's own files. `outside`: the other systems.

    "No rows" and "no bytes" are two claims: the first holds where `rows` is empty, the second where `bytes` is.
    None is not searched: `bytes` where it was not wanted or no database keeps its files in the folders, `outside`
    where they were not to be asked, `names` where none was told that could be searched for.
    `not_asked` names systems that could not be searched, with why.
    """

    at: datetime.datetime
    rows: list[Hit] = field(default_factory=list)
    names: list[Hit] | None = None
    bytes: list[Hit] | None = None
    outside: list[Hit] | None = None
    not_asked: list[str] = field(default_factory=list)
    remains: tuple[str, ...] = REMAINS

    @property
    def is_clean(self) -> bool:
        """No row or file holds an identifier, nor does a system outside where they were asked, and all answered."""
        return not (self.rows or self.outside or self.not_asked)

    @property
    def mentions(self) -> list[Hit]:
        """Names within texts: whom they mean, a person decides. A record of somebody of this name has its own
        identifiers, and they are others."""
        return [hit for hit in self.names or () if MENTION in hit.what]

    def document(self) -> dict[str, Any]:
        """Free of personal data: places, counts, kinds and encodings. JSON-serialisable."""
        return {**asdict(self), "at": self.at.isoformat(), "is_clean": self.is_clean}


def scan(
    identifiers: Iterable[tuple[str, str]],
    *,
    outside: bool = False,
    roots: Iterable[Path] | None = None,
    skip: Iterable[str] = (),
    heartbeat: Callable[[], None] = no_heartbeat,
    pages: bool = True,
    progress: Progress | None = None,
) -> Report:
    """Search everything for `identifiers`, (kind, value) pairs of search_patterns; the kind "name" besides.

    `outside` asks the stores of other systems as well; `roots` are the folders searched, the data directory if
    None; `skip` names tables that may hold them, such as the one of the request that is being worked on; `heartbeat` is
    called every second or so, with nothing under way; `pages=False` leaves out the bytes of the database's own files,
    which are many times what its rows are. `progress` is what an earlier attempt did of the tables.
    """
    identifiers = list(identifiers)
    sought, names, skipped = patterns_for(identifiers), names_of(identifiers), set(skip)
    report = Report(timezone.now())
    tables = database.scan(sought, skipped, heartbeat, names, progress)
    report.rows += [*tables.rows, *large_objects.scan(sought, heartbeat), *planner.scan(Finder(sought), skipped)]
    report.rows += memory.scan_sessions(sought, heartbeat) + memory.scan_redis(sought, heartbeat, names)
    folders = roots if roots is not None else [Path(settings.DATA_DIR)]
    found = files.scan(sought, folders, heartbeat, pages=pages, names=names)
    report.rows += found.plain
    report.names = tables.names + found.names if names else None
    report.bytes = found.pages
    if outside:
        report.outside = []
        _search_outside(identity_of(identifiers), report)
    return report


def tidy(identifiers: Iterable[tuple[str, str]], heartbeat: Callable[[], None] = no_heartbeat) -> str:
    """Renew what keeps values that are gone: the planner's statistics and Redis' files. "" or what could not be.

    What is only kept for a while for somebody's convenience goes before.
    """
    identifiers = list(identifiers)
    memory.forget(identifiers)
    planner.renew_statistics(Finder(patterns_for(identifiers)), names_of(identifiers), heartbeat)
    return redis_file.rewrite(heartbeat)


def names_of(identifiers: Iterable[tuple[str, str]]) -> NameFinder:
    return NameFinder(value for kind, value in identifiers if kind == NAME)


def identity_of(identifiers: Iterable[tuple[str, str]]) -> Identity:
    """What the stores look for, of the identifiers that are of their kinds."""
    values: dict[str, list[str]] = {}
    for kind, value in identifiers:
        values.setdefault(kind, []).append(value)
    url, phone = (values.get(kind, [""])[0] for kind in ("linkedin_url", "phone"))
    return Identity(url, tuple(values.get("email", [])), phone)


def _search_outside(identity: Identity, report: Report) -> None:
    for store in registered():
        if not store.is_recipient:
            continue
        if Capability.LOCATE not in store.capabilities():
            report.not_asked.append(f"{store.label}: no search available")
            continue
        try:
            found = list(store.locate(identity))
        except SearchIncomplete as incomplete:
            report.not_asked.append(f"{store.label}: {incomplete}")
            found = incomplete.records
        except (RetryLater, Unsupported) as error:
            report.not_asked.append(f"{store.label}: {error}")
            continue
        if found:
            kinds = sorted({kind for record in found for kind in record.matched})
            hit = Hit(store.label, len(found), tuple(kinds), tuple(r.key for r in found[:20]))
            report.outside = [*(report.outside or ()), hit]
