"""A streamed answer between the thread that makes it and the client that reads it, each at its own pace."""

import asyncio
import os
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from typing import IO

from django.conf import settings

PIECE = 256 * 1024  # bytes read back at once


class ReaderGone(Exception):
    """Nobody reads the answer any more."""


class Spool:
    """Bytes written by a thread and read by the event loop; what waits between them is on disk, without a name.

    So the thread, and the database's snapshot it reads from, are held as long as making the answer takes, not
    as long as the client takes to read it. The writer waits once `limit` bytes lie unread.
    """

    def __init__(self, limit: int, loop: asyncio.AbstractEventLoop) -> None:
        self.limit = limit
        self._file: IO[bytes] = tempfile.TemporaryFile(  # noqa: SIM115 - closed with `abandon`
            buffering=0, dir=settings.FILE_UPLOAD_TEMP_DIR
        )
        self._written = self._read = 0  # offsets in the file
        self._changed = threading.Condition()
        self._loop = loop
        self._arrived = asyncio.Event()
        self._ended = self._failed = self._abandoned = False

    # ---------------------------------------------------------------- the writer's thread

    def write(self, piece: bytes) -> None:
        """Raises ReaderGone once the reader has left."""
        with self._changed:
            self._changed.wait_for(lambda: self._abandoned or self._written - self._read < self.limit)
            if self._abandoned:
                raise ReaderGone
            if self._read == self._written and self._written:  # all was read: the room is used again
                self._file.truncate(0)
                self._read = self._written = 0
            self._written += _write_all(self._file.fileno(), piece, self._written)
        self._tell()

    def fill(self, pieces: Iterator[bytes]) -> None:
        """Write all of them; until the reader leaves, if it leaves before."""
        try:
            for piece in pieces:
                self.write(piece)
        except ReaderGone:
            return
        except BaseException:
            self.end(failed=True)
            raise
        self.end()

    def end(self, *, failed: bool = False) -> None:
        """Nothing more comes; `failed`: and what came is not the whole answer."""
        self._ended, self._failed = True, failed
        self._tell()

    def _tell(self) -> None:
        self._loop.call_soon_threadsafe(self._arrived.set)

    # ---------------------------------------------------------------- the event loop

    async def pieces(self) -> AsyncIterator[bytes]:
        """The bytes in order, until the writer's end. Raises RuntimeError if the writer failed."""
        while True:
            self._arrived.clear()
            ended = self._ended  # looked at before the file: what was written before the end is not missed
            if piece := await asyncio.to_thread(self._next):
                yield piece
            elif ended:
                break
            else:
                await self._arrived.wait()
        if self._failed:
            raise RuntimeError("the answer broke off")

    def _next(self) -> bytes:
        with self._changed:
            piece = os.pread(self._file.fileno(), min(PIECE, self._written - self._read), self._read)
            self._read += len(piece)
            self._changed.notify()
        return piece

    def abandon(self) -> None:
        """The reader leaves; a writer that waits is told."""
        with self._changed:
            self._abandoned = True
            self._file.close()
            self._changed.notify()


def _write_all(handle: int, piece: bytes, at: int) -> int:
    """Write at the offset; the number of bytes. A call of the system may take fewer than it is given."""
    view, done = memoryview(piece), 0
    while done < len(view):
        done += os.pwrite(handle, view[done:], at + done)
    return done
