"""What is found, whose it is, and who approves what is done with it."""

import pytest

from gdpr.models import AuditEvent, FoundRecord
from gdpr.requests import plan
from gdpr.requests.pipeline import approve, locate
from gdpr.states import RequestStatus
from gdpr.stores import Capability
from gdpr.suppression import gate
from swarm_admin.core.errors import ActionNotAllowed
from tests.gdpr.conftest import Desk, state
from tests.gdpr.fake_stores import ADA, BOB


@pytest.fixture
def doubtful(desk: Desk):
    """An erasure by a phone that two people share: theirs are found, none is sure."""
    return desk.work(desk.identified("erasure", phone=ADA.phone))


def undecided(request):
    return list(request.records.filter(decision="open"))


def test_every_store_is_asked_and_neighbours_wait_for_the_match_desk(desk: Desk, doubtful):
    assert doubtful.status == RequestStatus.NEEDS_ACTION
    assert doubtful.records.filter(decision="included", key="1").count() == 3
    assert {(record.store, record.key) for record in undecided(doubtful)} == {
        ("crm", "2"),
        ("mailer", "2"),
        ("mirror", "2"),
    }


def test_neighbours_that_are_left_out_stay_as_they_are(desk: Desk, doubtful):
    before = {name: store.records["2"] for name, store in desk.places.items()}
    for record in undecided(doubtful):
        locate.decide(record, include=False, reason="Another person", by=desk.officer)
    doubtful.refresh_from_db()
    assert doubtful.status == RequestStatus.AWAITING_APPROVAL
    approve.approve(doubtful, plan_hash=doubtful.plan_hash, by=desk.second)
    request = desk.work(desk.tell_partner(desk.work(doubtful)))
    assert request.status == RequestStatus.COMPLETED, state(request)
    assert {name: store.records["2"] for name, store in desk.places.items()} == before
    touched = {(call, key) for _, call, key in desk.places.log if key == "2"} - {("export", "2")}
    assert touched == set()
    assert gate.look_up([BOB, ADA]) == {1}, "the switchboard they share is not suppressed"


def test_what_an_officer_includes_is_erased(desk: Desk, doubtful):
    for record in undecided(doubtful):
        locate.decide(record, include=record.store == "crm", reason="", by=desk.officer)
    doubtful.refresh_from_db()
    approve.approve(doubtful, plan_hash=doubtful.plan_hash, by=desk.second)
    desk.work(desk.tell_partner(desk.work(doubtful)))
    assert [set(desk.places[name].records) for name in ("crm", "mailer", "mirror")] == [set(), {"2"}, {"2"}]


def test_a_sure_record_is_left_out_only_with_a_reason(desk: Desk, doubtful):
    record = doubtful.records.filter(sure=True).first()
    with pytest.raises(ActionNotAllowed, match="Enter why this record belongs"):
        locate.decide(record, include=False, by=desk.officer)
    locate.decide(record, include=False, reason="A namesake, by the officer's call", by=desk.officer)
    record.refresh_from_db()
    assert (record.decision, record.decided_by) == ("excluded", desk.officer)
    event = AuditEvent.objects.filter(verb="decide_record").first()
    assert event is not None
    assert event.reason == "excluded"


def test_a_frozen_plan_is_decided_about_no_more(desk: Desk):
    request = desk.work(desk.identified("erasure"))
    with pytest.raises(ActionNotAllowed, match="frozen"):
        locate.decide(request.records.first(), include=False, reason="Changed my mind", by=desk.officer)


def test_a_store_that_is_down_leaves_the_request_locating_with_its_next_try(desk: Desk):
    desk.places["mailer"].down = True
    request = desk.work(desk.identified("access"), rounds=3)
    assert request.status == RequestStatus.LOCATING
    step = request.steps.get(store="mailer")
    assert (step.status, step.error_message) == ("planned", "Mailer does not answer")
    desk.places["mailer"].down = False
    assert desk.work(request).status == RequestStatus.NEEDS_ACTION  # its answer waits to be sent


def test_looking_again_makes_a_new_plan_and_keeps_decisions(desk: Desk, doubtful):
    for record in undecided(doubtful):
        locate.decide(record, include=False, reason="Another person", by=desk.officer)
    doubtful.refresh_from_db()
    before = doubtful.plan_hash
    desk.places["crm"].records["1"].version = 5
    request = desk.work(locate.search_again(doubtful, by=desk.officer))
    assert request.status == RequestStatus.AWAITING_APPROVAL
    assert request.plan_hash != before
    assert not undecided(request)


def test_looking_again_forgets_what_is_not_there_any_more(desk: Desk):
    request = desk.work(desk.identified("erasure"))
    desk.places["crm"].records.clear()
    request = desk.work(locate.search_again(request, by=desk.officer))
    assert set(request.records.values_list("store", flat=True)) == {"mailer", "mirror"}


def test_what_is_carried_out_is_not_looked_for_again(desk: Desk):
    request = desk.approved("erasure")
    desk.places["crm"].down = True
    request = desk.work(request)
    with pytest.raises(ActionNotAllowed, match="stage"):
        locate.search_again(request, by=desk.officer)


# ---------------------------------------------------------------- approval


def test_who_prepared_the_plan_does_not_approve_it(desk: Desk, people):
    request = desk.work(desk.identified("erasure", phone=ADA.phone))
    third = people("third")
    for record in undecided(request):
        locate.decide(record, include=False, reason="Another person", by=third)
    request.refresh_from_db()
    for person in (desk.officer, third):
        with pytest.raises(ActionNotAllowed, match="Someone else has to approve"):
            approve.approve(request, plan_hash=request.plan_hash, by=person)
    request = approve.approve(request, plan_hash=request.plan_hash, by=desk.second)
    assert (request.status, request.approved_by) == (RequestStatus.EXECUTING, desk.second)


@pytest.mark.parametrize("kind", ["access", "restriction", "objection"])
def test_what_can_be_undone_needs_no_second_person(desk: Desk, kind: str):
    request = desk.open(kind) if kind == "objection" else desk.identified(kind)
    request = desk.work(request)
    assert request.approved_at is None
    assert request.planned_at is not None


def test_an_approval_is_for_the_plan_that_was_shown(desk: Desk):
    request = desk.work(desk.identified("rectification", values={"title": "CTO"}))
    with pytest.raises(ActionNotAllowed, match="changed"):
        approve.approve(request, plan_hash="f" * 64, by=desk.second)
    FoundRecord.objects.filter(request=request, store="crm").update(fingerprint="other")
    with pytest.raises(ActionNotAllowed, match="changed"):
        approve.approve(request, plan_hash=request.plan_hash, by=desk.second)


@pytest.mark.parametrize("change", ["kind", "values", "fingerprint", "record"])
def test_the_hash_is_over_everything_that_is_approved(desk: Desk, change: str):
    request = desk.work(desk.identified("rectification", values={"title": "CTO"}))
    before = plan.plan_hash(request)
    if change == "kind":
        request.kind = "erasure"
    elif change == "values":
        request.values = {"title": "CEO"}
    else:
        record = request.records.first()
        record.fingerprint, record.decision = ("x", "included") if change == "fingerprint" else ("v1", "excluded")
        record.save()
    assert plan.plan_hash(request) != before


def test_the_plan_says_what_is_done_by_hand_and_what_can_come_back(desk: Desk):
    desk.places["crm"].lacks = {Capability.VERIFY}
    request = desk.work(desk.identified("erasure"))
    lines = {line.record.store: line for line in plan.lines(request)}
    assert lines["crm"].by_hand == ("verify",)
    assert (lines["crm"].recoverable_days, lines["mailer"].recoverable_days) == (60, 0)


def test_a_plan_that_is_sent_back_is_looked_for_anew(desk: Desk):
    request = desk.work(desk.identified("erasure"))
    with pytest.raises(ActionNotAllowed, match="Enter what has to change"):
        approve.send_back(request, reason="", by=desk.second)
    request = approve.send_back(request, reason="The second record is missing", by=desk.second)
    assert request.status == RequestStatus.LOCATING
    request = desk.work(request)
    approve.approve(request, plan_hash=request.plan_hash, by=desk.second)


def test_an_approval_whose_event_cannot_be_written_is_none(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    request = desk.work(desk.identified("erasure"))
    monkeypatch.setattr(AuditEvent.objects, "create", lambda **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        approve.approve(request, plan_hash=request.plan_hash, by=desk.second)
    request.refresh_from_db()
    assert (request.status, request.approved_hash) == (RequestStatus.AWAITING_APPROVAL, "")
    assert not request.steps.filter(action="erase").exists()
