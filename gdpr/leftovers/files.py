"""Files: under the data directory, in archives within it, and the database's own files as bytes."""

import gzip
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from gdpr.leftovers.hits import Hit, describe, no_heartbeat
from gdpr.leftovers.names import NameFinder
from gdpr.leftovers.search_patterns import Finder, SearchPattern, as_text

BLOCK = 4 * 1024 * 1024
# A ZIP with a password raises RuntimeError, one packed in an unknown way NotImplementedError.
UNREADABLE = (OSError, zipfile.BadZipFile, EOFError, zlib.error, RuntimeError, NotImplementedError)
DATABASE_MARK = "PG_VERSION"  # a folder with this file is a PostgreSQL data directory


@dataclass
class FileHits:
    """`plain`: in files; `names`: where a person's name stands in them. `pages`: in the bytes of a database's own
    files: rows that are deleted and not overwritten yet, and the write-ahead log; None where they were not looked
    through, or no database keeps its files here.

    Files that cannot be read are hits too: nothing is known of them.
    """

    plain: list[Hit] = field(default_factory=list)
    names: list[Hit] = field(default_factory=list)
    pages: list[Hit] | None = None


def scan(
    patterns: Iterable[SearchPattern],
    roots: Iterable[Path],
    heartbeat: Callable[[], None] = no_heartbeat,
    *,
    pages: bool = True,
    names: NameFinder | None = None,
) -> FileHits:
    """What is found in files under `roots`. `pages=False` leaves out a database's own."""
    look = _FileSearch(Finder(patterns), names or NameFinder([]), heartbeat)
    found = FileHits()
    for root in roots:
        for path, in_database in _walk(root):
            heartbeat()
            if not in_database:
                hit, names_there = look.at(path, root)
                found.plain += [hit] if hit else []
                found.names += names_there
            elif pages:
                found.pages = found.pages or []
                hit, _ = look.at(path, root)
                found.pages += [hit] if hit else []
    return found


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


@dataclass
class _FileSearch:
    finder: Finder
    names: NameFinder
    heartbeat: Callable[[], None]

    def at(self, path: Path, root: Path) -> tuple[Hit | None, list[Hit]]:
        """(hit of an identifier or of what cannot be read, hits of names) in the file's name and its contents."""
        place, title = str(path.relative_to(root)), path.name.encode()
        found, named = self.finder.find(title), Counter(filter(None, [self.names.find(title)]))
        try:
            for stream in _contents(path):
                with stream:
                    found |= self._in_stream(stream, named)
        except FileNotFoundError:
            return None, []  # removed while this went on
        except UNREADABLE as error:
            return Hit(place, 1, (f"can't be read: {type(error).__name__}",)), []
        kinds = tuple(sorted(describe(pattern) for pattern in found))
        return Hit(place, 1, kinds) if found else None, [Hit(place, n, (what,)) for what, n in named.items()]

    def _in_stream(self, stream: IO[bytes], named: Counter[str]) -> set[SearchPattern]:
        found: set[SearchPattern] = set()
        rest = b""
        while block := stream.read(BLOCK):
            self.heartbeat()
            found |= self.finder.find(rest + block)
            if self.names:
                named.update(self._named(rest + block))
            rest = (rest + block)[-max(self.finder.longest, self.names.longest) :]
        return found

    def _named(self, data: bytes) -> Iterator[str]:
        """Line by line, where any may hold a name."""
        if self.names.may_be_in(data, as_text(data)):
            lines = data.split(b"\n")
            yield from filter(None, (self.names.find(lines[number]) for number in self.names.may_hold(lines)))


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
