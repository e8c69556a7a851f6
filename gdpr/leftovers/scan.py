"""The whole search, and what may be said of its result."""

import datetime
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from gdpr.identity import Identity
from gdpr.leftovers import database, files, memory
from gdpr.leftovers.database import Hit
from gdpr.leftovers.needles import needles
from gdpr.stores import Capability, Later, Unsupported, registered

REMAINS = (
    "The write-ahead log and dead row versions of the database keep earlier bytes until they are overwritten; "
    "compressed values in them are not found by a search for bytes.",
    "Backups made before the erasure hold the person until they expire. After one is restored, "
    "`manage.py replay_erasures` erases again everyone on the suppression list.",
)


@dataclass
class Report:
    """`rows`: tables, files, Redis and sessions. `bytes`: the database's own files. `outside`: the other systems.

    "No rows" and "no bytes" are two claims: the first holds where `rows` is empty, the second where `bytes` is;
    `bytes` is None where they were not searched.
    `not_asked` names systems that could not be searched, with why.
    """

    at: datetime.datetime
    rows: list[Hit] = field(default_factory=list)
    bytes: list[Hit] | None = None
    outside: list[Hit] = field(default_factory=list)
    not_asked: list[str] = field(default_factory=list)
    remains: tuple[str, ...] = REMAINS

    @property
    def is_clean(self) -> bool:
        """No row, file or system outside holds anything, and all were asked."""
        return not (self.rows or self.outside or self.not_asked)

    def document(self) -> dict[str, Any]:
        """Free of personal data: places, counts, kinds and encodings. JSON-serialisable."""
        return {**asdict(self), "at": self.at.isoformat(), "is_clean": self.is_clean}


def scan(
    identifiers: Iterable[tuple[str, str]],
    *,
    outside: bool = False,
    roots: Iterable[Path] | None = None,
    skip: Iterable[str] = (),
    beat: Callable[[], None] = database.nothing,
    pages: bool = True,
) -> Report:
    """Search everything for `identifiers`, (kind, value) pairs of gdpr.leftovers.needles.

    `outside` asks the stores of other systems as well; `roots` are the folders searched, the data directory if
    None; `skip` names tables that may hold them, such as the one of the request that is being worked on; `beat` is
    called now and again while it lasts; `pages=False` leaves out the bytes of the database's own files, which are
    many times what its rows are.
    """
    identifiers = list(identifiers)
    sought = needles(identifiers)
    report = Report(timezone.now())
    report.rows += database.scan(sought, skip, beat)
    report.rows += memory.scan_sessions(sought) + memory.scan_redis(sought)
    folders = roots if roots is not None else [Path(settings.DATA_DIR)]
    plain, in_pages = files.scan(sought, folders, beat, pages=pages)
    report.rows += plain
    report.bytes = in_pages if pages else None
    if outside:
        _ask_outside(identity_of(identifiers), report)
    return report


def identity_of(identifiers: Iterable[tuple[str, str]]) -> Identity:
    """What the stores look for, of the identifiers that are of their kinds."""
    told: dict[str, list[str]] = {}
    for kind, value in identifiers:
        told.setdefault(kind, []).append(value)
    url, phone = (told.get(kind, [""])[0] for kind in ("linkedin_url", "phone"))
    return Identity(url, tuple(told.get("email", [])), phone)


def _ask_outside(identity: Identity, report: Report) -> None:
    for store in registered():
        if not store.is_recipient:
            continue
        if Capability.LOCATE not in store.capabilities():
            report.not_asked.append(f"{store.label}: it has no search")
            continue
        try:
            found = list(store.locate(identity))
        except (Later, Unsupported) as error:
            report.not_asked.append(f"{store.label}: {error}")
            continue
        if found:
            kinds = sorted({kind for record in found for kind in record.matched})
            report.outside.append(
                Hit(store.label, len(found), tuple(kinds), tuple(r.key for r in found[:20]))
            )
