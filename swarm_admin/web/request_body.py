"""The body of a request, taken in whole before a thread is spent on it."""

import asyncio
import io
import tempfile
from collections.abc import Awaitable, Callable, MutableMapping
from typing import IO, Any

from django.conf import settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

IN_MEMORY = 64 * 1024  # bytes of one body; the rest of it waits on disk
# What is too large is read on and thrown away, so that its sender gets to read why; no further than this.
THROWN_AWAY = 32 * 1024 * 1024


class BodyCut(Exception):
    """The rest of the body did not come in time."""


class ClientGone(Exception):
    """The sender hung up before the end of the body."""


class Body:
    """What came of a body: `file` at its beginning, and `length` in bytes, also where less of it was kept."""

    def __init__(self) -> None:
        self.file: IO[bytes] = io.BytesIO()
        self.length = self.kept = 0

    async def add(self, piece: bytes, keep: int) -> None:
        """Keep the piece, or as much of it as is missing to `keep` bytes."""
        self.length += len(piece)
        piece = piece[: max(keep - self.kept, 0)]
        if not piece:
            return
        self.kept += len(piece)
        if self.kept <= IN_MEMORY:
            self.file.write(piece)
        else:
            await asyncio.to_thread(self._to_disk, piece)

    def _to_disk(self, piece: bytes) -> None:
        if isinstance(self.file, io.BytesIO):
            # Without a name, so nothing is left of it even after a crash: bodies hold personal data.
            on_disk = tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR)  # noqa: SIM115 - closed with the body
            on_disk.write(self.file.getvalue())
            self.file = on_disk
        self.file.write(piece)

    def close(self) -> None:
        self.file.close()


async def read_body(receive: Receive, body: Body, *, declared: int | None, keep: int) -> None:
    """Read a request's body into `body` and rewind it.

    It has BODY_TIMEOUT_SECONDS, and a second more for each BODY_BYTES_PER_SECOND that came: neither silence nor
    dripping lasts. `declared`: the Content-Length, None of a chunked body. At most `keep` bytes are kept.

    Raises:
        BodyCut: it did not come in time.
        ClientGone: it ended too early.
    """
    began = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(settings.BODY_TIMEOUT_SECONDS) as deadline:
            end = keep + THROWN_AWAY if declared is None else min(declared, keep + THROWN_AWAY)
            while await _read_piece(receive, body, keep) and body.length < end:
                paid = body.length / settings.BODY_BYTES_PER_SECOND
                deadline.reschedule(began + settings.BODY_TIMEOUT_SECONDS + paid)
    except TimeoutError:
        raise BodyCut from None
    if declared is not None and body.length < end:
        raise ClientGone
    body.file.seek(0)


async def _read_piece(receive: Receive, body: Body, keep: int) -> bool:
    """Take in what the server has of the body; whether to go on."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    await body.add(message.get("body", b""), keep)
    return bool(message.get("more_body"))
