"""Whether e-mail leaves this installation at all."""

from gdpr.possible import NotPossible
from swarm_admin.core import mail


def check_mail_leaves() -> None:
    """Raises NotPossible where no mail server is set up, or production would only print, file or drop e-mail."""
    if reason := mail.why_not():
        raise NotPossible(reason)
