"""Leases: one rule for whatever is claimed. Lapses are counted, suspects are taken alone, and the third is the last."""

import datetime
import os
import subprocess
import sys
import time

import pytest
from django.core.cache import cache
from django.utils import timezone

from enrichment.models import WebhookDelivery
from enrichment.pipeline.receive import reading
from enrichment.pipeline.receive.reading import Outcome, save_outcomes
from enrichment.states import DeliveryStatus
from swarm_admin.core import lease_holders, work

pytestmark = pytest.mark.django_db
LONG_AGO = datetime.timedelta(hours=1)


def deliveries(count, **values):
    return [WebhookDelivery.objects.create(body=b"{}", body_hash=f"hash-{number}", **values) for number in range(count)]


def lose():
    """The workers of whatever is held are gone."""
    WebhookDelivery.objects.filter(status="processing").update(in_flight_since=timezone.now() - LONG_AGO)


def lapses():
    return list(WebhookDelivery.objects.order_by("id").values_list("lapses", flat=True))


@pytest.fixture
def quarantined(monkeypatch):
    monkeypatch.setitem(work._state, "inside", True)


def test_a_claim_says_who_has_it_since_when():
    deliveries(2)
    first, second = reading.claim()
    for row in (first, second, WebhookDelivery.objects.get(pk=first.pk)):
        assert row.held_by == lease_holders.current_holder() != ""
        assert timezone.now() - row.in_flight_since < datetime.timedelta(minutes=1)


def test_what_lapsed_together_is_counted_once_each_and_then_taken_alone():
    deliveries(3)
    assert len(reading.claim()) == 3
    lose()
    assert [row.lapses for row in reading.claim()] == [1]
    assert lapses() == [1, 1, 1]


def test_work_without_a_lapse_is_not_taken_together_with_a_suspect():
    deliveries(1, lapses=1)
    deliveries(2)
    assert [len(reading.claim()) for _ in range(2)] == [1, 2]


def test_at_the_third_lapse_it_is_set_aside_with_its_cause():
    [poison] = deliveries(1)
    for _ in range(work.LAPSES_MOST):
        assert reading.claim() == [poison]
        lose()
    assert reading.claim() == []
    poison.refresh_from_db()
    assert (poison.status, poison.error_kind, poison.lapses) == ("failed", work.LOST, 3)
    assert poison.error_message == work.LOST_SENTENCE
    assert poison.set_aside_at is not None
    assert poison.in_flight_since is None


def test_one_that_a_person_has_tried_again_begins_anew_and_alone():
    [poison] = deliveries(1, status="failed", lapses=3, set_aside_at=timezone.now(), error_kind=work.LOST)
    deliveries(2)
    WebhookDelivery.objects.filter(pk=poison.pk).update(
        status=DeliveryStatus.RECEIVED, not_before=timezone.now() - LONG_AGO
    )
    [alone] = reading.claim()
    assert alone == poison
    poison.refresh_from_db()
    assert (poison.lapses, poison.set_aside_at) == (1, None)


def test_what_is_given_back_has_not_lapsed(settings):
    deliveries(2)
    claimed = reading.claim()
    save_outcomes([Outcome(row, retry_at=timezone.now()) for row in claimed])
    assert len(reading.claim()) == 2
    assert lapses() == [0, 0]


def test_two_that_take_back_the_same_count_it_once():
    deliveries(1)
    reading.claim()
    lose()
    held = WebhookDelivery.objects.filter(status="processing")
    counted = []

    def again(rows, lease):
        # Another worker was quicker between the look and the UPDATE.
        if not counted:
            counted.append(1)
            work.hand_back_lapsed(held, again, again)
        counted.append(rows.update(status="received", **lease))

    work.hand_back_lapsed(held, again, again)
    assert lapses() == [1]


def test_a_lease_of_a_process_that_has_ended_is_over_at_once():
    deliveries(2)
    reading.claim()
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    ended = lease_holders.current_holder().replace(f"/{os.getpid()}.", f"/{child.pid}.")
    name = f"{ended.rpartition('.')[0]}.{lease_holders._start_ticks(child.pid)}"
    WebhookDelivery.objects.update(held_by=name)
    assert not lease_holders.is_dead(name)
    assert reading.claim() == []
    child.kill()
    wait_until(lambda: lease_holders.is_dead(name))  # before its parent has taken note of it, too
    assert len(reading.claim()) == 1
    assert lapses() == [1, 1]
    child.wait()


def wait_until(true):
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end


@pytest.mark.parametrize("name", ["", "another-boot.1/1.1", "nonsense"])
def test_of_a_process_elsewhere_nothing_is_known(name):
    assert not lease_holders.is_dead(name)


def test_a_number_that_another_process_has_now_is_not_the_process_that_was():
    place, _, process = lease_holders.current_holder().partition("/")
    assert lease_holders.is_dead(f"{place}/{process.partition('.')[0]}.1")
    assert not lease_holders.is_dead(lease_holders.current_holder())


def test_the_quarantine_takes_suspects_and_nothing_else(quarantined):
    deliveries(2)
    suspects = deliveries(2, lapses=1)
    assert [reading.claim() for _ in range(3)] == [[suspects[0]], [suspects[1]], []]


def test_workers_leave_suspects_to_a_quarantine_that_runs(monkeypatch):
    monkeypatch.setattr(work, "ASKED_EVERY", 0.0)
    [suspect] = deliveries(1, lapses=2)
    [sound] = deliveries(1)
    work.mark_quarantine_alive()
    assert [reading.claim() for _ in range(2)] == [[sound], []]
    cache.delete(work.QUARANTINE_KEY)
    assert reading.claim() == [suspect]
