"""What staff do with a message of a request: send it, say how it left or that it arrived, or drop it.

A step that waited for the message goes on with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils import timezone

from gdpr import audit
from gdpr.kinds import Action
from gdpr.messages import defaults
from gdpr.messages.mail_check import check_can_send_mail
from gdpr.messages.outstanding import BY_PERSON
from gdpr.models import RequestMessage, RequestStep
from gdpr.requests.pipeline import refresh_status
from gdpr.states import MessageStatus, StepStatus
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.states import advance, advance_one


def check_can_send(message: RequestMessage) -> None:
    """Raises ActionNotAllowed where it has left, or there is nowhere to send it to."""
    if message.status not in BY_PERSON:
        raise ActionNotAllowed("This message was already sent or is being sent.")
    if not message.to:
        raise ActionNotAllowed("No e-mail address on file. Send it another way and mark it as sent.")
    check_can_send_mail()


def send(message: RequestMessage, *, by: Any) -> RequestMessage:
    """Queue a draft, or one the mail server did not take.

    Raises:
        ActionNotAllowed: it has left, or has no address.
    """
    now = timezone.now()
    return _decide(message, check_can_send, MessageStatus.QUEUED, Verb.QUEUE_MESSAGE, by, not_before=now, tries=0)


def check_can_mark_copied(message: RequestMessage) -> None:
    """Raises ActionNotAllowed where it leaves or has left by e-mail."""
    if message.status not in BY_PERSON:
        raise ActionNotAllowed("This message was already e-mailed or is being e-mailed.")


def mark_copied(message: RequestMessage, *, by: Any) -> RequestMessage:
    """An officer sent it another way: letter, portal, their own mailbox.

    Raises:
        ActionNotAllowed: it has left already.
    """
    return _decide(message, check_can_mark_copied, MessageStatus.COPIED, Verb.COPY_MESSAGE, by, sent_at=timezone.now())


def check_can_mark_arrived(message: RequestMessage) -> None:
    """Raises ActionNotAllowed where it is known whether it left."""
    if message.status != MessageStatus.UNKNOWN:
        raise ActionNotAllowed("Delivery of this message is already confirmed.")


def mark_arrived(message: RequestMessage, *, by: Any) -> RequestMessage:
    """An officer found that it left: the mail server's log says so, or the person does.

    Raises:
        ActionNotAllowed: its outcome is known.
    """
    now, how = timezone.now(), "email, found out"
    return _decide(message, check_can_mark_arrived, MessageStatus.SENT, Verb.SEND_MESSAGE, by, reason=how, sent_at=now)


def _decide(
    message: RequestMessage,
    check: Callable[[RequestMessage], None],
    after: MessageStatus,
    verb: Verb,
    by: Any,
    *,
    reason: str = "",
    **values: Any,
) -> RequestMessage:
    """The message as it is stored, moved to `after` where `check` allows it; the step that waits for it goes on."""
    with transaction.atomic():
        message = RequestMessage.objects.select_for_update().get(pk=message.pk)
        check(message)
        advance_one(message, after, sent_by=by, error_message="", **values)
        audit.record(verb, by=by, on=message.request, counts={"message": message.pk}, reason=reason)
        _replan_step(message)
    return message


def drop_message(message: RequestMessage, *, by: Any) -> None:
    """A draft nobody will send.

    Raises:
        ActionNotAllowed: it has left, or a step waits for it.
    """
    if message.template.slug in (defaults.COMPLETION, defaults.LIFTING):
        raise ActionNotAllowed("This message closes the request and can't be discarded.")
    with transaction.atomic():
        mine = RequestMessage.objects.filter(pk=message.pk)
        if not advance(mine, MessageStatus.DROPPED):
            raise ActionNotAllowed("This message was already sent or is being sent.")
        audit.record(Verb.DROP_MESSAGE, by=by, on=message.request, counts={"message": message.pk})


def _replan_step(message: RequestMessage) -> None:
    """The step a person had goes on with the message."""
    slug = message.template.slug
    action = {"completion": Action.ANSWER, "lifting": Action.FOREWARN}.get(slug)
    if action is None:
        return
    steps = RequestStep.objects.filter(request=message.request_id, action=action)
    advance(
        steps.filter(status__in=[StepStatus.MANUAL, StepStatus.FAILED]),
        StepStatus.PLANNED,
        not_before=timezone.now(),
        due_on=None,
        tries=0,
    )
    steps.filter(status=StepStatus.PLANNED).update(not_before=timezone.now())
    refresh_status.refresh_status(message.request_id)
