"""Each law's time against a calculation that knows no rule but to count days, one after the other."""

import datetime

import holidays
import pytest
from django.utils import timezone

from gdpr.due_dates import deadline
from gdpr.kinds import RequestKind
from gdpr.messages import defaults, templates
from gdpr.models import PauseReason, RequestPause, SubjectRequest
from gdpr.regimes.rules import RULES_OF, Effect, Regime, kind_label
from gdpr.requests import overdue
from gdpr.requests.actions import extend
from swarm_admin.core.errors import ActionNotAllowed

Day = datetime.date
ONE = datetime.timedelta(days=1)
FIRST = Day(2024, 1, 1)
STARTS = [FIRST + n * ONE for n in range(3 * 366)]
OFF = {"CH-ZH": holidays.Switzerland(subdiv="ZH"), "US-CA": holidays.UnitedStates(subdiv="CA")}


def is_off(day: Day, place: str) -> bool:
    return day.weekday() >= 5 or day in OFF[place]


def walk(day: Day, place: str, steps: int, *, working: bool) -> Day:
    while steps:
        day += ONE
        steps -= not (working and is_off(day, place))
    return day


def request_of(regime: str, kind: str, received: Day, **values) -> SubjectRequest:
    place = {"ch": "CH-ZH", "ca": "US-CA"}.get(regime, "DE")
    moment = datetime.datetime.combine(received, datetime.time(12), tzinfo=datetime.UTC)
    return SubjectRequest(kind=kind, regime=regime, calendar=place, received_at=moment, **values)


@pytest.mark.parametrize("extended", [False, True])
def test_switzerland_thirty_days_and_then_a_working_day(extended: bool):
    for received in STARTS:
        expected = walk(received, "CH-ZH", 60 if extended else 30, working=False)
        while is_off(expected, "CH-ZH"):
            expected += ONE
        found = deadline.calculate(request_of("ch", RequestKind.ACCESS, received), received, extended=extended)
        assert found.due == expected, received


@pytest.mark.parametrize("kind", [RequestKind.ACCESS, RequestKind.ERASURE, RequestKind.RECTIFICATION])
@pytest.mark.parametrize("extended", [False, True])
def test_california_45_days_whatever_day_that_is(kind: str, extended: bool):
    for received in STARTS:
        expected = walk(received, "US-CA", 90 if extended else 45, working=False)
        assert deadline.calculate(request_of("ca", kind, received), received, extended=extended).due == expected


def test_california_opting_out_and_confirming_count_business_days():
    for received in STARTS:
        opting_out = request_of("ca", RequestKind.OBJECTION, received)
        due = walk(received, "US-CA", 15, working=True)
        assert deadline.calculate(opting_out, received).due == due
        assert deadline.calculate(opting_out, received, extended=True).due == due  # no more time for it
        assert deadline.confirm_by(opting_out) == walk(received, "US-CA", 10, working=True)


@pytest.mark.parametrize(
    ("regime", "kind", "received", "due"),
    [
        ("ch", "access", "2026-07-02", "2026-08-03"),  # the 1st of August is the national holiday, and a Saturday
        ("ch", "access", "2026-03-04", "2026-04-07"),  # Good Friday, the weekend, Easter Monday
        ("ca", "access", "2026-11-11", "2026-12-26"),  # a Saturday all the same
        ("ca", "objection", "2026-11-20", "2026-12-15"),  # neither Thanksgiving nor the day after it counts
    ],
)
def test_known_dates(regime: str, kind: str, received: str, due: str):
    request = request_of(regime, kind, Day.fromisoformat(received))
    assert deadline.calculate(request, Day.fromisoformat(received)).due == Day.fromisoformat(due)


@pytest.mark.django_db
@pytest.mark.parametrize("regime", ["ch", "ca"])
def test_a_question_stops_nothing_where_the_law_does_not_say_so(regime: str):
    request = request_of(regime, RequestKind.ACCESS, Day(2026, 3, 2), due_on=Day(2026, 4, 1))
    request.save()
    before = deadline.calculate(request).due
    for reason in PauseReason.values:
        RequestPause.objects.create(request=request, reason=reason, asked_at=request.received_at)
    deadline.refresh(request)
    assert (deadline.calculate(request).due, request.clock_waits) == (before, False)


def test_every_law_names_its_sources_and_has_a_name_for_every_kind():
    for regime in Regime:
        rules = RULES_OF[regime]
        assert rules.sources
        assert rules.rights
        assert isinstance(rules.identity, Effect)
        assert all(kind_label(regime, kind) for kind in RequestKind)
    assert kind_label("ca", RequestKind.ACCESS) == "Know (CCPA § 1798.110)"
    assert kind_label("uk", RequestKind.ACCESS) == "Access (Art. 15)"
    assert not any("Art. 1" in kind_label("ca", kind) for kind in RequestKind if kind != RequestKind.WITHDRAWAL)


@pytest.mark.django_db
def test_a_limit_on_use_is_not_given_more_time_in_california():
    request = request_of("ca", RequestKind.RESTRICTION, deadline.today(), due_on=Day(2099, 1, 1))
    request.save()
    with pytest.raises(ActionNotAllowed, match="gives no more time"):
        extend(request, reason="There are very many of them.", by=None)


@pytest.mark.django_db
def test_a_receipt_that_nobody_confirmed_is_an_alarm_in_california_alone(monkeypatch):
    received = Day(2026, 3, 2)
    for regime in Regime.values:
        request_of(regime, RequestKind.ACCESS, received, due_on=Day(2026, 4, 1)).save()
    request = SubjectRequest.objects.get(regime="ca")
    last = deadline.confirm_by(request)
    assert last == Day(2026, 3, 16)

    def alarms(day: Day) -> list[str]:
        monkeypatch.setattr(deadline, "today", lambda: day)
        return [alert.sentence for alert in overdue.overdue_alerts() if alert.kind == overdue.UNCONFIRMED]

    assert alarms(last - ONE) == []
    assert alarms(last) == [f"Receipt of {request.reference} has to be confirmed by 16 March 2026."]
    assert alarms(last + ONE) == [f"Receipt of {request.reference} had to be confirmed by 16 March 2026."]
    request.messages.create(
        template=templates.current(defaults.ACKNOWLEDGEMENT), status="sent", to="a@b.example", subject="x", body="x",
        created_at=timezone.now(),
    )  # fmt: skip
    assert alarms(last + ONE) == []
