"""Messages leave: by Django's e-mail, tried until it works, or by an officer who says how."""

from __future__ import annotations

import logging
from typing import Any

from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import timezone

from gdpr import audit, waits
from gdpr.kinds import Action
from gdpr.messages.outlet import check_mail_leaves
from gdpr.messages.owed import in_order
from gdpr.models import RequestMessage, RequestStep
from gdpr.possible import NotPossible
from gdpr.states import MessageStatus, StepStatus, advance, advance_one

log = logging.getLogger(__name__)
TRIES = 6
WAITING = (MessageStatus.DRAFT, MessageStatus.FAILED)


def run_due(limit: int = 20) -> int:
    """Send what waits; returns how many were tried."""
    lapsed = RequestMessage.objects.filter(status=MessageStatus.SENDING, in_flight_since__lt=waits.lapsed())
    advance(lapsed, MessageStatus.QUEUED, in_flight_since=None)
    tried = 0
    while tried < limit and (message := _claim()):
        _send(message)
        tried += 1
    return tried


def _claim() -> RequestMessage | None:
    now = timezone.now()
    with transaction.atomic():
        due = RequestMessage.objects.filter(status=MessageStatus.QUEUED, not_before__lte=now).order_by("id")
        message = in_order(due).select_for_update(skip_locked=True).first()
        if message is not None:
            advance_one(message, MessageStatus.SENDING, in_flight_since=now, tries=message.tries + 1)
    return message


def _send(message: RequestMessage) -> None:
    try:
        EmailMessage(message.subject, message.body, to=[message.to]).send()
    except Exception as error:
        # A mail server's words may repeat the address.
        log.error("message %s: %s", message.pk, type(error).__name__)  # noqa: TRY400
        _failed(message, type(error).__name__)
        return
    with transaction.atomic():
        if _mine(message, MessageStatus.SENT, sent_at=timezone.now(), error_message=""):
            audit.record("message_sent", on=message.request, counts={"message": message.pk}, reason="email")
            _wake_step(message)


def _mine(message: RequestMessage, status: MessageStatus, **values: Any) -> int:
    mine = RequestMessage.objects.filter(pk=message.pk, in_flight_since=message.in_flight_since)
    return advance(mine, status, in_flight_since=None, **values)


def _failed(message: RequestMessage, kind: str) -> None:
    with transaction.atomic():
        if message.tries < TRIES:
            _mine(
                message,
                MessageStatus.QUEUED,
                not_before=waits.backoff(message.tries),
                error_message=f"The mail server did not take it ({kind}); it is tried again.",
            )
        elif _mine(message, MessageStatus.FAILED, error_message=f"The mail server did not take it ({kind})."):
            audit.record("message_failed", on=message.request, counts={"message": message.pk}, reason=kind)
            _wake_step(message)


def _wake_step(message: RequestMessage) -> None:
    """A step that waits for this message looks at it now."""
    waiting = RequestStep.objects.filter(
        request=message.request_id, action__in=[Action.ANSWER, Action.FOREWARN]
    )
    waiting.filter(status=StepStatus.PLANNED).update(not_before=timezone.now())


# ---------------------------------------------------------------- what staff do


def check_can_send(message: RequestMessage) -> None:
    """Raises NotPossible where it has left, or there is nowhere to send it to."""
    if message.status not in WAITING:
        raise NotPossible("This message has left or is on its way.")
    if not message.to:
        raise NotPossible("No e-mail address is known: send it another way and mark it as sent.")
    check_mail_leaves()


def send(message: RequestMessage, *, by: Any) -> RequestMessage:
    """Queue a draft, or one the mail server did not take.

    Raises:
        NotPossible: it has left, or has no address.
    """
    with transaction.atomic():
        message = RequestMessage.objects.select_for_update().get(pk=message.pk)
        check_can_send(message)
        advance_one(message, MessageStatus.QUEUED, not_before=timezone.now(), tries=0, sent_by=by)
        audit.record("queue_message", by=by, on=message.request, counts={"message": message.pk})
        _replan_step(message)
    return message


def check_can_mark_copied(message: RequestMessage) -> None:
    """Raises NotPossible where it leaves or has left by e-mail."""
    if message.status not in WAITING:
        raise NotPossible("This message has left or is on its way by e-mail.")


def mark_copied(message: RequestMessage, *, by: Any) -> RequestMessage:
    """An officer sent it another way: letter, portal, their own mailbox.

    Raises:
        NotPossible: it has left already.
    """
    with transaction.atomic():
        message = RequestMessage.objects.select_for_update().get(pk=message.pk)
        check_can_mark_copied(message)
        advance_one(message, MessageStatus.COPIED, sent_at=timezone.now(), sent_by=by)
        audit.record("message_copied", by=by, on=message.request, counts={"message": message.pk})
        _replan_step(message)
    return message


def _replan_step(message: RequestMessage) -> None:
    """The step a person had goes on with the message."""
    from gdpr.pipeline import settle

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
    settle.settle(message.request_id)
