"""The one door for e-mail: it left, it certainly did not, or nobody knows. Whoever sends decides by that."""

from __future__ import annotations

import smtplib
from collections.abc import Sequence
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.utils.crypto import salted_hmac

from swarm_admin.core.smtp import OutcomeUnknown

__all__ = ["WEB_SECONDS", "NotSent", "OutcomeUnknown", "message_id", "post", "send", "why_not"]

WEB_SECONDS = 10.0  # for a mail that somebody waits for in the browser
SMTP = "swarm_admin.core.smtp.EmailBackend"
NO_SERVER = "swarm_admin.core.smtp.NoServer"
# What Django has for trying things out: it prints, files or drops a mail, and says that it was sent.
STAND_INS = {f"django.core.mail.backends.{name}.EmailBackend" for name in ("console", "dummy", "filebased", "locmem")}
NO_SERVER_SET_UP = "E-mail isn't set up (EMAIL_URL). Send it another way."


class NotSent(Exception):
    """It certainly did not leave. `server_is_away`: no other mail would fare better now.

    The message is the kind of error and no more: a mail server's words may repeat the address.
    """

    def __init__(self, kind: str, *, server_is_away: bool = False) -> None:
        super().__init__(kind)
        self.server_is_away = server_is_away


def why_not() -> str:
    """Why no e-mail leaves this installation, in a sentence; "" where it does."""
    backend = settings.EMAIL_BACKEND
    if backend == NO_SERVER or (settings.MODE == "production" and backend in STAND_INS):
        return NO_SERVER_SET_UP
    return ""


def message_id(kind: str, number: int) -> str:
    """The same for the same letter, whoever sends it and how often: a mailbox that looks shows a second copy once."""
    mark = salted_hmac("swarm_admin.mail", f"{kind}:{number}", algorithm="sha256").hexdigest()[:32]
    return f"<{mark}@{urlsplit(settings.BASE_URL).hostname or 'localhost'}>"


def send(subject: str, body: str, to: Sequence[str], *, message_id: str = "", seconds: float | None = None) -> None:
    """One mail to `to`, within `seconds` (default: EMAIL_TIMEOUT).

    Raises:
        NotSent: it did not leave.
        OutcomeUnknown: it may have.
    """
    headers = {"Message-ID": message_id} if message_id else None
    post(EmailMessage(subject, body, settings.DEFAULT_FROM_EMAIL, list(to), headers=headers), seconds=seconds)


def post(message: EmailMessage, *, seconds: float | None = None) -> None:
    """As `send`, of a mail that is written already."""
    if why_not():
        raise NotSent("no mail server", server_is_away=True)
    limit = settings.EMAIL_TIMEOUT if seconds is None else min(seconds, settings.EMAIL_TIMEOUT)
    message.connection = get_connection(timeout=limit)
    try:
        taken = message.send()
    except OutcomeUnknown:
        raise
    except Exception as error:
        raise NotSent(type(error).__name__, server_is_away=_server_is_away(error)) from None
    if not taken:
        raise NotSent("no recipients")


def _server_is_away(error: Exception) -> bool:
    """Whether it was about the server rather than about this mail; smtplib's errors are OSErrors too."""
    of_this_mail = (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError)
    return isinstance(error, OSError) and not isinstance(error, of_this_mail)
