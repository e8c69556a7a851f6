"""Mail servers on loopback that behave as a test asks: they take mail, hang at a point, or answer drop by drop."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

SILENT = "silent"  # takes the connection and says nothing
BANNER = "banner"  # greets, then says nothing
DATA = "data"  # takes the whole mail, then says nothing
DRIPS = "drips"  # sends its greeting one byte at a time, for ever
TAKES = "takes"
REFUSES = "refuses"  # says no to every recipient
GARBLED = "garbled"  # takes the whole mail, then says something that is no answer
DEAF_AT_QUIT = "deaf_at_quit"  # takes the mail and says so, then says nothing
DRIP_SECONDS = 0.05


class MailServer:
    """`mails` is every text that was handed over whole; `connections` how often somebody came."""

    def __init__(self, behaviour: str) -> None:
        self.behaviour = behaviour
        self.mails: list[str] = []
        self.connections = 0
        self._ended = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._ended.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                visitor, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(visitor,), daemon=True).start()

    def _serve(self, visitor: socket.socket) -> None:
        with visitor, contextlib.suppress(OSError):
            self._talk(visitor)

    def _talk(self, visitor: socket.socket) -> None:
        if self.behaviour == SILENT:
            self._hang()
        elif self.behaviour == DRIPS:
            while not self._ended.wait(DRIP_SECONDS):
                visitor.sendall(b"2")
        visitor.sendall(b"220 mail.test\r\n")
        if self.behaviour == BANNER:
            self._hang()
        with visitor.makefile("rb") as lines:
            for line in lines:
                if not self._answer(visitor, line.strip().upper(), lines):
                    return

    def _answer(self, visitor: socket.socket, command: bytes, lines: Any) -> bool:
        if command == b"DATA":
            visitor.sendall(b"354 go on\r\n")
            self._take(visitor, lines)
        elif command == b"QUIT":
            if self.behaviour == DEAF_AT_QUIT:
                self._hang()
            visitor.sendall(b"221 bye\r\n")
            return False
        elif command.startswith(b"RCPT") and self.behaviour == REFUSES:
            visitor.sendall(b"550 no such mailbox\r\n")
        else:
            visitor.sendall(b"250 fine\r\n")
        return True

    def _take(self, visitor: socket.socket, lines: Any) -> None:
        text = b""
        for line in lines:
            if line == b".\r\n":
                break
            text += line
        self.mails.append(text.decode())
        if self.behaviour == DATA:
            self._hang()
        visitor.sendall(b"what?\r\n" if self.behaviour == GARBLED else b"250 taken\r\n")

    def _hang(self) -> None:
        self._ended.wait()
        raise OSError


@pytest.fixture
def mail_server(settings: Any) -> Iterator[Callable[[str], MailServer]]:
    """Starts a server of a behaviour and makes it the one that mail goes to, with a short EMAIL_TIMEOUT."""
    started: list[MailServer] = []

    def start(behaviour: str) -> MailServer:
        server = MailServer(behaviour)
        started.append(server)
        settings.EMAIL_BACKEND = "swarm_admin.core.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_TIMEOUT = 0.5
        return server

    yield start
    for server in started:
        server.stop()
