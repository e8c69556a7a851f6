"""Django's SMTP backend, bounded as a whole: from the connection to the server's last word, EMAIL_TIMEOUT seconds.

Looking up the server's name comes on top; the system's resolver bounds that.
"""

from __future__ import annotations

import contextlib
import smtplib
import socket
import time
from typing import Any

from django.core.mail.backends import smtp
from django.core.mail.backends.base import BaseEmailBackend

from swarm_admin.core.deadlines import Deadline

QUIT_SECONDS = 2.0  # for the server's word to our goodbye, when the mail is out


class OutcomeUnknown(Exception):
    """The whole mail was handed over, and the server did not say that it took it: it may arrive or not."""


class NoServer(BaseEmailBackend):
    """What stands in where EMAIL_URL is `none`: nothing leaves, and nothing is taken for sent."""

    def send_messages(self, email_messages: Any) -> int:
        raise ConnectionError("no mail server is set up")


class Connection(smtplib.SMTP):
    """`timeout` bounds everything this connection does, together."""

    _deadline: Deadline | None = None

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        ends = time.monotonic() + timeout
        sock = _connected(host, port, ends)
        self._deadline = Deadline(sock, ends)
        return sock

    def close(self) -> None:
        try:
            super().close()
        finally:
            if self._deadline:
                self._deadline.cancel()

    def data(self, msg: Any) -> tuple[int, bytes]:
        """As smtplib's, but for the moment after which nobody knows: the mail is out, the answer is not in."""
        self.putcmd("data")
        code, answer = self.getreply()
        if code != 354:
            raise smtplib.SMTPDataError(code, answer)
        text = msg.encode("ascii") if isinstance(msg, str) else msg
        text = smtplib._quote_periods(text)  # type: ignore[attr-defined]
        self.send(text + (b".\r\n" if text.endswith(b"\r\n") else b"\r\n.\r\n"))
        # What could not be handed over whole lacks its last line: no server delivers that.
        try:
            code, answer = self.getreply()
        except (smtplib.SMTPServerDisconnected, smtplib.SMTPResponseException):
            raise OutcomeUnknown from None
        if not 200 <= code < 600:  # no answer that the protocol knows
            raise OutcomeUnknown
        return code, answer

    def quit(self) -> tuple[int, bytes]:
        if self.sock:
            self.sock.settimeout(QUIT_SECONDS)
        return super().quit()


class TlsConnection(smtplib.SMTP_SSL, Connection):
    """The same over TLS from the first byte; the handshake counts too."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        try:
            return super()._get_socket(host, port, timeout)
        except OSError:
            self.close()
            raise


class EmailBackend(smtp.EmailBackend):
    """Raises OutcomeUnknown, or whatever Django's backend raises: then the mail has certainly not left."""

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return TlsConnection if self.use_ssl else Connection

    def _close_connection(self, connection: smtplib.SMTP) -> None:
        # What the server says to a goodbye changes nothing about the mail it took.
        with contextlib.suppress(Exception):
            connection.quit()
        connection.close()


def _connected(host: str, port: int, ends: float) -> socket.socket:
    """A connection to the first address that answers in time. Raises OSError."""
    failed: OSError = TimeoutError("no address answered in time")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM):
        if (left := ends - time.monotonic()) <= 0:
            break
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(left)
            sock.connect(address)
        except OSError as error:
            sock.close()
            failed = error
        else:
            return sock
    raise failed
