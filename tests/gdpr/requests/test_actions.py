"""What staff do to a request: when it is possible, what it does, and that nothing is done without its event."""

import datetime

import pytest
from django.utils import timezone

from gdpr import audit
from gdpr.due_dates import deadline
from gdpr.messages import templates
from gdpr.models import AuditEvent, LegalHold, RequestMessage, SubjectRequest
from gdpr.package import files
from gdpr.requests import actions, after_checks, legal_holds, manual_steps, message_actions, withdrawal
from gdpr.requests.pipeline import locate, verify
from gdpr.states import RequestStatus
from swarm_admin.core.errors import ActionNotAllowed, is_allowed, why_not_allowed
from tests.gdpr.conftest import Desk

DAY = datetime.timedelta(days=1)
NOW = datetime.datetime(2026, 5, 5, 10, tzinfo=datetime.UTC)


@pytest.fixture
def today(monkeypatch: pytest.MonkeyPatch):
    """Sets the day on which everything happens."""

    def be(moment: datetime.datetime) -> None:
        monkeypatch.setattr(timezone, "now", lambda: moment)

    be(NOW)
    return be


def test_a_question_stops_the_clock_and_its_answer_starts_it(desk: Desk, today):
    request = desk.open("erasure", received_at=NOW)
    assert request.due_on == datetime.date(2026, 6, 5)
    today(NOW + 2 * DAY)
    pause = actions.ask(request, reason="identity", justification="Another address than we hold", by=desk.officer)
    today(NOW + 6 * DAY)
    deadline.refresh_paused()
    request.refresh_from_db()
    assert (request.due_on, request.clock_waits) == (datetime.date(2026, 6, 9), True)
    verify.confirm_identity(request, method="reply", by=desk.officer)
    request.refresh_from_db()
    pause.refresh_from_db()
    assert (pause.answered_at, request.clock_waits) == (NOW + 6 * DAY, False)
    today(NOW + 9 * DAY)
    deadline.refresh(request)
    assert request.due_on == datetime.date(2026, 6, 9)
    assert [line.what for line in deadline.calculation(request)] == [
        "Received",
        "Time allowed",
        "Paused",
        "Due",
    ]


def test_in_the_uk_the_identity_question_starts_the_month_anew(desk: Desk, today):
    request = desk.open("access", received_at=NOW, regime="uk", calendar="GB-ENG")
    today(NOW + 2 * DAY)
    actions.ask(request, reason="identity", justification="Another address than we hold", by=desk.officer)
    today(NOW + 10 * DAY)
    request = verify.confirm_identity(request, method="reply", by=desk.officer)
    assert request.due_on == datetime.date(2026, 6, 15)
    assert deadline.calculation(request)[1].what == "New start date"


def test_in_the_uk_a_clarification_suspends_access_alone(desk: Desk, today):
    for kind, due in (("access", datetime.date(2026, 6, 9)), ("restriction", datetime.date(2026, 6, 5))):
        request = desk.identified(kind, received_at=NOW, regime="uk", calendar="GB-ENG")
        pause = actions.ask(request, reason="clarification", justification="Which of two", by=desk.officer)
        today(NOW + 4 * DAY)
        actions.note_answer(pause, by=desk.officer)
        request.refresh_from_db()
        assert request.due_on == due
        today(NOW)


def test_an_answer_is_noted_for_when_it_came(desk: Desk, today):
    request = desk.open("erasure", received_at=NOW)
    pause = actions.ask(request, reason="clarification", justification="Which of two", by=desk.officer)
    today(NOW + 5 * DAY)
    with pytest.raises(ActionNotAllowed, match="earlier than the question"):
        actions.note_answer(pause, answered_at=NOW - DAY, by=desk.officer)
    with pytest.raises(ActionNotAllowed, match="future"):
        actions.note_answer(pause, answered_at=NOW + 6 * DAY, by=desk.officer)
    actions.note_answer(pause, answered_at=NOW + 3 * DAY, by=desk.officer)
    request.refresh_from_db()
    assert request.due_on == datetime.date(2026, 6, 8)
    with pytest.raises(ActionNotAllowed, match="answered"):
        actions.note_answer(pause, by=desk.officer)


def test_a_question_is_asked_once_and_for_a_reason(desk: Desk):
    request = desk.open("erasure")
    with pytest.raises(ActionNotAllowed, match="Enter why you need to ask"):
        actions.ask(request, reason="identity", justification=" ", by=desk.officer)
    actions.ask(request, reason="identity", justification="Another address", by=desk.officer)
    with pytest.raises(ActionNotAllowed, match="awaiting an answer"):
        actions.ask(request, reason="identity", justification="Another address", by=desk.officer)
    identified = desk.identified("access")
    with pytest.raises(ActionNotAllowed, match="identity check is open"):
        actions.ask(identified, reason="identity", justification="Another address", by=desk.officer)


def test_the_time_is_extended_once_within_the_first_month_with_reasons_sent(desk: Desk, today):
    request = desk.open("erasure", received_at=NOW)
    with pytest.raises(ActionNotAllowed, match="Enter why the request is complex"):
        actions.extend(request, reason="", by=desk.officer)
    request = actions.extend(request, reason="Four systems and three former names", by=desk.officer)
    assert request.due_on == datetime.date(2026, 8, 5)
    told = request.messages.get(template__slug="extension")
    assert "Four systems" in told.body
    assert "5 August 2026" in told.body
    assert "complaint" in told.body
    with pytest.raises(ActionNotAllowed, match="once"):
        actions.extend(request, reason="Once more, please", by=desk.officer)


@pytest.mark.parametrize(("days", "possible"), [(31, True), (32, False)])
def test_the_last_day_to_extend_is_the_last_of_the_first_month(desk: Desk, today, days: int, possible: bool):
    request = desk.open("erasure", received_at=NOW)
    today(NOW + days * DAY)
    assert is_allowed(actions.check_can_extend, request) is possible


def test_a_refusal_tells_the_reasons_and_the_right_to_complain(desk: Desk):
    request = desk.work(desk.identified("access"), rounds=0)
    with pytest.raises(ActionNotAllowed, match="ground"):
        actions.refuse(request, ground="whim", reason="We do not feel like it today.", by=desk.officer)
    reason = "You asked for the same five times this month."
    request = actions.refuse(request, ground="unfounded", reason=reason, by=desk.officer)
    assert (request.status, request.refusal_ground) == (RequestStatus.REFUSED, "unfounded")
    assert not request.steps.exclude(status="cancelled").exists()
    told = request.messages.get(template__slug="refusal").body
    assert reason in told
    assert "supervisory authority" in told
    assert desk.work(request).status == RequestStatus.REFUSED


def test_an_objection_is_never_refused(desk: Desk):
    request = desk.open("objection")
    reason = why_not_allowed(actions.check_can_refuse, request)
    assert "can't be refused" in reason


def test_a_withdrawal_stops_what_has_not_begun(desk: Desk):
    request = desk.work(desk.identified("erasure"))
    request = withdrawal.withdraw(request, reason="By e-mail of 5 May", by=desk.officer)
    assert request.status == RequestStatus.WITHDRAWN
    assert all("1" in store.records for store in desk.places.values())
    assert not is_allowed(withdrawal.check_can_withdraw, request)


def test_a_question_that_is_open_ends_with_the_request(desk: Desk):
    request = desk.open("erasure")
    actions.ask(request, reason="identity", justification="Another address", by=desk.officer)
    request = withdrawal.withdraw(request, reason="By e-mail of 5 May", by=desk.officer)
    assert (request.clock_waits, request.pauses.get().answered_at is None) == (False, False)


def test_the_contact_is_changed_and_drafts_follow(desk: Desk):
    request = desk.open("access", contact_email=None)
    with pytest.raises(ActionNotAllowed, match="Enter a valid e-mail address"):
        actions.change_contact(request, name="Ada", contact_email="nonsense", by=desk.officer)
    actions.change_contact(request, name="Ada L", contact_email="new@home.example", by=desk.officer)
    assert request.messages.get().to == "new@home.example"
    event = AuditEvent.objects.get(verb="change_contact")
    assert event.fields == ["contact_email", "name"]


# ---------------------------------------------------------------- no event, no deed


def _step(desk: Desk, status: str):
    desk.places["mailer"].fails["locate"] = RuntimeError()
    step = desk.work(desk.identified("access")).steps.get(store="mailer")
    return manual_steps.take_over(step, by=desk.officer) if status == "manual" else step


def _hold(desk: Desk):
    day = timezone.localdate() + 9 * DAY
    return legal_holds.place(store="crm", key="1", reason="In dispute", review_on=day, by=desk.officer)


def _plan(desk: Desk) -> SubjectRequest:
    return desk.work(desk.identified("erasure"))


DEEDS = {
    "assign": (lambda d: d.open("access"), lambda d, o: actions.assign(o, to=d.second, by=d.officer)),
    "ask": (
        lambda d: d.open("access"),
        lambda d, o: actions.ask(o, reason="identity", justification="Other address", by=d.officer),
    ),
    "extend": (
        lambda d: d.open("access"),
        lambda d, o: actions.extend(o, reason="Very many records", by=d.officer),
    ),
    "refuse": (
        lambda d: d.open("access"),
        lambda d, o: actions.refuse(o, ground="unfounded", reason="The fifth time this month.", by=d.officer),
    ),
    "withdraw": (
        lambda d: d.open("access"),
        lambda d, o: withdrawal.withdraw(o, reason="By letter", by=d.officer),
    ),
    "portability": (
        lambda d: d.open("portability"),
        lambda d, o: actions.explain_portability(o, by=d.officer),
    ),
    "passed": (lambda d: d.open("access"), lambda d, o: verify.confirm_identity(o, method="reply", by=d.officer)),
    "failed": (lambda d: d.open("access"), lambda d, o: verify.reject_evidence(o, method="reply", by=d.officer)),
    "evidence": (
        lambda d: d.open("access"),
        lambda d, o: verify.note_evidence(o, evidence="x", by=d.officer),
    ),
    "look again": (_plan, lambda d, o: locate.search_again(o, by=d.officer)),
    "complete": (
        lambda d: _step(d, "manual"),
        lambda d, o: manual_steps.complete(o, evidence="Seen it", by=d.officer),
    ),
    "retry": (lambda d: _step(d, "failed"), lambda d, o: manual_steps.retry(o, by=d.officer)),
    "take over": (lambda d: _step(d, "failed"), lambda d, o: manual_steps.take_over(o, by=d.officer)),
    "place hold": (lambda d: None, lambda d, o: _hold(d)),
    "lift hold": (_hold, lambda d, o: legal_holds.lift(o, reason="Settled", by=d.officer)),
    "copied": (
        lambda d: d.open("access", contact_email=None).messages.get(),
        lambda d, o: message_actions.mark_copied(o, by=d.officer),
    ),
    "template": (
        lambda d: templates.current("refusal"),
        lambda d, o: templates.new_version(
            "refusal", subject="x", body="$reasons $authority", note="shorter", by=d.officer
        ),
    ),
    "contact": (
        lambda d: d.open("access"),
        lambda d, o: actions.change_contact(o, name="A", contact_email="", by=d.officer),
    ),
    "download": (
        lambda d: d.work(d.identified("access")).documents.get(kind="json"),
        lambda d, o: files.download(o, by=d.officer),
    ),
    "after check": (
        lambda d: _manual_check(d),
        lambda d, o: after_checks.complete(o, evidence="Looked, not there", by=d.officer),
    ),
}


def _manual_check(desk: Desk):
    check = desk.finished("erasure").after_checks.get()
    type(check).objects.filter(pk=check.pk).update(status="manual")
    check.refresh_from_db()
    return check


def everything() -> list[list[dict]]:
    from django.apps import apps

    models = apps.get_app_config("gdpr").get_models()
    return [list(model._default_manager.order_by("pk").values()) for model in models]


@pytest.mark.parametrize("deed", DEEDS)
def test_without_its_event_nothing_is_changed(desk: Desk, monkeypatch: pytest.MonkeyPatch, deed: str):
    prepare, do = DEEDS[deed]
    prepared = prepare(desk)
    before = everything()
    monkeypatch.setattr(audit, "record", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        do(desk, prepared)
    assert everything() == before
    monkeypatch.undo()


@pytest.mark.parametrize("deed", DEEDS)
def test_every_deed_has_its_event_and_its_person(desk: Desk, deed: str):
    prepare, do = DEEDS[deed]
    prepared = prepare(desk)
    last = AuditEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    do(desk, prepared)
    assert AuditEvent.objects.filter(pk__gt=last, actor_id=desk.officer.pk).exists()


@pytest.mark.parametrize("end", ["refuse", "withdraw"])
def test_what_the_person_showed_goes_with_a_request_that_ends_undecided(desk: Desk, end: str):
    request = desk.open("access")
    verify.note_evidence(request, evidence="Passport C01X", by=desk.officer)
    if end == "refuse":
        actions.refuse(request, ground="not_identified", reason="Nobody answered us twice.", by=desk.officer)
    else:
        withdrawal.withdraw(request, reason="By telephone", by=desk.officer)
    check = request.checks.get()
    assert (check.result, check.evidence) == ("open", "")
    assert check.evidence_deleted_at


def test_a_reason_with_what_the_database_cannot_keep_is_kept_without_it(desk: Desk):
    legal_holds.lift(_hold(desk), reason="Set\x00tled by now", by=desk.officer)
    assert AuditEvent.objects.get(verb="lift_legal_hold").reason == "Settled by now"


def test_a_hold_is_placed_once_and_for_a_reason(desk: Desk):
    hold = _hold(desk)
    with pytest.raises(ActionNotAllowed, match="already under legal hold"):
        _hold(desk)
    with pytest.raises(ActionNotAllowed, match="future"):
        legal_holds.place(store="crm", key="9", reason="In dispute", review_on=timezone.localdate(), by=desk.officer)
    legal_holds.lift(hold, reason="Settled", by=desk.officer)
    assert not LegalHold.objects.filter(lifted_at=None).exists()
    with pytest.raises(ActionNotAllowed, match="already lifted"):
        legal_holds.lift(hold, reason="Settled", by=desk.officer)


def test_a_draft_nobody_needs_is_dropped_and_one_a_step_waits_for_is_not(desk: Desk):
    request = desk.work(desk.identified("access", contact_email=None))
    message_actions.drop_message(request.messages.get(template__slug="acknowledgement"), by=desk.officer)
    with pytest.raises(ActionNotAllowed, match="can't be discarded"):
        message_actions.drop_message(request.messages.get(template__slug="completion"), by=desk.officer)
    assert RequestMessage.objects.filter(status="dropped").count() == 1
