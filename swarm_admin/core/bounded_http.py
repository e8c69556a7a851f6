"""httpx with one deadline for an exchange as a whole: its own time-outs count from byte to byte.

Who sends a byte a second would hold a thread for ever.
"""

import contextlib
import functools
import math
import ssl
import time
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any

import httpcore
import httpx

_ends: ContextVar[float] = ContextVar("ends", default=math.inf)


@contextlib.contextmanager
def total_timeout(seconds: float) -> Iterator[None]:
    """What this thread reads through a BoundedTransport in here ends within so many seconds, in httpx.ReadTimeout."""
    before = _ends.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends.reset(before)


@functools.cache
def _trusted() -> ssl.SSLContext:
    """Made once: to read all the authorities takes longer than a call."""
    return httpx.create_ssl_context(trust_env=False)


class BoundedTransport(httpx.HTTPTransport):
    """Keeps at most `connections` open; `total_timeout` applies. Proxies of the environment are ignored."""

    def __init__(self, connections: int = 1) -> None:
        super().__init__(verify=_trusted(), trust_env=False)
        self._pool = httpcore.ConnectionPool(
            ssl_context=_trusted(),
            max_connections=connections,
            max_keepalive_connections=connections,
            network_backend=_Network(),
        )


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = _ends.get() - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout
        wait = min(left, math.inf if timeout is None else timeout)
        return self._stream.read(max_bytes, wait if math.isfinite(wait) else None)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Network(httpcore.SyncBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        return _Stream(super().connect_tcp(host, port, timeout, local_address, socket_options))
