"""Steps under bad conditions: killed workers, systems that are down, cannot, fail, or do not do what they say."""

import datetime
import functools
import linecache
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

import gdpr
from gdpr import compliance_alerts
from gdpr.kinds import Action
from gdpr.models import AuditEvent, LegalHold, RequestStep, StepAttempt, SubjectRequest, Suppression
from gdpr.package import files
from gdpr.requests import actions, legal_holds, manual_steps, overdue, withdrawal
from gdpr.requests.pipeline import approve, execute
from gdpr.states import RequestStatus, StepStatus
from gdpr.stores import Capability, RetryLater
from gdpr.suppression import gate
from swarm_admin.core.errors import ActionNotAllowed
from tests.gdpr.conftest import Desk, state
from tests.gdpr.fake_stores import ADA, held
from tests.locks import wait_until_blocked

PIPELINE = Path(gdpr.__file__).parent / "requests" / "pipeline"
POINTS = 12


class Killed(BaseException):
    """The worker is gone at this line."""


class Killer:
    """Counts the lines run in gdpr/requests/pipeline, and kills at one of them."""

    def __init__(self, at: int | None = None) -> None:
        self.at, self.lines = at, 0

    def __enter__(self) -> "Killer":
        sys.settrace(self._call)
        return self

    def __exit__(self, *exc: object) -> None:
        sys.settrace(None)

    def _call(self, frame: FrameType, event: str, argument: Any) -> Any:
        return self._line if frame.f_code.co_filename.startswith(str(PIPELINE)) else None

    def _line(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            self.lines += 1
            # A `with` line is also passed on the way out, where an exception would skip `__exit__`: a transaction
            # would stay open, as no killed worker leaves it. Then the next line will do.
            if self.at is not None and self.lines >= self.at and not _is_with(frame):
                self.at = None
                raise Killed
        return self._line


def _is_with(frame: FrameType) -> bool:
    return linecache.getline(frame.f_code.co_filename, frame.f_lineno).lstrip().startswith("with ")


@functools.cache
def _lines_seen() -> list[int]:
    """How many lines an erasure runs through after its approval; counted by the first of the tests below."""
    return []


@pytest.mark.parametrize("point", range(POINTS))
def test_a_worker_killed_at_any_line_loses_and_doubles_nothing(desk: Desk, settings: Any, point: int):
    """At places spread over all lines that the steps of an erasure run through."""
    if not _lines_seen():
        counted = desk.approved("erasure", phone="+4930999999")
        with Killer() as counter:
            desk.work(counted)
        _lines_seen().append(counter.lines)
        Suppression.objects.all().delete()
        for store in desk.places.values():
            store.records["1"] = held(ADA, "Ada")
    request = desk.approved("erasure")
    settings.LEASE_SECONDS = -1.0
    with pytest.raises(Killed), Killer(at=1 + _lines_seen()[0] * point // POINTS):
        desk.work(request)
    request = desk.work(desk.tell_partner(desk.work(request)))
    assert request.status == RequestStatus.COMPLETED, state(request)
    assert not any("1" in store.records for store in desk.places.values())
    assert {step.status for step in request.steps.all()} == {StepStatus.DONE}
    assert gate.look_up([ADA]) == {0}
    assert request.messages.filter(template__slug="completion").count() == 1


def test_a_killed_worker_is_seen_in_the_attempts(desk: Desk, settings: Any):
    request = desk.approved("erasure")
    desk.places["crm"].fails["erase"] = Killed()
    with pytest.raises(Killed):
        desk.work(request)
    desk.places["crm"].fails.clear()
    settings.LEASE_SECONDS = -1.0
    assert execute.hand_back_lapsed() == 1
    assert request.steps.get(action="erase", store="crm").status == StepStatus.UNKNOWN
    desk.work(request)
    step = request.steps.get(action="erase", store="crm")
    assert list(step.attempts.values_list("outcome", flat=True)) == ["", "done"]


def test_nothing_is_erased_before_it_is_suppressed(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    request = desk.approved("erasure")
    seen: list[set[int]] = []
    for store in desk.places.values():
        erase = store.erase
        monkeypatch.setattr(
            store, "erase", lambda record, erase=erase: (seen.append(gate.look_up([ADA])), erase(record))
        )
    desk.work(request)
    assert seen == [{0}] * 3


def test_a_suppression_that_cannot_be_written_lets_nothing_be_erased(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    request = desk.approved("erasure")
    monkeypatch.setattr(gate, "suppress", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        desk.work(request)
    assert not any(store.calls["erase"] for store in desk.places.values())
    assert all("1" in store.records for store in desk.places.values())


def test_three_days_down_is_waited_for_while_the_others_go_on(desk: Desk):
    request = desk.approved("erasure")
    crm = desk.places["crm"]
    crm.down = True
    request = desk.work(request, rounds=12)
    assert request.status == RequestStatus.EXECUTING, state(request)
    waiting = request.steps.get(action="recheck", store="crm")
    assert (waiting.status, waiting.error_message) == (StepStatus.PLANNED, "Crm does not answer")
    assert waiting.tries >= 12
    assert "1" not in desk.places["mailer"].records
    assert "1" in desk.places["mirror"].records, "what leads to other records goes last"
    SubjectRequest.objects.filter(pk=request.pk).update(due_on=timezone.localdate() - datetime.timedelta(days=1))
    assert [alert.kind for alert in compliance_alerts.current() if alert.request_id == request.pk] == [overdue.OVERDUE]
    crm.down = False
    request = desk.work(desk.tell_partner(desk.work(request)))
    assert request.status == RequestStatus.COMPLETED, state(request)
    assert not any("1" in store.records for store in desk.places.values())


def test_the_wait_grows_to_six_hours_and_never_ends(desk: Desk, settings: Any):
    settings.CLOCK_SPEED, settings.RETRY_BASE_SECONDS = 1.0, 30.0
    request = desk.identified("access")
    desk.places["crm"].down = True
    for tries, seconds in ((1, 30), (2, 60), (5, 480), (12, 21_600), (400, 21_600)):
        RequestStep.objects.filter(request=request, store="crm").update(
            tries=tries - 1, not_before=timezone.now(), status=StepStatus.PLANNED
        )
        desk_now = timezone.now()
        execute.run_due(request_id=request.pk)
        wait = RequestStep.objects.get(request=request, store="crm").not_before - desk_now
        assert seconds <= wait.total_seconds() < seconds + 30


def test_what_is_to_stop_at_once_is_asked_every_five_minutes(desk: Desk, settings: Any):
    settings.CLOCK_SPEED, settings.RETRY_BASE_SECONDS = 1.0, 30.0
    desk.places["crm"].down = True
    request = desk.open("objection")
    RequestStep.objects.filter(request=request, store="crm").update(tries=40)
    execute.run_due(request_id=request.pk)
    wait = RequestStep.objects.get(request=request, store="crm").not_before - timezone.now()
    assert 290 < wait.total_seconds() <= 300


def test_a_named_time_is_kept(desk: Desk):
    request = desk.identified("access")
    at = timezone.now() + datetime.timedelta(hours=7)
    desk.places["crm"].down, desk.places["crm"].later_than = True, at
    execute.run_due(request_id=request.pk)
    assert RequestStep.objects.get(request=request, store="crm").not_before == at


@pytest.mark.parametrize("lacking", ["erase", "verify"])
def test_what_a_store_cannot_do_waits_for_a_person_and_never_ends_by_itself(desk: Desk, lacking: str):
    desk.places["crm"].lacks = {Capability(lacking)}
    request = desk.tell_partner(desk.work(desk.approved("erasure")))
    request = desk.work(request)
    assert request.status == RequestStatus.NEEDS_ACTION
    step = request.steps.get(action=lacking, store="crm")
    assert (step.status, step.instructions) == (StepStatus.MANUAL, f"In Crm, {lacking} 1 by hand.")
    assert step.due_on is not None
    assert step.due_on <= request.due_on
    RequestStep.objects.filter(pk=step.pk).update(due_on=timezone.localdate() - datetime.timedelta(days=400))
    request = desk.work(request)
    assert request.status == RequestStatus.NEEDS_ACTION, "D22"
    assert overdue.STEP_LATE in [alert.kind for alert in compliance_alerts.current()]
    with pytest.raises(ActionNotAllowed, match="Enter proof that it was done"):
        manual_steps.complete(step, evidence=" ", by=desk.officer)
    desk.places["crm"].records.pop("1", None)
    manual_steps.complete(step, evidence="Screenshot 12 of the search.", by=desk.officer)
    request = desk.work(desk.tell_partner(desk.work(request)))
    assert request.status == RequestStatus.COMPLETED, state(request)


def test_an_erasure_without_effect_is_repeated_and_then_a_persons(desk: Desk):
    desk.places["mailer"].sticky = 2
    request = desk.work(desk.approved("erasure"))
    assert request.steps.get(action="verify", store="mailer").status == StepStatus.DONE
    assert desk.places["mailer"].calls["erase"] == 3


def test_an_erasure_that_never_takes_effect_is_never_complete(desk: Desk):
    desk.places["mailer"].sticky = 1_000
    request = desk.work(desk.tell_partner(desk.work(desk.approved("erasure"))))
    assert request.status == RequestStatus.NEEDS_ACTION
    step = request.steps.get(action="verify", store="mailer")
    assert (step.status, step.faults) == (StepStatus.FAILED, execute.READ_BACKS)
    assert "1" in desk.places["mirror"].records
    desk.places["mailer"].sticky = 0
    manual_steps.retry(step, by=desk.officer)
    request = desk.work(desk.tell_partner(desk.work(request)))
    assert request.status == RequestStatus.COMPLETED, state(request)


def test_a_fault_needs_a_person_and_its_words_are_not_kept(desk: Desk, caplog: pytest.LogCaptureFixture):
    desk.places["crm"].fails["erase"] = RuntimeError("ada@acme.example refused")
    request = desk.work(desk.approved("erasure"))
    step = request.steps.get(action="erase", store="crm")
    assert (step.status, request.status) == (StepStatus.FAILED, RequestStatus.NEEDS_ACTION)
    kept = caplog.text + str(list(RequestStep.objects.values_list("error_message", "error_kind")))
    kept += str(list(StepAttempt.objects.values_list("message"))) + str(list(AuditEvent.objects.values()))
    assert "ada@" not in kept
    manual_steps.take_over(step, by=desk.officer)
    step.refresh_from_db()
    assert (step.status, step.instructions) == (StepStatus.MANUAL, "In Crm, erase 1 by hand.")


def test_a_lost_lease_writes_nothing(desk: Desk):
    request = desk.approved("erasure")
    step = execute.claim(request.pk)
    assert step is not None
    RequestStep.objects.filter(pk=step.pk).update(in_flight_since=timezone.now())
    execute.run(step)
    step.refresh_from_db()
    assert (step.status, step.proof) == (StepStatus.IN_FLIGHT, "")


def test_two_workers_never_have_the_same_step(desk: Desk):
    request = desk.identified("access")
    claimed = [execute.claim(request.pk) for _ in range(4)]
    assert len({step.pk for step in claimed if step}) == 3
    assert claimed[3] is None


# ---------------------------------------------------------------- the plan changes under an approval


def test_data_that_changed_since_the_approval_are_approved_again(desk: Desk):
    request = desk.approved("erasure")
    desk.places["crm"].records["1"].version = 2
    before = request.approved_hash
    request = desk.work(request)
    assert (request.status, request.plan_changed) == (RequestStatus.AWAITING_APPROVAL, True)
    assert "1" in desk.places["crm"].records
    assert request.plan_hash != before
    with pytest.raises(ActionNotAllowed, match="changed since you opened it"):
        approve.approve(request, plan_hash=before, by=desk.second)
    approve.approve(request, plan_hash=request.plan_hash, by=desk.second)
    request = desk.work(desk.tell_partner(desk.work(request)))
    assert request.status == RequestStatus.COMPLETED, state(request)
    assert not any("1" in store.records for store in desk.places.values())


def test_a_record_that_came_since_is_part_of_the_new_plan_and_suppressed_too(desk: Desk):
    request = desk.approved("erasure")
    new = type(ADA)(emails=("ada@acme.example", "ada@third.example"))
    desk.places["mailer"].records["9"] = held(new, "Ada")
    request = desk.work(request)
    assert request.status == RequestStatus.AWAITING_APPROVAL
    approve.approve(request, plan_hash=request.plan_hash, by=desk.second)
    request = desk.work(desk.tell_partner(desk.work(request)))
    assert request.status == RequestStatus.COMPLETED, state(request)
    assert set(desk.places["mailer"].records) == {"2"}
    assert gate.look_up([type(ADA)(emails=("ada@third.example",))]) == {0}


def test_nothing_runs_under_a_hash_that_was_not_approved(desk: Desk):
    request = desk.approved("erasure")
    SubjectRequest.objects.filter(pk=request.pk).update(approved_hash="0" * 64)
    request = desk.work(request)
    assert not any(store.calls["erase"] for store in desk.places.values())


# ---------------------------------------------------------------- legal holds


def test_a_held_record_stays_and_the_rest_goes(desk: Desk):
    day = timezone.localdate() + datetime.timedelta(days=90)
    legal_holds.place(store="crm", key="1", reason="Contract in dispute", review_on=day, by=desk.officer)
    request = desk.finished("erasure")
    assert set(desk.places["crm"].records) == {"1", "2"}
    assert "1" not in desk.places["mirror"].records
    step = request.steps.get(action="erase", store="crm")
    assert step.status == StepStatus.WITHHELD
    assert "requires or allows it" in request.messages.get(template__slug="completion").body
    assert not request.after_checks.exists()


def test_a_hold_placed_late_withholds_and_one_lifted_lets_go_on(desk: Desk):
    request = desk.approved("erasure")
    desk.places["crm"].down = True
    request = desk.work(request)
    day = timezone.localdate() + datetime.timedelta(days=90)
    hold = legal_holds.place(store="crm", key="1", reason="Contract in dispute", review_on=day, by=desk.officer)
    assert request.steps.get(action="erase", store="crm").status == StepStatus.WITHHELD
    legal_holds.lift(hold, reason="Settled by now", by=desk.officer)
    desk.places["crm"].down = False
    request = desk.work(desk.tell_partner(desk.work(request)))
    assert request.status == RequestStatus.COMPLETED, state(request)
    assert "1" not in desk.places["crm"].records


@pytest.mark.django_db(transaction=True)
def test_a_hold_and_a_worker_that_takes_the_step_never_both_succeed(desk: Desk):
    """The claim is held open in another connection: the hold waits for it, and is then refused."""
    request = desk.approved("erasure")
    desk.places["crm"].fails["erase"] = RetryLater("Busy")
    request = desk.work(request)
    RequestStep.objects.filter(request=request).exclude(action="erase", store="crm").update(
        not_before=timezone.now() + datetime.timedelta(days=1)
    )
    RequestStep.objects.filter(request=request, action="erase").update(not_before=timezone.now())
    asked, refused = threading.Event(), []

    def place() -> None:
        asked.set()
        day = timezone.localdate() + datetime.timedelta(days=90)
        try:
            legal_holds.place(store="crm", key="1", reason="In dispute", review_on=day, by=desk.officer)
        except ActionNotAllowed as why:
            refused.append(str(why))
        finally:
            connection.close()

    worker = threading.Thread(target=place)
    with transaction.atomic():
        step = execute.claim(request.pk)
        worker.start()
        wait_until_blocked()
    worker.join()
    assert step is not None
    assert (step.action, step.store) == ("erase", "crm")
    assert refused == ["This record is being erased right now."]
    assert not LegalHold.objects.exists()


def test_what_has_begun_is_neither_refused_nor_withdrawn(desk: Desk):
    request = desk.approved("erasure")
    desk.places["crm"].down = True
    request = desk.work(request)
    with pytest.raises(ActionNotAllowed, match="already being executed"):
        withdrawal.withdraw(request, reason="By telephone", by=desk.officer)
    with pytest.raises(ActionNotAllowed, match="already being executed"):
        actions.refuse(request, ground="exempt", reason="We have to keep these data.", by=desk.officer)


# ---------------------------------------------------------------- by hand


def test_a_copy_by_hand_goes_into_the_package(desk: Desk):
    desk.places["mailer"].lacks = {Capability.EXPORT}
    request = desk.work(desk.identified("access"))
    step = request.steps.get(action="export", store="mailer")
    with pytest.raises(ActionNotAllowed, match="field by field"):
        manual_steps.complete(step, evidence="Screenshot 3", by=desk.officer)
    manual_steps.complete(step, evidence="Screenshot 3", data={"opens": "12"}, by=desk.officer)
    request = desk.work(request)
    kept = files.download(request.documents.get(kind="json"), by=desk.officer).decode()
    assert '"opens"' in kept
    assert "Mailer" in kept


def test_a_search_by_hand_names_records_and_they_are_erased(desk: Desk):
    desk.places["mailer"].lacks = {Capability.LOCATE}
    request = desk.work(desk.identified("erasure"))
    assert request.status == RequestStatus.NEEDS_ACTION
    search = request.steps.get(action="locate", store="mailer")
    manual_steps.complete(search, evidence="Searched by each e-mail", found={"1": "Ada"}, by=desk.officer)
    request.refresh_from_db()
    assert request.status == RequestStatus.AWAITING_APPROVAL
    approve.approve(request, plan_hash=request.plan_hash, by=desk.second)
    request = desk.work(desk.tell_partner(desk.work(request)))
    assert request.status == RequestStatus.COMPLETED, state(request)
    assert set(desk.places["mailer"].records) == {"2"}


def test_recipients_are_told_with_proof(desk: Desk):
    request = desk.work(desk.approved("erasure"))
    notices = dict(request.steps.filter(action=Action.NOTIFY).values_list("store", "status"))
    assert notices == {"crm": "done", "mailer": "done", "A partner": "manual"}
    told = request.steps.get(action=Action.NOTIFY, store="crm")
    erased = request.steps.get(action="erase", store="crm")
    assert str(erased.pk) in told.proof
    partner = request.steps.get(action=Action.NOTIFY, store="A partner")
    assert "A partner received this person's data. Inform them of this erasure (Art. 17), then" in partner.instructions


def test_later_is_no_fault(desk: Desk):
    desk.places["mirror"].fails["locate"] = RetryLater("being maintained")
    request = desk.work(desk.identified("access"))
    assert request.status == RequestStatus.LOCATING
    assert request.steps.get(store="mirror").error_message == "being maintained"
