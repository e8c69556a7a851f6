"""The clock of one request: whose question stops it, under which law, and when it was late."""

import datetime

import pytest
from django.utils import timezone

from gdpr.due_dates import deadline
from gdpr.kinds import RequestKind
from gdpr.models import PauseReason, Regime, RequestPause, SubjectRequest

Day = datetime.date
TODAY = Day(2026, 3, 20)


def at(day: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(f"{day}T12:00:00+00:00")


@pytest.fixture(autouse=True)
def _today(monkeypatch):
    monkeypatch.setattr(deadline, "today", lambda: TODAY)


@pytest.fixture
def make(db):
    def made(**values) -> SubjectRequest:
        given = {"kind": RequestKind.ACCESS, "received_at": at("2026-03-02"), "calendar": "DE", "due_on": TODAY}
        return SubjectRequest.objects.create(**given | values)

    return made


def asked(request: SubjectRequest, reason: str, first: str, last: str | None) -> None:
    RequestPause.objects.create(
        request=request, reason=reason, asked_at=at(first), answered_at=at(last) if last else None
    )


def test_a_day_begins_where_the_clock_counts(settings):
    moment = datetime.datetime(2026, 3, 31, 22, 30, tzinfo=datetime.UTC)
    assert deadline.day_of(moment) == Day(2026, 3, 31)
    settings.COMPLIANCE_TIME_ZONE = "Europe/Berlin"
    assert deadline.day_of(moment) == Day(2026, 4, 1)


def test_today_is_a_day_of_that_place(settings, monkeypatch):
    monkeypatch.undo()
    moment = datetime.datetime(2026, 3, 31, 22, 30, tzinfo=datetime.UTC)
    monkeypatch.setattr(timezone, "now", lambda: moment)
    settings.COMPLIANCE_TIME_ZONE = "Europe/Berlin"
    assert deadline.today() == Day(2026, 4, 1)


@pytest.mark.parametrize(
    ("regime", "kind", "reason", "due"),
    [
        # Received on 2 March, asked on the 5th and answered on the 15th: ten days on, or a month from the answer.
        (Regime.EU, RequestKind.ACCESS, PauseReason.IDENTITY, Day(2026, 4, 13)),  # the 12th is a Sunday
        (Regime.EU, RequestKind.ERASURE, PauseReason.CLARIFICATION, Day(2026, 4, 13)),
        (Regime.UK, RequestKind.ACCESS, PauseReason.IDENTITY, Day(2026, 4, 15)),
        (Regime.UK, RequestKind.ERASURE, PauseReason.IDENTITY, Day(2026, 4, 15)),
        (Regime.UK, RequestKind.ACCESS, PauseReason.CLARIFICATION, Day(2026, 4, 13)),
        (Regime.UK, RequestKind.ERASURE, PauseReason.CLARIFICATION, Day(2026, 4, 2)),  # Art. 12A: of access alone
    ],
)
def test_what_a_question_does_to_the_clock(make, regime, kind, reason, due):
    request = make(regime=regime, kind=kind)
    asked(request, reason, "2026-03-05", "2026-03-15")
    assert deadline.calculate(request).due == due
    assert not deadline.calculate(request).waits


def test_the_extension_is_the_requests_own_unless_it_is_asked_for(make):
    request = make()
    assert deadline.calculate(request).due == Day(2026, 4, 2)
    assert deadline.calculate(request, extended=True).due == Day(2026, 6, 2)
    request.extended_at = at("2026-03-10")
    assert deadline.calculate(request).due == Day(2026, 6, 2)
    assert deadline.last_day_to_extend(request) == Day(2026, 4, 2)


def test_a_request_that_is_not_stored_yet_has_no_pauses():
    request = SubjectRequest(kind=RequestKind.ACCESS, received_at=at("2026-03-02"), calendar="DE")
    assert deadline.calculate(request).due == Day(2026, 4, 2)


def test_while_an_answer_is_outstanding_the_date_moves_with_each_day(make, django_assert_num_queries):
    request, other = make(), make()
    asked(request, PauseReason.IDENTITY, "2026-03-05", None)
    deadline.refresh(request)
    assert (request.due_on, request.clock_waits) == (Day(2026, 4, 17), True)
    assert deadline.calculate(request, Day(2026, 3, 22)).due == Day(2026, 4, 20)  # the 19th is a Sunday
    SubjectRequest.objects.filter(pk=request.pk).update(due_on=TODAY)
    assert deadline.refresh_paused() == 1
    request.refresh_from_db()
    other.refresh_from_db()
    assert (request.due_on, other.due_on) == (Day(2026, 4, 17), TODAY)
    with django_assert_num_queries(1):  # nothing has changed: its pauses are read and nothing is written
        deadline.refresh(request)
    SubjectRequest.objects.filter(pk=request.pk).update(status="completed")
    assert deadline.refresh_paused() == 0


def test_the_answer_ends_the_waiting_even_on_the_day_that_was_said(make):
    request = make()
    asked(request, PauseReason.IDENTITY, "2026-03-05", None)
    deadline.refresh(request)
    RequestPause.objects.update(answered_at=at("2026-03-20"))
    request = SubjectRequest.objects.get(pk=request.pk)
    deadline.refresh(request)
    request.refresh_from_db()
    assert (request.due_on, request.clock_waits) == (Day(2026, 4, 17), False)


def test_the_working_of_a_closed_request_stands_still(make):
    request = make(closed_at=at("2026-03-10"))
    asked(request, PauseReason.CLARIFICATION, "2026-03-05", None)
    lines = deadline.calculation(request)
    assert (lines[-1].what, lines[-1].day) == ("Due", Day(2026, 4, 7))
    assert "clarification, from 5 March 2026 still open" in lines[2].why
    request.closed_at = None
    assert deadline.calculation(request)[-1].day == Day(2026, 4, 17)


@pytest.mark.parametrize(
    ("due", "closed", "verdict"),
    [
        (TODAY, None, None),
        (Day(2026, 3, 19), None, False),
        (Day(2026, 3, 10), "2026-03-10", True),
        (Day(2026, 3, 9), "2026-03-10", False),
        (Day(2026, 3, 11), "2026-03-10", True),
    ],
)
def test_in_time_is_known_when_it_is_closed_or_late(make, due, closed, verdict):
    request = make(due_on=due, closed_at=at(closed) if closed else None)
    assert deadline.in_time(request) is verdict
