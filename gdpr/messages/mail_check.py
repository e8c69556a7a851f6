"""Whether e-mail leaves this installation at all."""

from swarm_admin.core import mail
from swarm_admin.core.errors import ActionNotAllowed


def check_can_send_mail() -> None:
    """Raises ActionNotAllowed where no mail server is set up, or production would only print, file or drop e-mail."""
    if reason := mail.why_not():
        raise ActionNotAllowed(reason)
