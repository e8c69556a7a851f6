"""The plan is approved by a second person, for exactly what it says."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from gdpr import audit
from gdpr.kinds import Action
from gdpr.models import SubjectRequest
from gdpr.requests import plan
from gdpr.requests.pipeline import locate, refresh_status
from gdpr.states import RequestStatus, StepStatus
from swarm_admin.core.audit_verbs import Verb
from swarm_admin.core.errors import ActionNotAllowed, require_text
from swarm_admin.core.states import advance


def check_can_approve(request: SubjectRequest, by: Any) -> None:
    """Raises ActionNotAllowed where there is nothing to approve, or not by this person."""
    if request.status != RequestStatus.AWAITING_APPROVAL:
        raise ActionNotAllowed("This request has no plan awaiting approval.")
    if by.pk in request.prepared_by:
        raise ActionNotAllowed("You prepared this plan. Someone else has to approve it.")


def approve(request: SubjectRequest, *, plan_hash: str, by: Any) -> SubjectRequest:
    """Approve the plan that was shown, named by its hash; the steps may begin.

    Raises:
        ActionNotAllowed: nothing waits, it is the same person, or the plan is another by now.
    """
    with transaction.atomic():
        request = refresh_status.lock_request(request.pk)
        check_can_approve(request, by)
        if plan_hash != request.plan_hash or plan.plan_hash(request) != request.plan_hash:
            raise ActionNotAllowed("The plan has changed since you opened it. Review it again.")
        request.approved_hash, request.approved_at, request.approved_by = plan_hash, timezone.now(), by
        request.plan_changed = False
        request.save(update_fields=["approved_hash", "approved_at", "approved_by", "plan_changed"])
        plan.make_steps(request)
        _second_approval(request)
        audit.record(Verb.APPROVE_PLAN, by=by, on=request, reason=plan_hash)
        refresh_status.move(request, RequestStatus.EXECUTING)
        refresh_status.refresh_status(request.pk)
    request.refresh_from_db()
    return request


def _second_approval(request: SubjectRequest) -> None:
    """A plan approved anew: looks that have not ended look again, and new identifiers are suppressed too."""
    again = request.steps.filter(action=Action.SUPPRESS, status=StepStatus.DONE)
    advance(again, StepStatus.PLANNED, not_before=timezone.now(), done_at=None, proof="")
    request.steps.filter(action=Action.RECHECK, status=StepStatus.PLANNED).update(not_before=timezone.now())


def check_can_send_back(request: SubjectRequest, by: Any) -> None:
    """Raises ActionNotAllowed where no plan waits for approval."""
    if request.status != RequestStatus.AWAITING_APPROVAL:
        raise ActionNotAllowed("This request has no plan awaiting approval.")
    if refresh_status.has_begun(request):
        raise ActionNotAllowed("Part of this plan was already executed. You can approve it or leave it waiting.")


def send_back(request: SubjectRequest, *, reason: str, by: Any) -> SubjectRequest:
    """Not approved: the stores are asked again and the officers decide anew. The reason goes to the ledger.

    Raises:
        ActionNotAllowed: no plan waits, or no reason is given.
    """
    reason = require_text(reason, "what has to change, without personal data")
    with transaction.atomic():
        request = refresh_status.lock_request(request.pk)
        check_can_send_back(request, by)
        audit.record(Verb.SEND_BACK_PLAN, by=by, on=request, reason=reason)
        prepared = request.prepared_by
        request = locate.search_again(request, by=by)
        # Whoever sends a plan back has not prepared it.
        request.prepared_by = prepared
        request.save(update_fields=["prepared_by"])
    return request
