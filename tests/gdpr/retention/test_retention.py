"""What has ended its retention is removed everywhere, tried again, or a person's."""

import datetime

import pytest
from django.utils import timezone

from gdpr import compliance_alerts
from gdpr.models import AuditEvent, LegalHold, Purge, PurgeRecord
from gdpr.requests import legal_holds
from gdpr.retention import retention
from gdpr.states import PurgeStatus, RemovalStatus
from gdpr.stores import Capability, RetryLater, Unsupported
from swarm_admin.core.errors import ActionNotAllowed
from tests.gdpr.fake_source import DAY

pytestmark = pytest.mark.django_db


@pytest.fixture
def expired(source, crm):
    source.add("7", until=timezone.now() - DAY)
    source.add("8", until=timezone.now() + 2 * DAY)
    crm.keys = {"c7", "c8"}
    return source


def purge_now():
    Purge.objects.update(not_before=timezone.now())
    retention.queue_expired()
    retention.run_due()


def test_what_has_ended_is_removed_everywhere_and_the_neighbour_stays(expired, crm):
    purge_now()
    assert (expired.home.keys, crm.keys) == ({"8"}, {"c8"})
    purge = Purge.objects.get()
    assert (purge.status, purge.key) == (PurgeStatus.DONE, "")
    assert set(purge.records.values_list("key", flat=True)) == {""}
    event = AuditEvent.objects.get(verb="purge")
    assert (event.object_id, event.counts) == (purge.key_hash, {"records": 2})


def test_the_coming_week_is_told_day_by_day(expired):
    told = retention.expiring_by_day()
    assert len(told) == 8
    assert dict(told)[(timezone.now() + 2 * DAY).date()] == 1
    assert sum(count for _, count in told) == 1


def test_a_held_record_is_kept_until_the_hold_is_lifted(expired, crm):
    hold = LegalHold.objects.create(store="crm", key="c7", reason="a dispute", review_on=timezone.now().date() + DAY)
    purge_now()
    assert Purge.objects.get().status == PurgeStatus.HELD
    assert "7" in expired.home.keys
    legal_holds.lift(hold, reason="Settled by now", by=None)
    lifted = Purge.objects.get()
    assert (lifted.status, lifted.hold_lifted_at is not None) == (PurgeStatus.PLANNED, True)
    purge_now()
    assert Purge.objects.get().status == PurgeStatus.DONE


def test_a_system_that_is_down_is_tried_again_and_ours_waits_for_it(expired, crm):
    crm.fault = RetryLater("It is down", timezone.now() + datetime.timedelta(hours=1))
    purge_now()
    purge = Purge.objects.get()
    assert (purge.status, purge.error_message, purge.tries) == (PurgeStatus.PLANNED, "It is down", 1)
    assert purge.not_before == crm.fault.not_before
    assert "7" in expired.home.keys
    crm.fault = None
    purge_now()
    assert "7" not in expired.home.keys


def test_what_cannot_be_deleted_by_call_is_a_persons_and_never_counts_as_done(expired, crm, django_user_model):
    crm.fault = Unsupported(Capability.ERASE)
    purge_now()
    record = PurgeRecord.objects.get(store="crm")
    assert (record.status, record.instructions) == (RemovalStatus.MANUAL, "Remove c7 by hand.")
    assert Purge.objects.get().status == PurgeStatus.MANUAL
    assert "7" in expired.home.keys
    assert [alert.kind for alert in retention.overdue_alerts()] == ["purge_by_hand"]
    officer = django_user_model.objects.create_user("o")
    with pytest.raises(ActionNotAllowed, match="Enter proof of the removal"):
        retention.complete_by_hand(record, evidence=" ", by=officer)
    retention.complete_by_hand(record, evidence="Ticket 12, screenshot kept", by=officer)
    with pytest.raises(ActionNotAllowed):
        retention.complete_by_hand(record, evidence="Ticket 12, once more", by=officer)
    purge_now()
    assert Purge.objects.get().status == PurgeStatus.DONE
    assert "7" not in expired.home.keys


def test_a_deletion_without_effect_is_read_back_tried_again_and_then_a_persons(expired, crm, django_user_model):
    crm.deaf = True
    for _ in range(3):
        assert Purge.objects.filter(status=PurgeStatus.MANUAL).count() == 0
        purge_now()
    purge = Purge.objects.get()
    assert purge.status == PurgeStatus.MANUAL
    crm.deaf = False
    retention.retry(purge, by=django_user_model.objects.create_user("o"))
    purge_now()
    assert (crm.keys, Purge.objects.get().status) == ({"c8"}, PurgeStatus.DONE)


def test_a_fault_of_ours_names_nobody_and_is_tried_again(expired, crm):
    crm.fault = ValueError("ada@x.example")
    purge_now()
    assert Purge.objects.get().error_message == "ValueError in crm"


def test_what_a_killed_worker_held_is_taken_again(expired, settings):
    retention.queue_expired()
    old = timezone.now() - datetime.timedelta(seconds=settings.LEASE_SECONDS + 1)
    Purge.objects.update(status=PurgeStatus.IN_FLIGHT, in_flight_since=old)
    retention.run_due()
    assert Purge.objects.get().status == PurgeStatus.DONE


def test_a_worker_killed_between_the_deletion_and_its_record_harms_nothing(expired, crm):
    retention.queue_expired()
    crm.keys.discard("c7")  # it was deleted; nobody wrote it down
    retention.run_due()
    assert Purge.objects.get().status == PurgeStatus.DONE


def test_what_is_late_is_told_to_the_listeners(expired, crm):
    compliance_alerts.register_check(retention.overdue_alerts)
    crm.fault = RetryLater("It is down")
    purge_now()
    Purge.objects.update(created_at=timezone.now() - 2 * DAY)
    assert "purge_late" in [alert.kind for alert in compliance_alerts.current()]
