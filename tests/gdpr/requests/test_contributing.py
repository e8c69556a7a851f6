"""CONTRIBUTING's recipe for a kind of subject request: its rules decide, and nothing else knows the kind."""

import pytest

from gdpr import kinds
from gdpr.kinds import RULES, Action, CheckLevel, RequestKind, Rules
from gdpr.models import SubjectRequest
from gdpr.requests.pipeline import approve
from gdpr.states import RequestStatus
from swarm_admin.core.errors import ActionNotAllowed
from tests.gdpr.conftest import Desk, state

pytestmark = pytest.mark.django_db
MADE_UP = "review"


@pytest.fixture
def request_of_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> SubjectRequest:
    """Identified; whoever asks sends a copy and is restricted, which a second person approves."""
    rules = Rules(CheckLevel.CONFIRMED, (Action.EXPORT, Action.RESTRICT), approval=True)
    monkeypatch.setitem(kinds.RULES, MADE_UP, rules)
    request = desk.identified("access")
    SubjectRequest.objects.filter(pk=request.pk).update(kind=MADE_UP)
    request.refresh_from_db()
    return request


def test_every_kind_has_its_rules() -> None:
    assert set(RULES) == set(RequestKind)


def test_a_made_up_kind_is_planned_approved_and_carried_out_by_its_rules(
    desk: Desk, request_of_it: SubjectRequest
) -> None:
    request = desk.work(request_of_it)
    assert request.status == RequestStatus.AWAITING_APPROVAL, state(request)
    with pytest.raises(ActionNotAllowed):
        approve.approve(request, plan_hash="another plan", by=desk.second)
    request = desk.work(approve.approve(request, plan_hash=request.plan_hash, by=desk.second), rounds=2)
    done = set(request.steps.filter(status="done").values_list("action", flat=True))
    assert {Action.EXPORT, Action.RESTRICT} <= done, state(request)
    assert Action.ERASE not in set(request.steps.values_list("action", flat=True))
    assert all(store.records["1"].grounds for store in desk.places.values())
