"""The watch in beat's process: it says itself what it finds, and that beat goes on."""

import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache
from django.utils import timezone

from enrichment.models import WebhookDelivery
from enrichment.monitoring import standstill
from swarm_admin import watchdog
from swarm_admin.core import progress

pytestmark = pytest.mark.django_db


def beat(last_run_at: datetime.datetime) -> Any:
    """Beat's service as Celery hands it over, its busiest entry sent at that time."""
    entry = SimpleNamespace(last_run_at=last_run_at)
    return SimpleNamespace(scheduler=SimpleNamespace(schedule={"look": entry}))


@pytest.fixture
def going() -> Any:
    return beat(timezone.now())


def test_it_sends_the_alert_itself_and_says_when_it_is_over(settings: Any, going: Any) -> None:
    settings.ALERT_EMAILS = ["on-call@swarm.example"]
    long_ago = timezone.now() - datetime.timedelta(hours=1)
    WebhookDelivery.objects.create(body=b"{}", body_hash="h", not_before=long_ago)
    assert watchdog.check(going, was_stalled=False)
    [message] = mail.outbox
    assert message.subject == "[Swarm Admin] Critical: Work is stuck"
    assert "Reading webhooks" in message.body
    assert watchdog.check(going, was_stalled=True)
    assert len(mail.outbox) == 1
    progress.mark_progress("webhooks")
    assert not watchdog.check(going, was_stalled=True)
    assert mail.outbox[1].subject == "[Swarm Admin] Resolved: Work is stuck"


def test_where_all_moves_it_leaves_the_alerts_to_the_workers(monkeypatch: pytest.MonkeyPatch, going: Any) -> None:
    monkeypatch.setattr(watchdog.alerts, "run_due", lambda: pytest.fail("not its to do"))
    assert not watchdog.check(going, was_stalled=False)


def test_a_beat_whose_entries_are_sent_is_seen_and_one_that_hangs_is_not(going: Any) -> None:
    watchdog.check(beat(timezone.now() - datetime.timedelta(hours=1)), was_stalled=False)
    assert cache.get(standstill.BEAT_KEY) is None
    watchdog.check(going, was_stalled=False)
    assert cache.get(standstill.BEAT_KEY) is not None
