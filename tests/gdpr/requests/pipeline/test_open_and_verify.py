"""A request comes in, is a duplicate or not, and is somebody's or not."""

import datetime
import importlib
from contextlib import nullcontext

import pytest
from django.db import connection
from django.utils import timezone

from gdpr.kinds import RULES, RequestKind
from gdpr.models import AuditEvent, IdentityCheck, SubjectRequest
from gdpr.requests import forget, identity_check, withdrawal
from gdpr.requests.intake import RequestIn
from gdpr.requests.pipeline import open, verify
from gdpr.states import RequestStatus
from gdpr.suppression import gate
from gdpr.tasks import run_request
from swarm_admin.core.errors import ActionNotAllowed
from tests.gdpr.conftest import Desk
from tests.gdpr.fake_stores import ADA

NEVER_KEPT = importlib.import_module("gdpr.migrations.0013_evidence_that_was_never_kept").NEVER_KEPT


def test_the_clock_starts_with_the_receipt_and_not_with_the_entry(desk: Desk):
    received = timezone.now() - datetime.timedelta(days=5)
    request = desk.open("erasure", received_at=received)
    assert request.received_at == received
    late = desk.open("erasure", received_at=timezone.now() - datetime.timedelta(days=60))
    assert late.days_left(timezone.localdate()) < 0


def test_the_day_of_receipt_is_the_one_of_the_time_zone(desk: Desk, settings):
    moment = datetime.datetime(2026, 1, 31, 23, 30, tzinfo=datetime.UTC)
    assert desk.open("erasure", received_at=moment).due_on == datetime.date(2026, 3, 2)  # 28 February, a Saturday
    settings.COMPLIANCE_TIME_ZONE = "Europe/Berlin"
    assert desk.open("erasure", received_at=moment).due_on == datetime.date(2026, 3, 2)  # 1 March is a Sunday
    settings.COMPLIANCE_TIME_ZONE = "America/New_York"
    moment = datetime.datetime(2026, 2, 1, 3, 0, tzinfo=datetime.UTC)
    assert desk.open("erasure", received_at=moment).due_on == datetime.date(2026, 3, 2)
    settings.COMPLIANCE_TIME_ZONE = "UTC"
    moment = datetime.datetime(2026, 3, 3, 23, 30, tzinfo=datetime.UTC)
    first = desk.open("erasure", received_at=moment).due_on
    settings.COMPLIANCE_TIME_ZONE = "Europe/Berlin"
    assert (first, desk.open("erasure", received_at=moment).due_on) == (
        datetime.date(2026, 4, 7),  # Good Friday to Easter Monday
        datetime.date(2026, 4, 7),
    )
    moment = datetime.datetime(2026, 5, 5, 23, 30, tzinfo=datetime.UTC)
    assert desk.open("erasure", received_at=moment).due_on == datetime.date(2026, 6, 8)
    settings.COMPLIANCE_TIME_ZONE = "UTC"
    assert desk.open("erasure", received_at=moment).due_on == datetime.date(2026, 6, 5)


@pytest.mark.parametrize("kind", RequestKind)
def test_every_kind_has_its_rules(kind: str):
    assert RULES[kind].check == identity_check.level_of(kind)
    for method in identity_check.methods_for(kind):
        identity_check.check_enough(kind, method)


def test_a_duplicate_is_linked_and_skips_no_check(desk: Desk):
    first = desk.identified("erasure")
    second = desk.open("erasure", linkedin_url="", emails=[ADA.emails[1]])
    other = desk.open("access")
    assert (second.duplicate_of, other.duplicate_of) == (first, None)
    assert second.status == RequestStatus.VERIFYING
    assert second.checks.get().result == "open"


def test_a_duplicate_is_found_after_the_keys_were_rotated(desk: Desk, settings):
    settings.IDENTITY_HASH_KEYS = "old:first-key"
    first = desk.open("access")
    settings.IDENTITY_HASH_KEYS = "new:second-key,old:first-key"
    assert desk.open("access").duplicate_of == first


def test_the_person_is_told_at_once_where_we_know_how(desk: Desk):
    told = desk.open("access").messages.get()
    assert (told.status, told.to, told.template.slug) == ("queued", "ada@home.example", "acknowledgement")
    assert "reply by" in told.body
    silent = desk.open("access", contact_email=None).messages.get()
    assert silent.status == "draft"


def test_nothing_personal_is_in_the_ledger(desk: Desk):
    request = desk.finished("erasure")
    kept = str(list(AuditEvent.objects.values()))
    assert "ada@" not in kept
    assert "linkedin" not in kept.replace("linkedin_url", "")
    assert AuditEvent.objects.filter(object_type="subjectrequest", object_id=str(request.pk)).count() > 10


def test_a_request_whose_event_cannot_be_written_does_not_exist(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(AuditEvent.objects, "create", lambda **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        desk.open("objection")
    assert not SubjectRequest.objects.exists()
    assert gate.look_up([ADA]) == set()


def test_the_worker_is_woken_when_the_request_is_committed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks
):
    woken: list[int] = []
    monkeypatch.setattr(open, "enqueue", woken.append)
    with django_capture_on_commit_callbacks(execute=True):
        request = desk.open("objection")
        assert woken == []
    assert woken == [request.pk]


def test_the_task_that_is_woken_by_its_name_is_there():
    assert run_request.name == open.RUN_REQUEST


def test_an_objection_is_kept_although_the_queue_is_down(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks
):
    def down(request_id: int) -> None:
        raise ConnectionError

    monkeypatch.setattr(open, "enqueue", down)
    with django_capture_on_commit_callbacks(execute=True):
        request = desk.open("objection")
    assert gate.look_up([ADA]) == {0}
    assert desk.work(request).status == RequestStatus.COMPLETED


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("withdrawal", "closed and can't be withdrawn"),
        ("release", "Only an active restriction can be ended"),
    ],
)
def test_what_is_about_another_request_needs_one_that_fits(desk: Desk, kind: str, sentence: str):
    with pytest.raises(ActionNotAllowed, match="No such request from this person"):
        desk.open(kind, concerns=99)
    closed = desk.work(desk.open("objection"))
    assert closed.status == RequestStatus.COMPLETED
    with pytest.raises(ActionNotAllowed, match=sentence):
        desk.open(kind, concerns=closed.pk)


def test_our_own_decision_needs_nobody_identified_and_acknowledges_nothing(desk: Desk):
    restriction = desk.finished("restriction")
    release = desk.open("release", channel="own", concerns=restriction.pk)
    assert release.status == RequestStatus.LOCATING
    assert not release.messages.exists()


# ---------------------------------------------------------------- the identity check


def test_the_evidence_is_deleted_with_the_decision(desk: Desk):
    request = desk.open("access")
    verify.note_evidence(request, evidence="Passport C01X00T47", by=desk.officer)
    assert IdentityCheck.objects.get().evidence == "Passport C01X00T47"
    verify.confirm_identity(request, method="document", by=desk.officer)
    check = IdentityCheck.objects.get()
    assert (check.evidence, check.result, check.method) == ("", "passed", "document")
    assert check.evidence_deleted_at is not None


DECISIONS = {"passed": verify.confirm_identity, "failed": verify.reject_evidence}


@pytest.mark.parametrize("noted", [False, True])
@pytest.mark.parametrize("end", ["passed", "failed", "withdrawn", "forgotten"])
def test_evidence_that_was_never_kept_is_not_called_deleted(desk: Desk, end: str, noted: bool):
    request = desk.open("access")
    if noted:
        verify.note_evidence(request, evidence="Passport C01X00T47", by=desk.officer)
    check = IdentityCheck.objects.get()
    if end in ("passed", "failed"):
        DECISIONS[end](request, method="document", by=desk.officer)
    else:
        withdrawal.withdraw(request, reason="By letter", by=desk.officer)
    if end == "forgotten":
        forget.forget(request.pk)
    check.refresh_from_db()
    assert bool(check.evidence_deleted_at) is noted
    with connection.cursor() as cursor:  # what was decided before this was known is put right alike
        IdentityCheck.objects.update(evidence_deleted_at=timezone.now())
        cursor.execute(NEVER_KEPT)
    check.refresh_from_db()
    assert bool(check.evidence_deleted_at) is noted


@pytest.mark.parametrize(
    ("kind", "method", "enough"),
    [
        ("access", "known_address", False),
        ("erasure", "details", False),
        ("erasure", "reply", True),
        ("restriction", "known_address", True),
        ("withdrawal", "details", True),
        ("access", "crystal ball", False),
    ],
)
def test_which_way_of_checking_is_enough(kind: str, method: str, enough: bool):
    assert (method in identity_check.methods_for(kind)) is enough
    with nullcontext() if enough else pytest.raises(ActionNotAllowed):
        identity_check.check_enough(kind, method)


def test_a_check_too_weak_starts_nothing(desk: Desk):
    request = desk.open("access")
    with pytest.raises(ActionNotAllowed, match="Not sufficient"):
        verify.confirm_identity(request, method="known_address", by=desk.officer)
    request.refresh_from_db()
    assert request.status == RequestStatus.VERIFYING
    assert not request.steps.exists()


def test_a_failed_check_can_be_followed_by_another(desk: Desk):
    request = desk.open("access")
    verify.reject_evidence(request, method="details", by=desk.officer)
    assert list(request.checks.values_list("result", flat=True)) == ["failed", "open"]
    request = verify.confirm_identity(request, method="call_back", by=desk.officer)
    assert request.status == RequestStatus.LOCATING
    with pytest.raises(ActionNotAllowed, match="no open identity check"):
        verify.confirm_identity(request, method="call_back", by=desk.officer)


def test_the_entry_refuses_a_concern_that_is_missing():
    with pytest.raises(ValueError, match="Enter the request"):
        RequestIn(kind=RequestKind.WITHDRAWAL)
