"""Whether e-mail leaves this installation at all."""

from django.conf import settings

from gdpr.possible import NotPossible

PRINTED = "django.core.mail.backends.console.EmailBackend"


def check_mail_leaves() -> None:
    """Raises NotPossible where production only prints e-mail: nobody gets it, and a log would keep it."""
    if settings.MODE == "production" and settings.EMAIL_BACKEND == PRINTED:
        raise NotPossible("No mail server is set up (EMAIL_URL): send it another way.")
