"""A WSGI application behind an asynchronous server: its threads meet complete requests and never wait for a client."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings

from swarm_admin.core import numbers
from swarm_admin.web.environ import Environ, Scope, environ_of
from swarm_admin.web.request_body import Body, BodyCut, ClientGone, Message, Receive, read_body
from swarm_admin.web.sockets import drop_unread_answers
from swarm_admin.web.spool import Spool

Send = Callable[[Message], Awaitable[None]]
WSGIApplication = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
Headers = list[tuple[bytes, bytes]]

WHOLE = 256 * 1024  # bytes of an answer that is sent as one; a longer one goes by way of a spool
# A length that Django refuses to read, of a body that was not kept in whole.
TOO_LONG = settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1
SPOOLED = 1024**3  # bytes that may wait on disk for a slow reader; then the thread waits with them


class Answer:
    """What a WSGI application answers, as its thread finds it out: a whole `body`, or a `spool` to read on from."""

    def __init__(self) -> None:
        self.status = 500
        self.headers: Headers = []
        self.body = b""
        self.spool: Spool | None = None

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        """WSGI's `start_response`."""
        self.status = int(status.split(" ", 1)[0])
        self.headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


class Bridge:
    """The ASGI application: `application` in one of `threads` threads, once the body is there in whole.

    A body longer than `always_kept` is asked about first, in a thread: `most_bytes(environ)` of it are kept. What
    is longer still, `application` sees by its CONTENT_LENGTH, and refuses. `on_incomplete` is told, in a thread, of
    requests whose body did not come whole or in time.
    """

    def __init__(
        self,
        application: WSGIApplication,
        *,
        threads: int,
        always_kept: int,
        most_bytes: Callable[[Environ], int],
        on_incomplete: Callable[[Environ], None] | None = None,
    ) -> None:
        self.application, self.always_kept, self.most_bytes = application, always_kept, most_bytes
        self.on_incomplete = on_incomplete
        self.threads = ThreadPoolExecutor(threads, thread_name_prefix="web")
        self.first = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.first:  # the server opens its socket after it has read this application
            self.first = False
            drop_unread_answers(settings.RESPONSE_TIMEOUT_SECONDS)
        environ = environ_of(scope)
        try:
            body = await self._body(environ, receive)
        except BodyCut:
            self._tell_incomplete(environ)
            await _refuse(408, b"The body did not come in time.", send)
        except ClientGone:
            self._tell_incomplete(environ)
            await _refuse(400, b"The body ended too early.", send)
        else:
            loop = asyncio.get_running_loop()
            begun: asyncio.Future[Answer] = loop.create_future()
            self.threads.submit(self._work, environ, body, begun, loop)
            await _send(await begun, send)

    def _tell_incomplete(self, environ: Environ) -> None:
        if self.on_incomplete is not None:
            self.threads.submit(self.on_incomplete, environ)

    async def _body(self, environ: Environ, receive: Receive) -> Body:
        """The body, in the environment too; empty where none is announced."""
        length, chunked = environ.get("CONTENT_LENGTH", ""), "HTTP_TRANSFER_ENCODING" in environ
        declared = None
        if length.isdecimal() and not chunked:
            number = numbers.parse_int(length)
            declared = numbers.HIGHEST if number is None else number  # more than any route takes, whatever it is
        body = Body()
        if not declared and not chunked:
            environ["wsgi.input"] = body.file
            return body
        keep = self.always_kept
        if declared is None or declared > keep:
            loop = asyncio.get_running_loop()
            keep = await loop.run_in_executor(self.threads, self.most_bytes, environ)
        try:
            await read_body(receive, body, declared=declared, keep=keep)
        except BaseException:
            body.close()
            raise
        whole = body.length == body.kept
        environ["CONTENT_LENGTH"] = str(body.length if whole else max(declared or body.length, TOO_LONG))
        environ["wsgi.input"] = body.file
        return body

    # ---------------------------------------------------------------- in a thread

    def _work(
        self,
        environ: Environ,
        body: Body,
        begun: "asyncio.Future[Answer]",
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        answer = Answer()
        try:
            response = self.application(environ, answer.start)
            try:
                pieces = iter(response)
                answer.body, more = _first(pieces)
                if more:
                    answer.spool = Spool(SPOOLED, loop)
                    loop.call_soon_threadsafe(begun.set_result, answer)
                    return answer.spool.fill(pieces)
            finally:
                getattr(response, "close", lambda: None)()
            loop.call_soon_threadsafe(begun.set_result, answer)
        except Exception as error:
            loop.call_soon_threadsafe(begun.set_exception, error)
        finally:
            body.close()


def _first(pieces: Iterator[bytes]) -> tuple[bytes, bool]:
    """(the first WHOLE bytes or a little more, whether others follow)."""
    taken, size = [], 0
    for piece in pieces:
        taken.append(piece)
        size += len(piece)
        if size >= WHOLE:
            return b"".join(taken), True
    return b"".join(taken), False


# -------------------------------------------------------------------- in the event loop


async def _refuse(status: int, sentence: bytes, send: Send) -> None:
    """Close the connection with it: what else comes on it is the rest of the body."""
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"error": "%s"}' % sentence})


async def _send(answer: Answer, send: Send) -> None:
    """Give the answer away; a client that takes nothing of it for RESPONSE_TIMEOUT_SECONDS is left.

    To return before the end, or to raise, breaks the connection off: the client sees that there was more.
    """
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    spool = answer.spool
    if not spool:
        await send({"type": "http.response.body", "body": answer.body})
        return
    try:
        await _send_piece(answer.body, send)
        async for piece in spool.pieces():
            await _send_piece(piece, send)
    except TimeoutError:
        return
    finally:
        spool.abandon()
    await send({"type": "http.response.body", "body": b""})


async def _send_piece(piece: bytes, send: Send) -> None:
    async with asyncio.timeout(settings.RESPONSE_TIMEOUT_SECONDS):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
