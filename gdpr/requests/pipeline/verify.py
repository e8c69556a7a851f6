"""Who asks: the check begins and ends here; what is enough is said in `gdpr.requests.identity_check`."""

from __future__ import annotations

import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from gdpr import audit
from gdpr.models import Channel, CheckResult, IdentityCheck, SubjectRequest
from gdpr.requests import identity_check
from gdpr.requests.clarifications import answer_questions
from gdpr.requests.pipeline import locate, refresh_status
from gdpr.requests.pipeline.refresh_status import delete_evidence
from gdpr.states import RequestStatus
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed


def needs_check(request: SubjectRequest) -> bool:
    """Our own decision has nobody to identify; everything else follows its kind."""
    return request.channel != Channel.OWN and bool(identity_check.level_of(request.kind))


def begin(request: SubjectRequest) -> IdentityCheck:
    """Open the check the kind asks for; in the caller's transaction."""
    refresh_status.move(request, RequestStatus.VERIFYING)
    return IdentityCheck.objects.create(request=request, level=identity_check.level_of(request.kind))


def current(request: SubjectRequest) -> IdentityCheck | None:
    """The check that is open, else the last one."""
    return request.checks.order_by("-id").first()


def check_can_decide(request: SubjectRequest) -> None:
    """Raises ActionNotAllowed where no identity check is open."""
    if request.status != RequestStatus.VERIFYING:
        raise ActionNotAllowed("This request has no open identity check.")


def note_evidence(request: SubjectRequest, *, evidence: str, by: Any) -> IdentityCheck:
    """Keep what the person showed until the check is decided.

    Raises:
        ActionNotAllowed: no check is open.
    """
    with transaction.atomic():
        request = refresh_status.lock_request(request.pk)
        check_can_decide(request)
        check = request.checks.get(result=CheckResult.OPEN)
        check.evidence = evidence.strip()
        check.save(update_fields=["evidence"])
        audit.record(Verb.NOTE_EVIDENCE, by=by, on=request, fields=["evidence"])
    return check


def confirm_identity(
    request: SubjectRequest, *, method: str, by: Any, answered_at: datetime.datetime | None = None
) -> SubjectRequest:
    """The person is who they say. The evidence is deleted with the decision; the search begins.

    `answered_at` is when the proof came, where it was asked for: the desk's own delay stops no clock.

    Raises:
        ActionNotAllowed: no check is open, or the method is too weak for the kind.
    """
    with transaction.atomic():
        request = refresh_status.lock_request(request.pk)
        check_can_decide(request)
        identity_check.check_enough(request.kind, method)
        _decide(request, CheckResult.PASSED, method, by)
        request.prepared_by = request.preparers_with(by)
        request.save(update_fields=["prepared_by"])
        _end_question(request, answered_at)
        locate.plan_searches(request)
        refresh_status.refresh_status(request.pk)
    request.refresh_from_db()
    return request


def reject_evidence(request: SubjectRequest, *, method: str, by: Any) -> SubjectRequest:
    """It did not convince: another check can follow, or the refusal.

    Raises:
        ActionNotAllowed: no check is open.
    """
    with transaction.atomic():
        request = refresh_status.lock_request(request.pk)
        check_can_decide(request)
        _decide(request, CheckResult.FAILED, method, by)
        begin(request)
    return request


def _decide(request: SubjectRequest, result: CheckResult, method: str, by: Any) -> None:
    now = timezone.now()
    undecided = IdentityCheck.objects.filter(request=request, result=CheckResult.OPEN)
    delete_evidence(undecided, now)
    undecided.update(result=result, method=method, decided_at=now, decided_by=by)
    audit.record(Verb.DECIDE_IDENTITY, by=by, on=request, reason=f"{result} {method}")


def _end_question(request: SubjectRequest, at: datetime.datetime | None) -> None:
    """Whoever is identified has answered. Raises ActionNotAllowed for a time before the question or in the future."""
    asked = request.pauses.filter(answered_at=None, reason="identity").first()
    if asked is not None and at is not None and not asked.asked_at <= at <= timezone.now():
        raise ActionNotAllowed("The answer must be later than the question and not in the future.")
    answer_questions(request, reason="identity", at=at)
