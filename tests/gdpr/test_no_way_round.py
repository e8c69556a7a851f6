"""Ways round the desk that are closed: strangers, neighbours, late withdrawals, the desk's own delay."""

import datetime

import pytest
from django.utils import timezone

from gdpr.due_dates import deadline
from gdpr.identity import Identity
from gdpr.kinds import RequestKind
from gdpr.models import Decision, RequestMessage, SubjectRequest
from gdpr.regimes import calendar
from gdpr.requests import clarifications, plan
from gdpr.requests import withdrawal as withdrawing
from gdpr.requests.intake import RequestIn
from gdpr.requests.pipeline import execute, locate, open, verify
from gdpr.requests.request_forms import Intake
from gdpr.states import RequestStatus, StepStatus
from gdpr.stores import Record
from gdpr.suppression import gate
from swarm_admin.core.errors import ActionNotAllowed
from tests.gdpr.fake_stores import ADA, BOB

pytestmark = pytest.mark.django_db
DAY = datetime.timedelta(days=1)


def withdrawal(request, **given):
    return RequestIn.model_validate({"kind": "withdrawal", "concerns": request.pk, **given})


@pytest.mark.parametrize("given", [{}, {"emails": ["mallory@evil.example"]}])
def test_a_stranger_withdraws_nothing_and_learns_nothing(desk, given):
    request = desk.open("erasure")
    messages = RequestMessage.objects.count()
    for number in (request.pk, request.pk + 1000):
        entry = withdrawal(request, contact_email="mallory@evil.example", **given)
        entry.concerns = number
        with pytest.raises(ActionNotAllowed, match=r"^No such request from this person"):
            open.open_request(entry, channel="api")
    assert RequestMessage.objects.count() == messages
    request.refresh_from_db()
    assert request.is_open


def test_the_person_withdraws_by_themselves_and_is_told_of_it(desk):
    request = desk.open("erasure")
    later = open.open_request(withdrawal(request, emails=list(ADA.emails)), channel="api")
    desk.work(verify.confirm_identity(later, method="reply", by=desk.officer))
    request.refresh_from_db()
    assert request.status == RequestStatus.WITHDRAWN
    assert request.messages.filter(template__slug="withdrawn").exists()


def test_a_withdrawal_that_comes_too_late_says_so_and_stops_no_worker(desk):
    request = desk.approved("erasure")
    desk.work(request)
    later = open.open_request(withdrawal(request, emails=list(ADA.emails)), channel="form", by=desk.officer)
    later = desk.work(verify.confirm_identity(later, method="reply", by=desk.officer))
    assert later.status == RequestStatus.COMPLETED
    answer = later.messages.get(template__slug="completion")
    assert "could not stop it" in answer.body
    assert "have withdrawn" not in answer.body


def test_what_moves_between_the_look_and_the_record_is_looked_at_again(desk, monkeypatch):
    request = desk.identified("access")
    monkeypatch.setattr(execute, "_record_done", _refuse)
    step = execute.claim(request.pk)
    execute.run(step)
    step.refresh_from_db()
    assert step.status == StepStatus.PLANNED


def _refuse(step, outcome):
    raise ActionNotAllowed("It is being carried out already.")


def test_a_neighbours_record_takes_no_identifier_of_the_person_off_the_list(desk):
    shared = "info@acme.example"
    request = desk.open("erasure", emails=[*ADA.emails, shared])
    for identity, decision in ((ADA, Decision.INCLUDED), (BOB, Decision.EXCLUDED)):
        record = Record(
            "crm", f"r{decision}", ("linkedin_url", "email"), decision == Decision.INCLUDED,
            {"email": shared}, "f", Identity(identity.linkedin_url),
        )  # fmt: skip
        locate.save_records(request, "crm", [record])
        request.records.filter(key=record.key).update(decision=decision)
    own = plan.identities(request)
    assert all(identity.linkedin_url == ADA.linkedin_url for identity in own)
    assert not any(shared in identity.emails for identity in own)


def test_what_was_entered_by_hand_is_the_stores_own_once_it_finds_it(desk):
    request = desk.open("erasure")
    record = Record("crm", "9", ("email",), True, {}, "f1", ADA)
    locate.save_records(request, "crm", [record], by_hand=True)
    locate.save_records(request, "crm", [record])
    assert not request.records.get(key="9").by_hand
    assert locate.matches_plan(request, "crm", [record])


def test_the_desks_own_delay_stops_no_clock(desk):
    request = desk.open("access", regime="uk", calendar="GB-ENG", received_at=timezone.now() - 20 * DAY)
    clarifications.ask(request, reason="identity", justification="the address is unknown", by=desk.officer)
    asked = request.pauses.get()
    asked.asked_at = timezone.now() - 15 * DAY
    asked.save(update_fields=["asked_at"])
    came = timezone.now() - 10 * DAY
    with pytest.raises(ActionNotAllowed, match="later than the question"):
        verify.confirm_identity(request, method="reply", by=desk.officer, answered_at=came - 20 * DAY)
    verify.confirm_identity(request, method="reply", by=desk.officer, answered_at=came)
    request.refresh_from_db()
    late = calendar.months_after(deadline.today(), 1)
    assert request.due_on < late


def test_our_own_decision_hands_out_nothing(db):
    given = {
        "kind": RequestKind.ACCESS, "channel": "own", "received_at": "2026-03-02T10:00", "regime": "eu",
        "calendar": "DE", "emails": "ada@home.example",
    }  # fmt: skip
    assert "channel" in Intake(given).errors
    assert "channel" not in Intake({**given, "kind": RequestKind.ERASURE}).errors


def test_an_erasure_forgets_the_persons_earlier_requests_too(desk):
    earlier = withdrawing.withdraw(desk.open("access"), reason="wrote so", by=desk.officer)
    SubjectRequest.objects.filter(pk=earlier.pk).update(forget_after=timezone.now() + 30 * DAY)
    desk.finished("erasure")
    earlier.refresh_from_db()
    assert earlier.forget_after <= timezone.now()
    assert gate.look_up([ADA])
