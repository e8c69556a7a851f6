"""Each kind from receipt to its end, where nothing is in its way."""

import pytest

from gdpr.identity import Identity
from gdpr.models import RequestMessage, SubjectRequest, Suppression
from gdpr.requests import actions, message_actions
from gdpr.requests.pipeline import locate
from gdpr.states import RequestStatus
from gdpr.stores import RetryLater
from gdpr.suppression import gate
from swarm_admin.core.errors import ActionNotAllowed
from tests.gdpr.conftest import Desk, state
from tests.gdpr.fake_stores import ADA, BOB


def statuses(request, action):
    return set(request.steps.filter(action=action).values_list("status", flat=True))


def test_erasure_removes_the_person_everywhere_and_nobody_else(desk: Desk):
    request = desk.finished("erasure")
    assert [set(store.records) for store in desk.places.values()] == [{"2"}] * 3
    assert statuses(request, "verify") == {"done"}
    assert gate.look_up([ADA, BOB]) == {0}, "Bob shares a phone with Ada"
    assert request.closed_at


def test_erasure_suppresses_every_identifier_of_the_records_found(desk: Desk):
    desk.finished("erasure", emails=["ada@acme.example"], linkedin_url="")
    assert gate.look_up([Identity(emails=("ada@home.example",)), Identity(ADA.linkedin_url), BOB]) == {0, 1}


def test_erasure_goes_outside_first_and_through_our_own_tables_last(desk: Desk):
    desk.finished("erasure")
    erased = [name for name, call, _ in desk.places.log if call == "erase"]
    assert set(erased[:2]) == {"crm", "mailer"}
    assert erased[2] == "mirror"


def test_access_hands_out_one_copy_of_everything_once_a_person_sent_it(desk: Desk):
    request = desk.work(desk.identified("access"))
    assert request.status == RequestStatus.NEEDS_ACTION, state(request)
    assert set(request.documents.values_list("kind", flat=True)) == {"json", "csv", "html", "pdf"}
    answer = request.messages.get(template__slug="completion")
    message_actions.mark_copied(answer, by=desk.officer)
    request = desk.work(request)
    assert request.status == RequestStatus.COMPLETED, state(request)
    assert desk.places["crm"].records["1"].values["name"] == "Ada"


def test_rectification_writes_everywhere_and_keeps_what_stood_before(desk: Desk):
    request = desk.finished("rectification", values={"name": "ada lovelace"})
    assert [store.records["1"].values["name"] for store in desk.places.values()] == ["Ada Lovelace"] * 3
    assert [store.records["2"].values["name"] for store in desk.places.values()] == ["Bob"] * 3
    results = request.steps.filter(action="rectify").values_list("result", flat=True)
    assert [result["before"] for result in results] == [{"name": "Ada"}] * 3


def test_restriction_and_its_end_which_the_person_hears_of_first(desk: Desk):
    restriction = desk.finished("restriction")
    assert all(store.records["1"].grounds == {"restriction"} for store in desk.places.values())
    assert not Suppression.objects.exists()
    release = desk.identified("release", concerns=restriction.pk)
    desk.places["mirror"].fails["release"] = RetryLater("busy")
    desk.work(release)
    assert release.steps.get(action="forewarn").status == "done"
    warned = release.messages.get(template__slug="lifting").sent_at
    desk.places["mirror"].fails.clear()
    release = desk.work(release)
    assert release.status == RequestStatus.COMPLETED, state(release)
    assert not any(store.records["1"].grounds for store in desk.places.values())
    assert warned < min(release.steps.filter(action="release").values_list("done_at", flat=True))


def test_a_restriction_is_not_lifted_before_the_person_was_told(desk: Desk):
    restriction = desk.finished("restriction")
    SubjectRequest.objects.filter(pk=restriction.pk).update(contact_email="")
    release = desk.work(desk.identified("release", concerns=restriction.pk, contact_email=None))
    assert release.status == RequestStatus.NEEDS_ACTION
    assert all(store.records["1"].grounds == {"restriction"} for store in desk.places.values())


def test_objection_needs_no_check_no_approval_and_stops_everything(desk: Desk):
    request = desk.open("objection")
    assert request.status == RequestStatus.LOCATING
    assert gate.look_up([ADA]) == {0}, "stopped with the request itself"
    request = desk.work(request)
    assert request.status == RequestStatus.COMPLETED, state(request)
    assert all(store.records["1"].grounds == {"objection"} for store in desk.places.values())
    assert not any(store.records["2"].grounds for store in desk.places.values())
    assert 0 <= request.seconds_to_stop < 60


def test_objection_stops_where_it_can_while_another_system_is_down(desk: Desk):
    desk.places["crm"].down = True
    request = desk.work(desk.open("objection"))
    assert request.status == RequestStatus.LOCATING
    assert desk.places["mailer"].records["1"].grounds == {"objection"}
    assert request.seconds_to_stop is None
    desk.places["crm"].down = False
    request = desk.work(request)
    assert request.status == RequestStatus.COMPLETED, state(request)
    assert request.seconds_to_stop is not None


def test_portability_is_explained_and_a_copy_offered(desk: Desk):
    request = actions.explain_portability(desk.open("portability"), by=desk.officer)
    assert (request.status, request.refusal_ground) == (RequestStatus.REFUSED, "not_applicable")
    body = RequestMessage.objects.get(request=request, template__slug="portability").body
    assert "machine-readable" in body
    assert "complaint" in body
    copy = actions.accept_offer(request, by=desk.officer)
    assert (copy.kind, copy.status, copy.concerns) == ("access", RequestStatus.VERIFYING, request)
    with pytest.raises(ActionNotAllowed, match="already"):
        actions.accept_offer(request, by=desk.officer)


def test_withdrawal_of_a_request_needs_a_check_and_ends_the_other(desk: Desk):
    erasure = desk.work(desk.identified("erasure"))
    withdrawal = desk.identified("withdrawal", concerns=erasure.pk)
    withdrawal = desk.work(withdrawal)
    erasure.refresh_from_db()
    assert (erasure.status, withdrawal.status) == (RequestStatus.WITHDRAWN, RequestStatus.COMPLETED)
    assert set(desk.places["crm"].records) == {"1", "2"}


def test_a_person_nobody_knows_is_told_so_and_stays_unknown(desk: Desk):
    nobody = {"linkedin_url": "https://www.linkedin.com/in/nobody", "emails": ["no@body.example"]}
    request = desk.finished("erasure", **nobody)
    assert "hold no data" in request.messages.get(template__slug="completion").body
    assert [set(store.records) for store in desk.places.values()] == [{"1", "2"}] * 3


def test_an_objection_of_nobody_known_claims_no_stop(desk: Desk):
    request = desk.work(desk.open("objection", linkedin_url="", emails=["no@body.example"], phone=""))
    assert request.status == RequestStatus.COMPLETED
    assert not request.has_stopped_somebody
    body = request.messages.get(template__slug="completion").body
    assert "stopped immediately" not in body
    assert "for the e-mail address you gave us and found no data about you" in " ".join(body.split())
    known = desk.work(desk.open("objection"))
    assert known.has_stopped_somebody
    assert "We stopped immediately" in known.messages.get(template__slug="completion").body


def copied(desk: Desk, **more):
    """A finished access request, with its files."""
    request = desk.work(desk.identified("access", **more))
    for record in request.records.filter(decision="open"):
        locate.decide(record, include=False, reason="Shares the switchboard.", by=desk.officer)
    request = desk.work(request)
    message_actions.mark_copied(request.messages.get(status="draft"), by=desk.officer)
    request = desk.work(request)
    assert request.status == RequestStatus.COMPLETED, state(request)
    return request


def test_copies_of_earlier_requests_are_erased_with_the_person_and_not_a_neighbours(desk: Desk):
    copy = copied(desk)
    shared = {"linkedin_url": "", "emails": list(BOB.emails), "phone": BOB.phone}
    beside = copied(desk, **shared)
    desk.finished("erasure")
    assert not any(kept.available for kept in copy.documents.exclude(kind="certificate"))
    assert all(kept.available for kept in beside.documents.all())
    assert beside.documents.count() == 4
