"""A message of a request, from the newest text; it leaves by e-mail where we know where to, else it is a draft."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils import timezone

from gdpr import audit
from gdpr.due_dates import deadline
from gdpr.messages import defaults, templates
from gdpr.messages.mail_check import check_can_send_mail
from gdpr.models import RequestMessage, SubjectRequest
from gdpr.states import MessageStatus
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import why_not_allowed


def _day(day: Any) -> str:
    return f"{day:%-d %B %Y}"


def values_of(request: SubjectRequest) -> dict[str, str]:
    """What the placeholders stand for in any message of this request."""
    return {
        "name": request.name or "Sir or Madam",
        "reference": request.reference,
        "kind": request.kind_label,
        "received": _day(deadline.day_of(request.received_at)),
        "due": _day(request.due_on),
        "controller": settings.CONTROLLER_NAME,
        "controller_contact": settings.CONTROLLER_CONTACT,
        "authority": request.regime_rules.authority or settings.COMPLAINT_AUTHORITY,
        "period": str(request.regime_rules.period(request.kind, extended=False)),
    }


def write(
    request: SubjectRequest,
    slug: str,
    *,
    by: Any = None,
    to: str | None = None,
    draft: bool = False,
    **values: str,
) -> RequestMessage:
    """Write a message, in the caller's transaction; `draft` keeps it from leaving by itself.

    `to` is another address than the person's own contact, such as one we hold for the identity question.
    """
    template = templates.current(slug)
    filled = {**values_of(request), **values}
    to = request.contact_email if to is None else to
    reason = why_not_allowed(check_can_send_mail)
    leaves = bool(to) and not draft and not reason
    message = RequestMessage.objects.create(
        request=request,
        template=template,
        status=MessageStatus.QUEUED if leaves else MessageStatus.DRAFT,
        to=to,
        subject=" ".join(templates.render(template.subject, filled).split())[:200],
        body=templates.render(template.body, filled),
        created_by=by,
        not_before=timezone.now(),
        error_message=reason if to else "",
    )
    audit.record(
        Verb.WRITE_MESSAGE,
        by=by,
        on=request,
        counts={"message": message.pk, "version": template.number},
        reason=slug,
    )
    return message


def acknowledge(request: SubjectRequest, *, by: Any = None) -> RequestMessage:
    return write(request, defaults.ACKNOWLEDGEMENT, by=by)


def newest(request: SubjectRequest, slug: str) -> RequestMessage | None:
    """The last message of that text that was not dropped."""
    found = request.messages.filter(template__slug=slug).exclude(status=MessageStatus.DROPPED)
    return found.order_by("-id").first()
