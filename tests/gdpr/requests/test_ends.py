"""What comes after a request: certificate, last looks, forgetting, alerts."""

import datetime
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from django.utils import timezone

from gdpr import compliance_alerts, personal, tasks
from gdpr.models import AfterCheck, AuditEvent, DocumentKind, RequestMessage, RequestStep, SubjectRequest
from gdpr.package import files
from gdpr.requests import after_checks, certificate, forget, legal_holds, overdue
from gdpr.stores import Capability
from swarm_admin.core.errors import ActionNotAllowed
from tests.at_once import at_once
from tests.gdpr.conftest import Desk

DAY = datetime.timedelta(days=1)
# "Ada" as a word: a hash may hold these letters too.
TRACES = re.compile(r"(?<![0-9a-z])ada(?![0-9a-z])|lovelace|4930123456")


def dumped() -> str:
    models = apps.get_app_config("gdpr").get_models()
    return str([list(model._default_manager.values()) for model in models]).casefold()


# ---------------------------------------------------------------- the certificate


def test_the_certificate_says_what_was_done_without_whose(desk: Desk):
    request = desk.finished("erasure", name="Ada Lovelace")
    assert certificate.issue_due() == 1
    assert certificate.issue_due() == 0
    content = files.download(request.documents.get(kind="certificate"), by=desk.officer).decode()
    assert not TRACES.findall(content.casefold())
    said = json.loads(content)
    assert (said["reference"], said["status"], said["in_time"]) == (request.reference, "completed", True)
    assert said["identity"]["hashes"] == request.identity_hashes
    assert len(said["records"]) == 3
    assert {step["proof"].partition(";")[0] for record in said["records"] for step in record["steps"]} == {
        "Erased",
        "Verified: not there",
    }
    assert said["approval"]["plan_hash"] == request.approved_hash
    assert any("Crm can restore record" in each for each in said["remains"])
    assert any("Backups" in each for each in said["remains"])
    scan = next(step for step in said["steps"] if step["action"] == "scan")
    assert scan["scan"]["is_clean"] is True


def test_the_certificate_is_the_same_after_who_asked_is_forgotten(desk: Desk):
    request = desk.finished("erasure")
    before = certificate.compose(request)
    assert forget.run_due() == 1
    request.refresh_from_db()
    after = certificate.compose(request)
    for each in (before, after):
        each.pop("issued_at")
        [step.pop("scan", None) for step in each["steps"]]
    assert before == after


@pytest.mark.django_db(transaction=True)
def test_workers_that_race_issue_one_certificate(desk: Desk, media: Any):
    request = desk.finished("erasure")
    assert sum(at_once(certificate.issue_due)) == 1
    kept = request.documents.get(kind="certificate")
    events = AuditEvent.objects.filter(verb="issue_certificate")
    assert [(event.counts, event.reason) for event in events] == [({"document": kept.pk, "version": 1}, kept.sha256)]
    assert [path.name for path in media.glob("requests/*")] == [Path(kept.file.name).name]
    assert json.loads(files.download(kept, by=desk.officer))["version"] == 1


def test_two_certificates_that_count_are_refused_by_the_database(desk: Desk):
    request = desk.finished("erasure")
    certificate.issue_due()
    with pytest.raises(IntegrityError), transaction.atomic():
        files.add_version(request, DocumentKind.CERTIFICATE, b"{}", number=2)


def test_a_refused_request_has_one_too(desk: Desk):
    from gdpr.requests import actions

    request = actions.refuse(
        desk.open("access"), ground="unfounded", reason="The fifth time this month.", by=desk.officer
    )
    said = certificate.compose(request)
    assert (said["status"], said["refusal_ground"]) == ("refused", "unfounded")
    assert "fifth" not in json.dumps(said)


# ---------------------------------------------------------------- forgetting


def test_after_an_erasure_nothing_personal_is_left_in_any_table_of_the_desk(desk: Desk):
    request = desk.finished("erasure", name="Ada Lovelace", text="I am Ada Lovelace", phone="")
    assert "lovelace" in dumped()
    certificate.issue_due()
    AfterCheck.objects.update(key="")
    forget.run_due()
    assert not TRACES.findall(dumped())
    request.refresh_from_db()
    assert request.forgotten_at
    assert request.identity_hashes


def test_every_personal_field_of_a_request_is_blanked(desk: Desk, settings: Any):
    settings.REQUEST_IDENTITY_DAYS = 0
    desk.places["mailer"].lacks = {Capability.RECTIFY}
    request = desk.work(desk.approved("rectification", values={"title": "CTO"}, text="My title is wrong"))
    from gdpr.requests import manual_steps

    for step in request.steps.filter(status="manual"):
        manual_steps.complete(step, evidence="Screenshot of Ada", by=desk.officer)
    request = desk.work(desk.tell_partner(desk.work(request)))
    assert request.status == "completed"
    forget.run_due()
    for name in ("SubjectRequest", "FoundRecord", "RequestStep", "RequestMessage", "IdentityCheck"):
        model = apps.get_model("gdpr", name)
        for field in personal.PERSONAL[name]:
            values = model._default_manager.values_list(field, flat=True)
            assert not any(values), (name, field)


def test_who_asked_is_kept_for_the_set_time_and_while_the_answer_is_on_its_way(desk: Desk, settings: Any):
    settings.REQUEST_IDENTITY_DAYS = 30
    request = desk.finished("restriction")
    assert forget.run_due() == 0
    SubjectRequest.objects.update(forget_after=timezone.now() - DAY)
    RequestMessage.objects.filter(template__slug="acknowledgement").update(status="queued")
    assert forget.run_due() == 0, "a message still waits to be sent"
    RequestMessage.objects.update(status="sent")
    assert forget.run_due() == 1
    assert forget.forget(request.pk) is False


def test_an_open_request_is_never_forgotten(desk: Desk):
    request = desk.open("access")
    SubjectRequest.objects.update(forget_after=timezone.now() - DAY)
    assert forget.run_due() == 0
    assert forget.forget(request.pk) is False


# ---------------------------------------------------------------- the last look


@pytest.fixture
def erased(desk: Desk):
    return desk.finished("erasure")


def test_a_record_that_can_be_brought_back_is_looked_for_when_it_cannot_any_more(desk: Desk, erased):
    check = erased.after_checks.get()
    assert (check.store, check.status, check.key) == ("crm", "open", "1")
    step = erased.steps.get(action="erase", store="crm")
    assert check.due_at == step.done_at + 60 * DAY
    assert after_checks.run_due() == 0
    AfterCheck.objects.update(due_at=timezone.now(), not_before=timezone.now())
    assert after_checks.run_due() == 1
    check.refresh_from_db()
    assert (check.status, check.key) == ("done", "")


def test_one_that_came_back_is_erased_again_and_looked_for_later(desk: Desk, erased):
    desk.places["crm"].records["1"] = desk.places["crm"].records["2"]
    AfterCheck.objects.update(not_before=timezone.now())
    after_checks.run_due()
    check = erased.after_checks.get()
    assert (check.status, "1" in desk.places["crm"].records) == ("open", False)
    assert "had returned" in check.error_message

    # Gone at the read-back; as this erasure could be brought back too, the last look begins anew.
    assert check.due_at > timezone.now() + 59 * DAY
    AfterCheck.objects.update(not_before=timezone.now())
    after_checks.run_due()
    check.refresh_from_db()
    assert (check.status, check.not_before, check.error_message) == ("open", check.due_at, "")


def test_what_a_hold_kept_beyond_the_end_is_erased_when_it_is_lifted(desk: Desk):
    day = timezone.localdate() + 9 * DAY
    hold = legal_holds.place(store="crm", key="1", reason="In dispute", review_on=day, by=desk.officer)
    request = desk.finished("erasure")
    forget.forget(request.pk)
    legal_holds.lift(hold, reason="Settled by now", by=desk.officer)
    assert "1" in desk.places["crm"].records
    assert after_checks.run_due() == 1
    assert set(desk.places["crm"].records) == {"2"}
    duty = request.after_checks.get()
    assert (duty.store, duty.status) == ("crm", "open")
    assert duty.due_at > timezone.now() + 59 * DAY
    assert AuditEvent.objects.get(verb="lift_legal_hold").counts == {"steps": 0, "checks": 1}


def words_of(desk: Desk, request: SubjectRequest) -> dict[str, Any]:
    certificate.issue_due()
    kept = certificate.versions(request).first()
    assert kept is not None
    told: dict[str, Any] = json.loads(files.download(kept, by=desk.officer))
    return told


def test_after_a_hold_is_lifted_and_the_record_erased_everything_says_so(desk: Desk):
    day = timezone.localdate() + 9 * DAY
    hold = legal_holds.place(store="mailer", key="1", reason="In dispute", review_on=day, by=desk.officer)
    request = desk.finished("erasure")
    first = words_of(desk, request)
    assert any("Mailer keeps record" in sentence for sentence in first["remains"])
    forget.forget(request.pk)
    legal_holds.lift(hold, reason="Settled by now", by=desk.officer)
    assert {step.proof.partition(" on ")[0] for step in request.steps.filter(status="withheld")} == {
        f"Legal hold {hold.pk} was lifted"
    }
    for _ in range(2):
        AfterCheck.objects.update(not_before=timezone.now())
        after_checks.run_due()
    assert set(desk.places["mailer"].records) == {"2"}
    assert not request.steps.filter(status="withheld").exists()
    today = timezone.now()
    told = words_of(desk, request)
    assert (told["version"], told["supersedes"]["version"]) == (2, 1)
    assert "legal hold" in told["supersedes"]["because"]
    assert any(f"under legal hold until {today:%Y-%m-%d}" in sentence for sentence in told["remains"])
    assert not any("keeps record" in sentence for sentence in told["remains"])
    proofs = {
        step["proof"]
        for record in told["records"]
        for step in record["steps"]
        if step["store"] == "mailer" and step["status"] == "done"
    }
    assert proofs == {f"Kept under legal hold until {today:%-d %B %Y}, erased and verified on {today:%-d %B %Y}."}
    assert certificate.issue_due() == 0
    assert [kept.number for kept in certificate.versions(request)] == [2, 1]
    assert [kept.superseded_at is None for kept in certificate.versions(request)] == [True, False]


def test_earlier_requests_that_left_the_same_record_say_so_too(desk: Desk):
    day = timezone.localdate() + 9 * DAY
    hold = legal_holds.place(store="mailer", key="1", reason="In dispute", review_on=day, by=desk.officer)
    requests = [desk.finished("erasure"), desk.finished("erasure")]
    assert certificate.issue_due() == 2
    legal_holds.lift(hold, reason="Settled by now", by=desk.officer)
    for _ in range(2):
        AfterCheck.objects.update(not_before=timezone.now())
        after_checks.run_due()
    assert certificate.issue_due() == 2
    assert not RequestStep.objects.filter(status="withheld").exists()
    for request in requests:
        assert certificate.versions(request).count() == 2


def test_a_hold_lifted_for_which_nothing_was_left_behind_erases_nothing(desk: Desk):
    day = timezone.localdate() + 9 * DAY
    hold = legal_holds.place(store="crm", key="1", reason="In dispute", review_on=day, by=desk.officer)
    legal_holds.lift(hold, reason="Settled by now", by=desk.officer)
    assert not AfterCheck.objects.exists()


def test_a_record_held_anew_is_not_erased_by_the_last_look(desk: Desk, erased):
    day = timezone.localdate() + 9 * DAY
    desk.places["crm"].records["1"] = desk.places["crm"].records["2"]
    legal_holds.place(store="crm", key="1", reason="In dispute", review_on=day, by=desk.officer)
    AfterCheck.objects.update(not_before=timezone.now())
    after_checks.run_due()
    check = erased.after_checks.get()
    assert (check.status, "1" in desk.places["crm"].records) == ("open", True)
    assert "legal hold" in check.error_message


def test_a_system_that_is_down_or_cannot_is_asked_later_or_by_hand(desk: Desk, erased):
    crm = desk.places["crm"]
    crm.down = True
    AfterCheck.objects.update(not_before=timezone.now())
    after_checks.run_due()
    assert erased.after_checks.get().error_message == "Crm does not answer"
    crm.down, crm.lacks = False, {Capability.VERIFY}
    AfterCheck.objects.update(not_before=timezone.now())
    after_checks.run_due()
    check = erased.after_checks.get()
    assert (check.status, check.instructions) == ("manual", "In Crm, verify 1 by hand.")
    with pytest.raises(ActionNotAllowed, match="Enter proof that it is gone"):
        after_checks.complete(check, evidence="", by=desk.officer)
    after_checks.complete(check, evidence="Searched on 3 May, nothing", by=desk.officer)
    assert erased.after_checks.get().key == ""


# ---------------------------------------------------------------- alerts and ticks


def test_alarms_tell_what_is_due_without_whose(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    late = desk.open("access", received_at=timezone.now() - 60 * DAY)
    soon = desk.open("access", received_at=timezone.now() - 28 * DAY)
    desk.open("access")
    heard: list[Any] = []
    monkeypatch.setattr(compliance_alerts, "_listeners", [lambda found: 1 / 0, heard.extend])
    compliance_alerts.publish()
    assert [(alert.kind, alert.request_id) for alert in heard] == [
        (overdue.OVERDUE, late.pk),
        (overdue.DUE_SOON, soon.pk),
    ]
    assert not TRACES.findall(str(heard).casefold())
    heard.clear()
    SubjectRequest.objects.update(due_on=timezone.localdate() + 90 * DAY)
    compliance_alerts.publish()
    assert heard == []


def test_a_last_look_that_is_late_is_an_alarm(erased):
    AfterCheck.objects.update(due_at=timezone.now() - 2 * DAY)
    assert [alert.kind for alert in compliance_alerts.current()] == [overdue.CHECK_LATE]


def test_the_ticks_do_their_work(desk: Desk):
    request = desk.identified("restriction")
    for _ in range(6):
        RequestStep.objects.filter(status="planned").update(not_before=timezone.now())
        tasks.run_requests()
        tasks.send_messages()
    tasks.keep_up_requests()
    assert request.documents.filter(kind="certificate").exists() is (request.status == "completed")
    request.refresh_from_db()
    assert request.status in ("completed", "needs_action")
    assert {"run-requests", "send-messages", "keep-up-requests"} <= set(tasks.BEAT)
