from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as current
from allauth.core.exceptions import ImmediateHttpResponse
from django.contrib import messages
from django.contrib.sites.shortcuts import get_current_site
from django.http import HttpRequest
from django.shortcuts import redirect

from swarm_admin.core import mail

NOT_MAILED = "The e-mail couldn't be sent. Try again later, or ask an admin for a new link."
NO_SERVER = "E-mail isn't set up. Ask an admin for a new link."


class ClosedSignupAdapter(DefaultAccountAdapter):
    """Accounts are made by an admin; nobody signs up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Within seconds, for somebody waits; where it did not leave, the form says so, for every address alike."""
        request = current.request
        mail_context = {"request": request, "email": email, "current_site": get_current_site(request), **context}
        message = self.render_mail(template_prefix, email, mail_context)
        try:
            mail.post(message, seconds=mail.WEB_SECONDS)
        except (mail.NotSent, mail.OutcomeUnknown):
            messages.error(request, NO_SERVER if mail.why_not() else NOT_MAILED)
            raise ImmediateHttpResponse(redirect(request.path)) from None
