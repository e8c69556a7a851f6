"""Every status has its transitions, and only `advance` moves along them."""

import pytest

from gdpr import states
from gdpr.states import MessageStatus, RequestStatus
from swarm_admin.core.states import TRANSITIONS, InvalidTransition, advance, advance_one, declare, diagram
from tests.gdpr.conftest import Desk


@pytest.mark.parametrize("machine", TRANSITIONS)
def test_every_status_can_be_reached_and_is_drawn(machine):
    frontier = [next(iter(machine))]
    if machine is MessageStatus:
        frontier.append(MessageStatus.GIVEN)  # a notice that is exported begins so
    reached = set(frontier)
    while frontier:
        new = TRANSITIONS[machine][frontier.pop()] - reached
        reached |= new
        frontier += new
    assert reached == set(machine)
    assert all(str(status) in diagram(machine) for status in machine)


def test_the_statuses_are_exactly_those_of_the_rule_book():
    assert RequestStatus.values == [
        "received",
        "verifying",
        "locating",
        "awaiting_approval",
        "executing",
        "needs_action",
        "completed",
        "refused",
        "withdrawn",
    ]


def test_nothing_follows_an_end():
    assert all(TRANSITIONS[RequestStatus][status] == set() for status in states.CLOSED)


def test_a_machine_with_a_gap_is_refused():
    with pytest.raises(ValueError, match="without transitions"):
        declare(RequestStatus, {})


def test_what_may_not_follow_is_refused_and_changes_nothing(desk: Desk):
    request = desk.open("access")
    with pytest.raises(InvalidTransition):
        advance_one(request, RequestStatus.COMPLETED, plan_hash="x")
    request.refresh_from_db()
    assert (request.status, request.plan_hash) == ("verifying", "")
    assert advance(type(request).objects.all(), RequestStatus.COMPLETED) == 0
