"""One exchange with one vendor: its connections, bounded in time and size; nothing followed, nothing repeated."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import httpx
from django.conf import settings

from swarm_admin.core.bounded_http import BoundedTransport, total_timeout

SLOWEST_ANSWER: Final = 3.0  # times VENDOR_TIMEOUT_SECONDS for a whole answer, head and body, that comes drop by drop
OWN: Final = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "User-Agent": "swarm-admin"}


class NotTransmitted(Exception):
    """Certainly nothing arrived."""


class BadAddress(NotTransmitted):
    """No call can be made to such an address."""


class BadHeader(NotTransmitted):
    """A header cannot be sent: the key holds what no key holds."""


class LostAnswer(Exception):
    """It left, and the answer did not come whole. `code`: timeout or connection_lost; `status` where that came."""

    def __init__(self, code: str, status: int | None = None) -> None:
        super().__init__(code)
        self.code, self.status = code, status


class TooLarge(Exception):
    """A body is larger than allowed, or its compression is broken."""


@dataclass(frozen=True)
class OpenAnswer:
    """`headers` by lower-case name; `pieces` of the body raise TooLarge beyond what is allowed."""

    status: int
    headers: dict[str, str]
    pieces: Iterator[bytes]


class Exchange:
    """Calls to one address; safe in threads. `headers` go with every call.

    The words of the library's errors hold addresses, and with them e-mail addresses: none of them goes further
    than here.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str]) -> None:
        """Raises BadHeader."""
        self._base = base_url
        self._headers = {**OWN, **headers}
        if not all(value.isascii() and value.isprintable() for value in self._headers.values()):
            raise BadHeader
        self._idle: list[httpx.Client] = []

    def close(self) -> None:
        """The connections that are not in use; the next call makes them anew."""
        idle, self._idle = self._idle, []
        for client in idle:
            client.close()

    def send(
        self,
        method: str,
        path: str,
        content: bytes | None,
        params: Mapping[str, str] | None,
        kind: str = "application/json",
    ) -> tuple[int, dict[str, str], bytes | None]:
        """(status, headers by lower-case name, body); the body None where it is too large or badly compressed.

        `kind`: the type of `content`. Raises NotTransmitted or LostAnswer.
        """
        with self.open(method, path, content, params, kind) as answer:
            return answer.status, answer.headers, _read_body(answer.pieces)

    @contextlib.contextmanager
    def open(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        params: Mapping[str, str] | None = None,
        kind: str = "application/json",
    ) -> "Iterator[OpenAnswer]":
        """An answer whose body is read piece by piece within. Raises NotTransmitted or LostAnswer, reading too."""
        status: int | None = None
        typed = {} if content is None else {"Content-Type": kind}
        try:
            with (
                total_timeout(SLOWEST_ANSWER * settings.VENDOR_TIMEOUT_SECONDS),
                self._borrowed() as client,
                client.stream(method, path, content=content, params=params, headers=typed) as answer,
            ):
                status = answer.status_code
                yield OpenAnswer(status, dict(answer.headers), _pieces(answer))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            raise NotTransmitted from None
        except (httpx.UnsupportedProtocol, httpx.InvalidURL):
            raise BadAddress from None
        except httpx.TimeoutException:
            raise LostAnswer("timeout", status) from None
        except httpx.RequestError:
            raise LostAnswer("connection_lost", status) from None

    @contextlib.contextmanager
    def _borrowed(self) -> Iterator[httpx.Client]:
        """One connection, for this call alone. Raises httpx.InvalidURL.

        Not a pool of the library: it looks at every open connection before every call, under one lock, which took
        more of eight threads than the calls themselves.
        """
        idle = self._idle
        try:
            client = idle.pop()
        except IndexError:
            client = httpx.Client(
                base_url=self._base,
                headers=self._headers,
                timeout=settings.VENDOR_TIMEOUT_SECONDS,
                transport=BoundedTransport(),
                trust_env=False,
            )
        try:
            yield client
        finally:
            if idle is self._idle and len(idle) < 4 * settings.VENDOR_CONCURRENCY:
                idle.append(client)
            else:
                client.close()


def _pieces(answer: httpx.Response) -> Iterator[bytes]:
    """Raises TooLarge, or httpx.RequestError."""
    size = 0
    try:
        for piece in answer.iter_bytes():
            size += len(piece)
            if size > settings.VENDOR_MAX_ANSWER_BYTES:
                raise TooLarge
            yield piece
    except httpx.DecodingError:
        raise TooLarge from None


def _read_body(pieces: Iterator[bytes]) -> bytes | None:
    """The body, or None when it is larger than allowed or its compression is broken. Raises httpx.RequestError."""
    raw = bytearray()
    try:
        for piece in pieces:
            raw += piece
    except TooLarge:
        return None
    return bytes(raw)
