"""The person takes a request back: what has not begun is cancelled, and they are told."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from gdpr import audit
from gdpr.messages import defaults, write
from gdpr.models import SubjectRequest
from gdpr.requests.clarifications import CLOSED, answer_questions
from gdpr.requests.pipeline import refresh_status
from gdpr.states import RequestStatus
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed, require_text

BEGUN = "This request is already being executed. Steps that have started will finish."


def check_can_withdraw(request: SubjectRequest) -> None:
    """Raises ActionNotAllowed where it is closed, or something has been done that cannot be undone."""
    if not request.is_open:
        raise ActionNotAllowed(CLOSED)
    if refresh_status.has_begun(request):
        raise ActionNotAllowed(BEGUN)


def withdraw(request: SubjectRequest, *, reason: str, by: Any, told: bool = True) -> SubjectRequest:
    """The person does not want it any more; `told` confirms it to them.

    Raises:
        ActionNotAllowed: it has begun, is closed, or nothing says how the person withdrew it.
    """
    reason = require_text(reason, "how the person withdrew the request")
    with transaction.atomic():
        request = refresh_status.lock_request(request.pk)
        check_can_withdraw(request)
        answer_questions(request)
        refresh_status.close(request, RequestStatus.WITHDRAWN, withdrawal_reason=reason)
        audit.record(Verb.WITHDRAW_REQUEST, by=by, on=request)
        if told:
            write.write(request, defaults.WITHDRAWN, by=by)
    return request
