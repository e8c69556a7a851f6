"""A request is open until its letters have left, and they leave in the order in which they were written."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from gdpr import compliance_alerts
from gdpr.messages import send, write
from gdpr.models import RequestMessage, SubjectRequest
from gdpr.models.request import RefusalGround
from gdpr.requests import actions, forget, message_actions, overdue
from gdpr.requests.pipeline import execute
from tests.gdpr.conftest import Desk

ACKNOWLEDGEMENT, COMPLETION = "acknowledgement", "completion"
REASON = "We cannot tell who you are, and asked twice."


def statuses(request: SubjectRequest) -> dict[str, str]:
    return dict(request.messages.values_list("template__slug", "status"))


def carried_out(desk: Desk, request: SubjectRequest) -> SubjectRequest:
    """Every step that is due, and no letter."""
    for _ in range(8):
        request.steps.filter(status__in=["planned", "unknown"]).update(not_before=timezone.now())
        if not execute.run_due(100, request_id=request.pk):
            break
    request.refresh_from_db()
    return request


@pytest.fixture
def answered(desk: Desk) -> SubjectRequest:
    """A restriction whose answer is written; its acknowledgement, written first, has to be tried again later."""
    request = desk.tell_partner(carried_out(desk, desk.identified("restriction")))
    later = timezone.now() + timezone.timedelta(minutes=10)
    request.messages.filter(template__slug=ACKNOWLEDGEMENT).update(not_before=later)
    return carried_out(desk, request)


def test_the_answer_does_not_overtake_the_acknowledgement(answered: SubjectRequest):
    assert statuses(answered) == {ACKNOWLEDGEMENT: "queued", COMPLETION: "queued"}
    assert send.run_due() == 0
    answered.messages.update(not_before=timezone.now())
    assert send.run_due() == 2
    assert [sent.subject.rpartition(" ")[2] for sent in mail.outbox] == [answered.reference, "completed"]


def test_nor_while_another_worker_is_sending_it(answered: SubjectRequest):
    answered.messages.update(not_before=timezone.now())
    first = send._claim()
    assert first
    assert first.template.slug == ACKNOWLEDGEMENT
    assert send._claim() is None


def test_a_letter_to_another_address_holds_nothing_up(answered: SubjectRequest):
    answered.messages.filter(template__slug=ACKNOWLEDGEMENT).update(to="before@home.example")
    assert send.run_due() == 1
    assert statuses(answered) == {ACKNOWLEDGEMENT: "queued", COMPLETION: "sent"}


def test_a_request_is_open_until_its_letters_have_left(desk: Desk):
    """Its answer was sent by hand while the acknowledgement still waited for the mail server."""
    request = carried_out(desk, desk.identified("access"))
    message_actions.mark_copied(write.newest(request, COMPLETION), by=desk.officer)
    request = carried_out(desk, request)
    assert (request.status, statuses(request)) == (
        "executing",
        {ACKNOWLEDGEMENT: "queued", COMPLETION: "copied"},
    )
    assert request.steps.get(action="answer").error_message.startswith("An earlier message")
    send.run_due()
    execute.run_due(request_id=request.pk)  # at once: the letter woke the step
    request.refresh_from_db()
    assert (request.status, statuses(request)[ACKNOWLEDGEMENT]) == ("completed", "sent")


def refused_by_the_server(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> SubjectRequest:
    monkeypatch.setattr(send, "TRIES", 1)
    monkeypatch.setattr(mail.EmailMessage, "send", lambda self: 1 / 0)
    return desk.tell_partner(desk.work(desk.identified("restriction")))


def without_an_address(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> SubjectRequest:
    return desk.tell_partner(desk.work(desk.identified("restriction", contact_email=None)))


Hindered = Callable[[Desk, pytest.MonkeyPatch], SubjectRequest]


@pytest.mark.parametrize("hindered", [refused_by_the_server, without_an_address])
def test_an_answer_sent_by_hand_makes_an_unsent_acknowledgement_needless(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, hindered: Hindered
):
    """It would keep who asked for ever: while a letter is unsent, nobody is forgotten."""
    request = desk.work(hindered(desk, monkeypatch))
    assert request.status == "needs_action"
    message_actions.mark_copied(write.newest(request, COMPLETION), by=desk.officer)
    request = desk.work(request)
    assert statuses(request) == {ACKNOWLEDGEMENT: "dropped", COMPLETION: "copied"}
    assert request.status == "completed"
    SubjectRequest.objects.update(forget_after=timezone.now())
    assert forget.run_due() == 1


def test_a_refusal_that_has_not_left_is_said_and_keeps_who_asked(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(send, "TRIES", 1)
    monkeypatch.setattr(mail.EmailMessage, "send", lambda self: 1 / 0)
    request = desk.open("access")
    actions.refuse(request, ground=RefusalGround.NOT_APPLICABLE, reason=REASON, by=desk.officer)
    send.run_due()
    send.run_due()
    assert statuses(request)["refusal"] == "failed"
    assert said(request) == [overdue.LETTER_UNSENT]
    SubjectRequest.objects.update(forget_after=timezone.now())
    assert forget.run_due() == 0

    for message in RequestMessage.objects.filter(request=request, status="failed"):
        message_actions.mark_copied(message, by=desk.officer)
    assert said(request) == []
    assert forget.run_due() == 1


def said(request: SubjectRequest) -> list[Any]:
    return [alert.kind for alert in compliance_alerts.current() if alert.request_id == request.pk]
