"""The life of a source: counted, followed by the next, forecast, closed."""

import datetime

import pytest
from django.utils import timezone

from enrichment.clay_sources import forecast, sources
from enrichment.models import Alert, Attempt, ClaySource, ServiceHold, SourceClosed, WaterfallVersion
from gdpr.models import AuditEvent
from swarm_admin.core import encryption
from tests.factories import LeadFactory

pytestmark = pytest.mark.django_db


def source(name: str = "People", *, life: int = 100, taken: int = 0, position: int = 0) -> ClaySource:
    return ClaySource.objects.create(
        name=name,
        url=f"http://127.0.0.1/{name}",
        token=encryption.encrypt("token"),
        life=life,
        taken=taken,
        position=position,
    )


def test_submissions_are_counted_and_the_last_closes_the_source():
    first = source(life=10, taken=4)
    allotted = sources.take(4)
    assert (allotted.source, allotted.count) == (first, 4)
    allotted = sources.take(4)
    assert allotted.count == 2
    first.refresh_from_db()
    assert (first.taken, first.left, first.closed_because) == (10, 0, "used_up")
    assert AuditEvent.objects.filter(verb="close_clay_source").count() == 1


def test_the_next_in_their_order_goes_on():
    second, first = source("second", position=2), source("first", position=1, life=1)
    assert sources.current() == first
    assert sources.take(1).source == first
    assert sources.take(1).source == second


def test_without_any_submissions_are_paused_until_one_is_added():
    assert sources.take(1) is None
    hold = ServiceHold.objects.get(lifted_at=None)
    assert (hold.system, hold.reason) == ("clay.rows", "no_source")
    assert not sources.resume()
    source()
    assert sources.resume()
    assert not ServiceHold.objects.filter(lifted_at=None).exists()


def test_what_never_reached_clay_is_given_back_and_a_closed_source_stays_closed():
    first = source(life=2)
    sources.take(2)
    sources.give_back(first, 1)
    first.refresh_from_db()
    assert (first.taken, first.closed_because) == (1, "used_up")
    sources.give_back(first, 5)
    first.refresh_from_db()
    assert first.taken == 0
    assert sources.current() is None
    assert not sources.close(first, SourceClosed.GONE)


def test_columns_are_noted_with_the_time_they_last_came():
    first = source()
    sources.note_columns(first.pk, {"title"})
    sources.note_columns(first.pk, {"phone"})
    first.refresh_from_db()
    assert set(first.columns) == {"title", "phone"}
    assert first.last_callback_at
    sources.note_columns(first.pk + 1, {"title"})  # deleted meanwhile


def test_its_address_has_the_token_that_was_encrypted():
    first = source()
    assert sources.address(first).token == "token"
    assert "token" not in repr(sources.address(first))


def submitted(to: ClaySource, count: int, days_ago: float) -> None:
    for _ in range(count):
        Attempt.objects.create(
            lead=LeadFactory(),
            waterfall=WaterfallVersion.active(),
            source=to,
            started_at=timezone.now() - datetime.timedelta(days=days_ago),
        )


def test_the_forecast_goes_by_the_last_week(settings):
    settings.CLOCK_SPEED = 1.0
    first = source(life=100, taken=60)
    assert forecast.days_left(first) is None
    assert forecast.words_left(first) == ""
    submitted(first, 8, 2)
    submitted(first, 5, 30)
    assert forecast.days_left(first) == pytest.approx(10, rel=0.01)
    assert forecast.words_left(first) == "about 10 days"
    second = source("Next", life=100)
    assert forecast.days_left(second) is None
    sources.close(first, SourceClosed.BY_HAND)
    first.refresh_from_db()
    assert forecast.days_left(first) == 0.0
    # What went through the one before goes through this one now; a refused submission uses nothing up.
    submitted(second, 4, 1)
    Attempt.objects.filter(source=second).update(status="abandoned")
    assert forecast.days_left(second) == pytest.approx(25, rel=0.01)


def test_an_alert_from_eighty_per_cent_says_whether_another_takes_over():
    first = source("first", life=100, taken=79)
    forecast.check()
    assert not Alert.objects.exists()
    ClaySource.objects.update(taken=80)
    forecast.check()
    alert = Alert.objects.get(kind="source")
    assert alert.severity == 2
    assert "80 of the 100 submissions" in alert.sentence
    assert "add one under Connections" in alert.sentence
    source("second")
    forecast.check()
    alert.refresh_from_db()
    assert "The next source takes over" in alert.sentence
    sources.close(first, SourceClosed.BY_HAND)
    forecast.check()
    assert not Alert.objects.filter(closed_at=None).exists()
