"""Questions to the person, which let the clock stand, and their answers, which start it again."""

from __future__ import annotations

import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from gdpr import audit
from gdpr.due_dates import deadline
from gdpr.messages import defaults, write
from gdpr.models import PauseReason, RequestPause, SubjectRequest
from gdpr.requests.pipeline import refresh_status
from gdpr.states import RequestStatus
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed, require_text

CLOSED = "This request is closed."
QUESTIONS = {
    PauseReason.IDENTITY: defaults.IDENTITY_QUESTION,
    PauseReason.CLARIFICATION: defaults.CLARIFICATION,
}


def check_can_ask(request: SubjectRequest) -> None:
    """Raises ActionNotAllowed where it is closed, or carried out at once."""
    if not request.is_open:
        raise ActionNotAllowed(CLOSED)
    if request.rules.fast:
        raise ActionNotAllowed("An objection is executed immediately, without asking first.")


def check_can_ask_for(request: SubjectRequest, reason: str) -> None:
    """Raises ActionNotAllowed where this question cannot be asked now."""
    check_can_ask(request)
    if reason == PauseReason.IDENTITY and request.status != RequestStatus.VERIFYING:
        raise ActionNotAllowed("You can ask about identity only while the identity check is open (Art. 12(6)).")
    if request.pauses.filter(reason=reason, answered_at=None).exists():
        raise ActionNotAllowed("This question was already asked and is awaiting an answer.")


def ask(
    request: SubjectRequest,
    *,
    reason: str,
    justification: str,
    by: Any,
    to: str | None = None,
    question: str = "",
) -> RequestPause:
    """Ask the person, and let the clock stand until the answer.

    Args:
        reason: of PauseReason.
        justification: why we may ask; kept, so without the person's data.
        to: an address we hold, where the answer shall prove something; the contact address if None.
        question: what the person reads; the justification where empty.

    Raises:
        ActionNotAllowed: it cannot be asked now, or the justification is missing.
    """
    justification = require_text(justification, "why you need to ask")
    try:
        with transaction.atomic():
            request = refresh_status.lock_request(request.pk)
            check_can_ask_for(request, reason)
            pause = RequestPause.objects.create(
                request=request,
                reason=reason,
                justification=justification,
                asked_at=timezone.now(),
                asked_by=by,
            )
            write.write(request, QUESTIONS[PauseReason(reason)], by=by, to=to, reasons=question or justification)
            deadline.refresh(request)
            audit.record(Verb.ASK_PERSON, by=by, on=request, counts={"pause": pause.pk}, reason=reason)
    except IntegrityError:
        raise ActionNotAllowed("This question was already asked and is awaiting an answer.") from None
    return pause


def check_can_note_answer(pause: RequestPause, answered_at: datetime.datetime) -> None:
    """Raises ActionNotAllowed where it was answered, or the answer would come before the question or in the future."""
    if pause.answered_at is not None:
        raise ActionNotAllowed("This question was already answered.")
    if answered_at < pause.asked_at:
        raise ActionNotAllowed("The answer can't be earlier than the question.")
    if answered_at > timezone.now():
        raise ActionNotAllowed("The answer can't be in the future.")


def note_answer(pause: RequestPause, *, by: Any, answered_at: datetime.datetime | None = None) -> RequestPause:
    """The answer came, when it came and not when it is entered: the clock goes on from there.

    Raises:
        ActionNotAllowed: it was answered, or at an impossible time.
    """
    answered_at = answered_at or timezone.now()
    with transaction.atomic():
        request = refresh_status.lock_request(pause.request_id)
        pause = RequestPause.objects.get(pk=pause.pk)
        check_can_note_answer(pause, answered_at)
        pause.answered_at = answered_at
        pause.save(update_fields=["answered_at"])
        deadline.refresh(request)
        audit.record(Verb.NOTE_ANSWER, by=by, on=request, counts={"pause": pause.pk}, reason=pause.reason)
    return pause


def answer_questions(request: SubjectRequest, *, reason: str = "", at: datetime.datetime | None = None) -> None:
    """Open questions end with what makes them needless; in the caller's transaction, with the request locked."""
    waiting = request.pauses.filter(answered_at=None)
    ended = (waiting.filter(reason=reason) if reason else waiting).update(answered_at=at or timezone.now())
    if ended:
        deadline.refresh(request)
        audit.record(Verb.NOTE_ANSWER, on=request, counts={"questions": ended}, reason=reason)
