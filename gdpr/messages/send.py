"""Messages leave by e-mail, tried until it works.

A letter of which nobody knows whether it left (the server took it without an answer, the worker was killed) goes out
once more by itself under the same Message-ID: the law wants it to arrive, and a second copy does no harm. After
that a person decides.
"""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from gdpr import audit
from gdpr.kinds import Action
from gdpr.messages.mail_check import check_can_send_mail
from gdpr.messages.outstanding import next_in_order
from gdpr.models import RequestMessage, RequestStep
from gdpr.states import MessageStatus, StepStatus
from swarm_admin.core import mail, timing, work
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import is_allowed
from swarm_admin.core.states import advance

log = logging.getLogger(__name__)
TRIES = 6
SENT_AGAIN = "The mail server didn't confirm the message. It will be sent once more."
UNKNOWN = (
    "Delivery is unconfirmed: the mail server didn't answer, or the worker stopped while sending. Check the "
    "mail server's log or ask the person, then send it again or mark it as sent."
)


def run_due(limit: int = 20) -> int:
    """Send what waits; returns how many were tried. A server that is away is not asked for each of them."""
    _requeue_lapsed()
    if not is_allowed(check_can_send_mail):
        _hand_over()
        return 0
    tried = 0
    while tried < limit and (message := _claim()):
        tried += 1
        if not _send(message):
            break
    return tried


def _requeue_lapsed() -> None:
    """What a killed worker held: whether it left is not known."""
    work.hand_back_lapsed(RequestMessage.objects.filter(status=MessageStatus.SENDING), _handle_lost_lease, _set_aside)


def _handle_lost_lease(messages: QuerySet[RequestMessage], lease: work.Values) -> None:
    for message in messages.select_related("request"):
        _record_unknown(message, **lease)


def _set_aside(messages: QuerySet[RequestMessage], lease: work.Values) -> None:
    for message in messages.select_related("request"):
        with transaction.atomic():
            _hand_over_unknown(message, **lease)


def _hand_over() -> None:
    """Nothing leaves by e-mail any more: what waits for it is an officer's to send, and says why."""
    waiting = RequestMessage.objects.filter(status=MessageStatus.QUEUED)
    for message in waiting.select_related("request"):
        with transaction.atomic():
            mine = RequestMessage.objects.filter(pk=message.pk)
            if advance(mine, MessageStatus.DRAFT, error_message=mail.why_not()):
                _wake_step(message)


def _claim() -> RequestMessage | None:
    due = RequestMessage.objects.filter(status=MessageStatus.QUEUED, not_before__lte=timezone.now())
    return work.claim_one(next_in_order(due.order_by("id")), MessageStatus.SENDING, stage="messages", counted=True)


def _send(message: RequestMessage) -> bool:
    """Send one; False where the server itself is away."""
    try:
        mail.send(message.subject, message.body, [message.to], message_id=mail.message_id("message", message.pk))
    except mail.OutcomeUnknown:
        log.warning("message %s: outcome unknown", message.pk)
        _record_unknown(message)
        return False
    except mail.NotSent as error:
        log.warning("message %s: %s", message.pk, error)
        _record_failure(message, str(error))
        return not error.server_is_away
    with transaction.atomic():
        if _advance_own(message, MessageStatus.SENT, sent_at=timezone.now(), error_message=""):
            audit.record(Verb.SEND_MESSAGE, on=message.request, counts={"message": message.pk}, reason="email")
            _wake_step(message)
    return True


def _record_unknown(message: RequestMessage, **lease: Any) -> None:
    """It may have left: once more by itself, then a person's."""
    with transaction.atomic():
        if message.unknowns:
            _hand_over_unknown(message, **lease)
            return
        later = {"unknowns": 1, "not_before": timing.backoff(message.tries), **lease}
        _advance_own(message, MessageStatus.QUEUED, error_message=SENT_AGAIN, **later)


def _hand_over_unknown(message: RequestMessage, **lease: Any) -> None:
    values = {"unknowns": message.unknowns + 1, "error_message": UNKNOWN, **lease}
    if _advance_own(message, MessageStatus.UNKNOWN, **values):
        counts = {"message": message.pk}
        audit.record(Verb.FAIL_MESSAGE, on=message.request, counts=counts, reason="outcome_unknown")
        _wake_step(message)


def _advance_own(message: RequestMessage, status: MessageStatus, **values: Any) -> int:
    return advance(work.held_by_us(message), status, **{"in_flight_since": None, **values})


def _record_failure(message: RequestMessage, kind: str) -> None:
    with transaction.atomic():
        if message.tries < TRIES:
            _advance_own(
                message,
                MessageStatus.QUEUED,
                not_before=timing.backoff(message.tries),
                error_message=f"The mail server rejected it ({kind}). Retrying.",
            )
        elif _advance_own(message, MessageStatus.FAILED, error_message=f"The mail server rejected it ({kind})."):
            audit.record(Verb.FAIL_MESSAGE, on=message.request, counts={"message": message.pk}, reason=kind)
            _wake_step(message)


def _wake_step(message: RequestMessage) -> None:
    """A step that waits for this message looks at it now."""
    waiting = RequestStep.objects.filter(request=message.request_id, action__in=[Action.ANSWER, Action.FOREWARN])
    waiting.filter(status=StepStatus.PLANNED).update(not_before=timezone.now())
