"""What needs a person of the law's side, and what that person can do about a step of our own that failed."""

from typing import Any

import pytest

from gdpr import compliance_alerts
from gdpr.kinds import Action
from gdpr.models import RequestStep, SubjectRequest
from gdpr.requests import attention, certificate, manual_steps, overdue
from gdpr.requests.pipeline import execute, leftover_step
from gdpr.states import RequestStatus, StepStatus
from swarm_admin.core.errors import ActionNotAllowed
from tests.gdpr.conftest import Desk

pytestmark = pytest.mark.django_db


def told() -> list[tuple[str, int, bool]]:
    return [(each.what, each.count, each.is_failure) for each in attention.all_items()]


@pytest.fixture
def failed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> RequestStep:
    """The last look of an erasure, which broke off."""

    def breaks(*_: Any) -> Any:
        raise RuntimeError("ada@acme.example")

    with monkeypatch.context() as patched:
        patched.setattr(leftover_step, "scan", breaks)
        request = desk.work(desk.tell_partner(desk.work(desk.approved("erasure"))))
    step = request.steps.get(action=Action.SCAN)
    assert (step.status, request.status) == (StepStatus.FAILED, RequestStatus.NEEDS_ACTION)
    return step


def test_it_says_what_can_be_done_and_stands_where_a_person_looks(failed: RequestStep):
    assert failed.error_message == "Something failed on our side. Retry, or do it by hand."
    assert told() == [("Failed: Search for leftovers", 1, True)]
    (alert,) = (each for each in compliance_alerts.current() if each.kind == overdue.NEEDS_PERSON)
    assert (alert.request_id, alert.severe) == (failed.request_id, True)


def test_it_is_tried_again(desk: Desk, failed: RequestStep):
    manual_steps.retry(failed, by=desk.officer)
    request = desk.work(desk.tell_partner(desk.work(failed.request)))
    assert request.status == RequestStatus.COMPLETED
    assert told() == []


def test_it_is_done_by_hand_with_evidence_alone(desk: Desk, failed: RequestStep):
    RequestStep.objects.filter(pk=failed.pk).update(result={"progress": 1, "about": "", "rows": [], "names": []})
    step = manual_steps.take_over(failed, by=desk.officer)
    step.refresh_from_db()
    assert (step.status, step.instructions) == (StepStatus.MANUAL, leftover_step.BY_HAND)
    assert step.due_on is not None
    assert told() == [("By hand: Search for leftovers", 1, False)]
    with pytest.raises(ActionNotAllowed, match="proof"):
        manual_steps.complete(step, evidence=" ", by=desk.officer)
    manual_steps.complete(step, evidence="Searched on Monday, nothing found.", by=desk.officer)
    request = desk.work(desk.tell_partner(desk.work(SubjectRequest.objects.get(pk=step.request_id))))
    assert request.status == RequestStatus.COMPLETED
    (scan,) = (each for each in certificate.compose(request)["steps"] if each["action"] == "scan")
    assert (scan["by_hand"], scan["proof"]) == (True, "By hand, with evidence")
    assert "scan" not in scan, "how far it had come is no result"


def test_a_search_that_goes_on_is_nobodys(desk: Desk, failed: RequestStep):
    manual_steps.retry(failed, by=desk.officer)
    failed.refresh_from_db()
    with pytest.raises(ActionNotAllowed, match="runs automatically"):
        manual_steps.take_over(failed, by=desk.officer)


@pytest.mark.parametrize("action", list(Action))
def test_by_hand_is_said_where_it_can_be_done(desk: Desk, action: Action):
    """Whatever the step: what its error offers is what the page offers."""
    request = desk.approved("erasure")
    record = request.records.first()
    at_store = action in ("locate", "recheck", "export", "rectify", "erase", "verify", "restrict", "release")
    RequestStep.objects.filter(request=request).delete()
    step = RequestStep.objects.create(
        request=request,
        action=action,
        store="crm" if at_store or action == Action.NOTIFY else "",
        record=record if at_store and action not in ("locate", "recheck") else None,
    )
    step = execute.claim(request.pk)
    assert step is not None
    execute._record_failure(step, RuntimeError())
    step.refresh_from_db()
    offered = True
    try:
        manual_steps.check_can_take_over(step)
    except ActionNotAllowed:
        offered = False
    assert ("by hand" in step.error_message) is offered
    assert offered is (action not in ("recheck", "suppress", "forewarn", "end", "package", "answer"))
    manual_steps.check_can_retry(step)
