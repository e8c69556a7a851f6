"""One exchange with one vendor: a pool of connections, bounded in time and size; nothing followed, nothing repeated."""

import ssl
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode, urlsplit

import certifi
import urllib3
from django.conf import settings
from urllib3.exceptions import (
    ConnectTimeoutError,
    DecodeError,
    EmptyPoolError,
    HTTPError,
    LocationValueError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from .bounded import HTTPConnectionPool, HTTPSConnectionPool

SLOWEST_ANSWER: Final = 3.0  # times VENDOR_TIMEOUT_SECONDS for a whole answer that comes drop by drop
PIECE: Final = 65_536
OWN: Final = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "User-Agent": "swarm-admin"}


class Unsent(Exception):
    """Certainly nothing arrived."""


class BadAddress(Unsent):
    """No call can be made to such an address."""


class BadHeader(Unsent):
    """A header cannot be sent: the key holds what no key holds."""


class Lost(Exception):
    """It left, and the answer did not come whole. `code`: timeout or connection_lost; `status` where that came."""

    def __init__(self, code: str, status: int | None = None) -> None:
        super().__init__(code)
        self.code, self.status = code, status


class Exchange:
    """Calls to one address; safe in threads. `headers` go with every call.

    Not httpx, which reads better and takes half as long again for each of the many small calls. The words of the
    library's errors hold addresses, and with them e-mail addresses: none of them goes further than here.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str]) -> None:
        """Raises BadHeader."""
        self._base, self._prefix = base_url.rstrip("/"), ""
        self._headers = {**OWN, **headers}
        if not all(value.isascii() and value.isprintable() for value in self._headers.values()):
            raise BadHeader
        self._pool: urllib3.HTTPConnectionPool | None = None

    def close(self) -> None:
        if self._pool:
            self._pool.close()

    def send(
        self, method: str, path: str, content: bytes | None, params: Mapping[str, str] | None
    ) -> tuple[int, dict[str, str], bytes | None]:
        """(status, headers by lower-case name, body); the body None where it is too large or badly compressed.

        Raises Unsent or Lost.
        """
        pool = self._opened()
        asked = f"{self._prefix}{path}?{urlencode(params)}" if params else f"{self._prefix}{path}"
        headers = self._headers if content is None else {**self._headers, "Content-Type": "application/json"}
        try:
            answer = pool.urlopen(
                method, asked, content, headers, retries=False, redirect=False, preload_content=False
            )
        except (NewConnectionError, ConnectTimeoutError, EmptyPoolError):
            raise Unsent from None
        except SSLError as error:
            if isinstance(error.args[0], ssl.SSLCertVerificationError):
                raise Unsent from None  # not the vendor, or no longer
            raise Lost("connection_lost") from None
        except ReadTimeoutError:
            raise Lost("timeout") from None
        except (HTTPError, OSError):
            raise Lost("connection_lost") from None
        return answer.status, {name.lower(): value for name, value in answer.headers.items()}, _whole(answer)

    def _opened(self) -> urllib3.HTTPConnectionPool:
        """The pool, made with the first call. Raises BadAddress."""
        if self._pool is None:
            self._pool = self._made()
        return self._pool

    def _made(self) -> urllib3.HTTPConnectionPool:
        try:
            parts = urlsplit(self._base)
            place = parts.hostname or "", parts.port
        except ValueError:
            raise BadAddress from None
        if parts.scheme not in ("http", "https") or not place[0]:
            raise BadAddress
        self._prefix = parts.path
        seconds = settings.VENDOR_TIMEOUT_SECONDS
        bounds = {
            "timeout": urllib3.Timeout(connect=seconds, read=seconds),
            "maxsize": 4 * settings.VENDOR_CONCURRENCY,
            "block": True,
        }
        try:
            if parts.scheme == "https":
                return HTTPSConnectionPool(*place, ca_certs=certifi.where(), **bounds)
            return HTTPConnectionPool(*place, **bounds)
        except LocationValueError:
            raise BadAddress from None


def _whole(answer: urllib3.BaseHTTPResponse) -> bytes | None:
    """The body, or None when it is larger than allowed or its compression is broken. Raises Lost."""
    deadline = time.monotonic() + SLOWEST_ANSWER * settings.VENDOR_TIMEOUT_SECONDS
    raw, is_whole = bytearray(), False
    try:
        while piece := answer.read1(PIECE):
            raw += piece
            if len(raw) > settings.VENDOR_MAX_ANSWER_BYTES:
                return None
            if time.monotonic() > deadline:
                raise Lost("timeout", answer.status)
        is_whole = True
    except DecodeError:
        return None
    except ReadTimeoutError:
        raise Lost("timeout", answer.status) from None
    except (HTTPError, OSError):
        raise Lost("connection_lost", answer.status) from None
    finally:
        if not is_whole:
            answer.close()  # with what is left of the answer, its connection cannot be used again
        answer.release_conn()
    return bytes(raw)
