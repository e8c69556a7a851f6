"""Files: under the data directory, in archives within it, and the database's own files as bytes."""

import gzip
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

from gdpr.leftovers.database import Hit, nothing, said
from gdpr.leftovers.needles import Finder, Needle

BLOCK = 4 * 1024 * 1024
DATABASE_MARK = "PG_VERSION"  # a folder with this file is a PostgreSQL data directory


def scan(
    needles: Iterable[Needle],
    roots: Iterable[Path],
    beat: Callable[[], None] = nothing,
    *,
    pages: bool = True,
) -> tuple[list[Hit], list[Hit]]:
    """(what is found in files, what is found in the bytes of a database's own files).

    The second are rows that are deleted and not overwritten yet, and the write-ahead log: no row holds them.
    Files that cannot be read are hits too: nothing is known of them. `pages=False` leaves the second out.
    """
    finder = Finder(needles)
    plain: list[Hit] = []
    in_pages: list[Hit] = []
    for root in roots:
        for path, in_database in _walk(root):
            if in_database and not pages:
                continue
            beat()
            hit = _look(finder, path, root)
            if hit is not None:
                (in_pages if in_database else plain).append(hit)
    return plain, in_pages


def _walk(folder: Path, in_database: bool = False) -> Iterator[tuple[Path, bool]]:
    """Every file, and whether it is part of a database; links are not followed."""
    if not folder.is_dir():
        return
    in_database = in_database or (folder / DATABASE_MARK).exists()
    for path in sorted(folder.iterdir()):
        if path.is_symlink():
            continue
        if path.is_dir():
            yield from _walk(path, in_database)
        elif path.is_file():
            yield path, in_database


def _look(finder: Finder, path: Path, root: Path) -> Hit | None:
    place = str(path.relative_to(root))
    try:
        found = set(finder.find(path.name.encode()))
        for stream in _contents(path):
            with stream:
                found |= _in_stream(finder, stream)
    except FileNotFoundError:
        return None  # removed while this went on
    except (OSError, zipfile.BadZipFile, EOFError, zlib.error) as error:
        return Hit(place, 1, (f"cannot be read: {type(error).__name__}",))
    return Hit(place, 1, tuple(sorted(said(needle) for needle in found))) if found else None


def _contents(path: Path) -> Iterator[IO[bytes]]:
    """The file as it is, and what an archive holds."""
    with path.open("rb") as file:
        head = file.read(4)
    yield path.open("rb")
    if head.startswith(b"\x1f\x8b"):
        yield gzip.GzipFile(path)  # type: ignore[misc]
    elif head == b"PK\x03\x04":
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                yield archive.open(name)


def _in_stream(finder: Finder, stream: IO[bytes]) -> set[Needle]:
    found: set[Needle] = set()
    rest = b""
    while block := stream.read(BLOCK):
        found |= finder.find(rest + block)
        rest = (rest + block)[-finder.longest :]
    return found
