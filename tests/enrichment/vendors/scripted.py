"""A vendor that says what a test tells it to, over real loopback HTTP."""

import contextlib
import json
import socket
import struct
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RESET = "reset"  # the connection is torn down once the request has been read
SILENT = "silent"  # no answer until the test is over
CUT = "cut"  # the connection ends before the body does
DRIP = "drip"  # a byte now and then
DRIP_HEAD = "drip_head"  # the same, before the answer's headers are over


@dataclass
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Say:
    """One canned answer: `body` is sent as JSON, or as it is if it is bytes."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    fault: str = ""

    def raw(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


def _read(raw: bytes) -> Any:
    """A body of ours: JSON, or the bytes of what is none."""
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return raw


class ScriptedVendor:
    def __init__(self) -> None:
        self.script: deque[Say] = deque()
        self.seen: list[Seen] = []
        self.over = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=lambda: self.server.serve_forever(poll_interval=0.01), daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def says(self, *answers: Say) -> None:
        """The answers to come, in order; the last is repeated."""
        self.script = deque(answers)

    def stop(self) -> None:
        self.over.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def _handler(vendor) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                vendor.seen.append(Seen(self.command, self.path, headers, _read(raw)))
                say = vendor.script.popleft() if len(vendor.script) > 1 else vendor.script[0]
                if say.fault == SILENT:
                    vendor.over.wait(5)
                if say.fault in (RESET, SILENT):
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                if say.fault == DRIP_HEAD:
                    self.close_connection = True
                    self.drip(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 400)
                    return
                self.send_response(say.status)
                for name, value in say.headers.items():
                    self.send_header(name, value)
                content = b"" if say.status == 204 else say.raw()
                if say.status != 204:
                    self.send_header("Content-Length", str(len(content) + (say.fault == CUT)))
                self.end_headers()
                if say.fault == DRIP:
                    self.drip(content)
                else:
                    self.wfile.write(content)
                self.close_connection = bool(say.fault)

            def drip(self, content: bytes) -> None:
                with contextlib.suppress(OSError):
                    for byte in content:
                        self.wfile.write(bytes([byte]))
                        if vendor.over.wait(0.05):
                            return

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

            def log_message(self, *args: Any) -> None:
                pass

        return Handler
