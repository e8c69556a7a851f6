"""All scored leads as a frame that a preview evaluates: kept on disk, brought up to date before each use.

One Arrow file per host: keys, flags and the columns the scorecards in use look at. A process that serves a
preview reads it into memory (135 MB for a million leads) and lets go of it RELEASE_SECONDS after its last use, so
only where somebody edits there is a copy. A log that triggers write (LeadChange) names the leads that came,
went or changed since; those are read again before each use, so an evaluation includes the newest lead.

The file holds personal data: `remove_files()` removes it, a lead that is gone is gone from it at the next use or the
next `remove_unused()`, whichever is sooner, and it is removed when nobody has used it for KEEP_SECONDS.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl
from django.conf import settings
from django.db import connection

from enrichment.scoring import loading

RELEASE_SECONDS = 300.0  # unused so long, a process lets go of its copy
KEEP_SECONDS = 3600  # unused so long, the file goes
REBUILD_SECONDS = 86_400  # read from the tables anew at least so often; the log is pruned after twice that
PART = 100_000  # leads read at once
FOLD = 5_000  # changed since: from here on they are written into the file
MOST_CHANGES = 250_000  # and from here on everything is read anew


@dataclass(frozen=True)
class Manifest:
    """What the files hold. `since`: database time (ISO) from which changes are not in them for certain."""

    file: str
    fields: list[str]
    since: str
    built_at: float
    database: str


@dataclass(frozen=True)
class Snapshot:
    """Every scored lead, in no order: those of `base` whose key is not in `changed`, and `fresh`.

    `version` differs when anything in it does.
    """

    base: pl.DataFrame
    fresh: pl.DataFrame
    changed: pl.Series
    fields: tuple[str, ...]
    version: str


_lock = threading.Lock()
_held: tuple[str, pl.DataFrame] | None = None  # file name, its frame
_latest: Snapshot | None = None
_release: threading.Timer | None = None
on_release: list[Callable[[], None]] = []  # whoever keeps what was worked out of it


def current(fields: Collection[str]) -> Snapshot:
    """Every scored lead as it is now, with at least these fields."""
    with _lock, _files_locked() as place:
        _put_off_release()
        manifest = _read_manifest(place)
        if manifest is None or not _covers(manifest, fields):
            stored_fields = manifest.fields if manifest else []
            manifest = _build(place, sorted({*fields, *stored_fields}))
        return _up_to_date(place, manifest)


def remove_files() -> None:
    """Remove the files of this host: nobody's data is left in them. The next preview reads everything anew."""
    close_files()
    with _lock, _files_locked() as place:
        for each in place.glob("*.arrow"):
            each.unlink()
        (place / "manifest.json").unlink(missing_ok=True)


def close_files() -> None:
    """Let go of what this process holds of it."""
    global _held, _latest
    with _lock:
        _held = _latest = None
    for forget in on_release:
        forget()


def _put_off_release() -> None:
    global _release
    if _release is not None:
        _release.cancel()
    _release = threading.Timer(RELEASE_SECONDS, close_files)
    _release.daemon = True
    _release.start()


def remove_unused() -> None:
    """Remove the files where nobody uses them or they hold a lead that is gone, and what the log no longer needs."""
    place = directory()
    manifest = _read_manifest(place)
    if manifest is not None:
        unused = time.time() - (place / "manifest.json").stat().st_mtime > KEEP_SECONDS
        if unused or _holds_who_is_gone(manifest):
            remove_files()
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM enrichment_leadchange WHERE at < now() - interval '1 second' * %s",
            [2 * REBUILD_SECONDS],
        )


def _holds_who_is_gone(manifest: Manifest) -> bool:
    """Whether a lead was erased or restricted since the files were made. The next use would leave it out too."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM enrichment_leadchange AS change WHERE change.at >= %s AND NOT EXISTS "
            "(SELECT 1 FROM enrichment_lead WHERE id = change.lead_id AND icp_score IS NOT NULL AND restriction = ''))",
            [manifest.since],
        )
        return bool(cursor.fetchone()[0])


def directory() -> Path:
    return Path(settings.SCORING_SNAPSHOT_DIR)


# ---------------------------------------------------------------- files


@contextlib.contextmanager
def _files_locked() -> Iterator[Path]:
    """The directory, under a lock that other processes of this host wait for."""
    place = directory()
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(place / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield place
    finally:
        os.close(handle)


def _read_manifest(place: Path) -> Manifest | None:
    try:
        manifest = Manifest(**json.loads((place / "manifest.json").read_text()))
    except (FileNotFoundError, ValueError, TypeError):  # none, or of another version of this module
        return None
    return manifest if (place / manifest.file).exists() else None


def _covers(manifest: Manifest, fields: Collection[str]) -> bool:
    old = time.time() - manifest.built_at > REBUILD_SECONDS
    return not old and set(fields) <= set(manifest.fields) and manifest.database == _database()


def _database() -> str:
    """Tells this database from another one that a restored or copied directory may belong to."""
    return f"{connection.settings_dict['HOST']}/{connection.settings_dict['NAME']}"


def _write(place: Path, frame: pl.DataFrame, fields: list[str], since: str, built_at: float) -> Manifest:
    """A new file in place of the old one."""
    name = f"{uuid.uuid4().hex}.arrow"
    target = os.open(place / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(target, "wb") as file:
        frame.write_ipc(file, compression="uncompressed")
    manifest = Manifest(name, fields, since, built_at, _database())
    fresh = place / "manifest.new"
    fresh.write_text(json.dumps(asdict(manifest)))
    fresh.replace(place / "manifest.json")
    for other in place.glob("*.arrow"):
        if other.name != name:
            other.unlink()
    return manifest


def _read(place: Path, manifest: Manifest) -> pl.DataFrame:
    global _held
    if _held is None or _held[0] != manifest.file:
        _held = (manifest.file, pl.read_ipc(place / manifest.file))
    os.utime(place / "manifest.json")  # when it was last of use
    return _held[1]


# ---------------------------------------------------------------- reading the tables


def _build(place: Path, fields: list[str]) -> Manifest:
    """Everything, part by part. What changes meanwhile is in the log."""
    since, built_at, after, parts = _safe_moment(), time.time(), 0, []
    while True:
        frame = loading.load_leads(fields, "id > %s", [after], most=PART)
        if frame.is_empty():
            break
        parts.append(frame)
        after = int(frame["id"][-1])  # they come in the order of their keys
    whole = pl.concat(parts) if parts else pl.DataFrame(schema=loading.schema(fields))
    return _write(place, whole.rechunk(), fields, since, built_at)


def _safe_moment() -> str:
    """A moment of the database's clock: what is committed later was logged at or after it.

    A change is logged within its transaction, so no earlier than the oldest one that is open began.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT least(now(), min(xact_start)) FROM pg_stat_activity WHERE datname = current_database()")
        return str(cursor.fetchone()[0].isoformat())


def _up_to_date(place: Path, manifest: Manifest) -> Snapshot:
    global _latest
    moment = _safe_moment()
    rows, newest, changed = _changes(manifest.since)
    if len(changed) > MOST_CHANGES:
        manifest = _build(place, manifest.fields)
        rows, newest, changed = _changes(manifest.since)
    base, version = _read(place, manifest), f"{manifest.file}:{rows}:{newest}"
    if _latest is not None and _latest.version == version:
        return _latest
    fresh = loading.load_leads(manifest.fields, "id = ANY(%s)", [changed])
    ids = pl.Series("id", changed, dtype=pl.Int64)
    any_removed = base["id"].is_in(ids.filter(~ids.is_in(fresh["id"].implode())).implode()).any()
    if any_removed or len(changed) > FOLD:
        whole = pl.concat([base.filter(~pl.col("id").is_in(ids.implode())), fresh])
        manifest = _write(place, whole, manifest.fields, moment, manifest.built_at)
        base, fresh, ids = _read(place, manifest), fresh.clear(), ids.clear()
        version = f"{manifest.file}::"
    _latest = Snapshot(base, fresh, ids, tuple(manifest.fields), version)
    return _latest


def _changes(since: str) -> tuple[int, int, list[int]]:
    """How many entries of the log since then, the newest, and the leads they name."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), coalesce(max(id), 0), coalesce(array_agg(DISTINCT lead_id), '{}') "
            "FROM (SELECT id, lead_id FROM enrichment_leadchange WHERE at >= %s LIMIT %s) AS since",
            [since, 4 * MOST_CHANGES],
        )
        counted: tuple[int, int, list[int]] = cursor.fetchone()
        return counted


def describe() -> dict[str, Any]:
    """For whoever must know what lies where: directory, whether a file is there, its fields and size in bytes."""
    manifest = _read_manifest(directory())
    size = (directory() / manifest.file).stat().st_size if manifest else 0
    return {"directory": str(directory()), "fields": manifest.fields if manifest else [], "bytes": size}
