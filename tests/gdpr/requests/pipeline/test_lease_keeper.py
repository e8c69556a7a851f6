import datetime
import time

import pytest
from django.utils import timezone

from gdpr.models import RequestStep
from gdpr.requests.pipeline import execute
from swarm_admin.core import lease_keeper
from tests.gdpr.conftest import Desk

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def step(desk: Desk, settings) -> RequestStep:
    settings.LEASE_SECONDS = 1.0
    desk.approved("erasure")
    claimed = execute.claim()
    assert claimed is not None
    return claimed


def stored(step: RequestStep) -> datetime.datetime | None:
    return RequestStep.objects.get(pk=step.pk).in_flight_since


def test_a_call_longer_than_its_lease_keeps_it(step: RequestStep):
    with lease_keeper.keep_lease(step):
        time.sleep(1.6)
        assert execute.hand_back_lapsed() == 0
    assert stored(step) == step.in_flight_since


def test_a_lease_that_was_lost_is_not_taken_back(step: RequestStep):
    other = timezone.now() + datetime.timedelta(seconds=5)
    with lease_keeper.keep_lease(step):
        RequestStep.objects.filter(pk=step.pk).update(in_flight_since=other)
        time.sleep(0.6)
    assert stored(step) == other != step.in_flight_since


def test_a_call_that_hangs_for_ever_is_taken_for_lost(step: RequestStep, monkeypatch):
    monkeypatch.setattr(lease_keeper, "MOST_LEASES", 0.5)
    with lease_keeper.keep_lease(step):
        time.sleep(1.9)
        assert execute.hand_back_lapsed() == 1


def test_a_short_call_renews_nothing(step: RequestStep, django_assert_num_queries):
    before = step.in_flight_since
    with django_assert_num_queries(0), lease_keeper.keep_lease(step):
        pass
    assert stored(step) == before
