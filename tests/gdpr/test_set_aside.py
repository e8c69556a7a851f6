"""The law's work that lost its worker three times: set aside for its officer, on record, and to be tried again."""

import datetime
from typing import Any

import pytest
from django.utils import timezone

from gdpr.audit import check
from gdpr.messages import send
from gdpr.models import AfterCheck, AuditCheck, AuditEvent, Notice, Purge, PurgeRecord, RequestMessage
from gdpr.notices import delivery as notice_delivery
from gdpr.notices import wording
from gdpr.requests import after_checks, message_actions
from gdpr.requests.pipeline import execute
from gdpr.retention import retention
from gdpr.states import RequestStatus
from swarm_admin.core import work
from tests.gdpr.conftest import Desk

pytestmark = pytest.mark.django_db


def lose(rows: Any, **status: Any) -> None:
    """Held by a worker that is gone, for the third time."""
    rows.update(in_flight_since=timezone.now() - datetime.timedelta(hours=1), lapses=2, **status)


def is_set_aside(row: Any) -> bool:
    row.refresh_from_db()
    return row.in_flight_since is None and row.lapses == work.LAPSES_MOST and row.set_aside_at is not None


def test_a_step_has_failed_its_request_needs_action_and_it_can_be_tried_again(desk: Desk):
    request = desk.approved("erasure")
    step = execute.claim(request.pk)
    assert step is not None
    lose(request.steps.filter(pk=step.pk))
    execute.hand_back_lapsed()
    assert is_set_aside(step)
    assert (step.status, step.error_kind, step.error_message) == ("failed", work.LOST, work.LOST_SENTENCE)
    assert step.attempts.get().outcome == "failed"
    assert AuditEvent.objects.filter(verb="fail_step", object_id=str(request.pk)).count() == 1
    request.refresh_from_db()
    assert request.status == RequestStatus.NEEDS_ACTION
    request.steps.filter(pk=step.pk).update(status="planned", not_before=timezone.now())
    again = execute.claim(request.pk)
    assert again is not None
    assert (again.pk, again.lapses, again.set_aside_at) == (step.pk, 1, None)


def test_a_message_is_not_sent_and_an_officer_may_send_it_again(desk: Desk):
    request = desk.open("access")
    message = request.messages.order_by("id").first()
    assert message is not None
    lose(RequestMessage.objects.filter(pk=message.pk), status="sending")
    send.run_due()
    assert is_set_aside(message)
    assert (message.status, message.error_message) == ("unknown", send.UNKNOWN)
    assert AuditEvent.objects.filter(verb="fail_message", reason="outcome_unknown").count() == 1
    message_actions.check_can_send(message)


def test_a_notice_is_not_sent(desk: Desk, settings: Any):
    text = wording.template()
    notice = Notice.objects.create(
        store="crm", key="1", key_hash="h", template=text, channel="email", due_on=timezone.localdate()
    )
    lose(Notice.objects.all(), status="sending")
    notice_delivery.run_due()
    assert is_set_aside(notice)
    assert (notice.status, notice.error_message) == ("unknown", notice_delivery.NOT_KNOWN)


def test_a_purge_is_a_persons_who_may_have_it_tried_again(desk: Desk):
    purge = Purge.objects.create(store="crm", key="1", key_hash="h", kept_until=timezone.now())
    record = PurgeRecord.objects.create(purge=purge, position=0, store="crm", key="1")
    lose(Purge.objects.all(), status="in_flight")
    retention.run_due()
    assert is_set_aside(purge)
    record.refresh_from_db()
    assert (purge.status, record.status) == ("manual", "manual")
    assert record.instructions
    retention.retry(purge, by=desk.officer)
    retention.run_due()
    purge.refresh_from_db()
    assert purge.status == "done"


def test_a_last_look_is_a_persons(desk: Desk):
    request = desk.open("erasure")
    now = timezone.now()
    duty = AfterCheck.objects.create(request=request, store="crm", key="1", key_hash="h", due_at=now, not_before=now)
    lose(AfterCheck.objects.all(), status="in_flight")
    after_checks.run_due()
    assert is_set_aside(duty)
    assert duty.status == "manual"
    assert work.LOST_SENTENCE in duty.instructions
    after_checks.check_can_complete(duty)


def test_a_check_of_the_ledger_is_given_up_and_the_next_one_is_made():
    given_up = AuditCheck.objects.create()
    lose(AuditCheck.objects.all())
    assert check.run_due() == 0
    assert is_set_aside(given_up)
    assert (given_up.finished_at is None, work.LOST_SENTENCE in given_up.verdict) == (False, True)
    AuditCheck.objects.create()
    assert check.run_due() == 1
