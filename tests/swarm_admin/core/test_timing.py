"""Waits on the product's clock, which may be compressed."""

import datetime

import pytest
from django.utils import timezone

from swarm_admin.core import timing

NOW = datetime.datetime(2026, 3, 20, 12, 30, 15, 99, tzinfo=datetime.UTC)


@pytest.fixture(autouse=True)
def _clock(settings, monkeypatch):
    settings.CLOCK_SPEED = 1.0
    settings.RETRY_BASE_SECONDS = 30.0
    monkeypatch.setattr(timezone, "now", lambda: NOW)


def seconds(moment: datetime.datetime) -> float:
    return (moment - NOW).total_seconds()


def test_the_day_begins_at_midnight_in_utc():
    assert timing.today() == datetime.datetime(2026, 3, 20, tzinfo=datetime.UTC)


def test_a_compressed_clock_makes_waits_shorter_and_real_seconds_stay(settings):
    settings.CLOCK_SPEED = 60.0
    assert timing.span(90) == datetime.timedelta(seconds=1.5)
    assert seconds(timing.due_in(3600)) == 60
    assert seconds(timing.in_seconds(3600)) == 3600
    assert seconds(timing.backoff(1)) == 0.5


@pytest.mark.parametrize(
    ("tries", "wait"), [(-1, 30), (0, 30), (1, 30), (2, 60), (3, 120), (10, 15_360), (11, 21_600), (5_000, 21_600)]
)
def test_each_try_waits_twice_as_long_up_to_six_hours(tries, wait):
    assert seconds(timing.backoff(tries)) == wait


@pytest.mark.parametrize(("tries", "wait"), [(1, 30), (4, 240), (5, 300), (100, 300)])
def test_what_is_to_stop_at_once_waits_five_minutes_at_most(tries, wait):
    assert seconds(timing.backoff(tries, fast=True)) == wait


def test_the_power_is_bounded_where_the_base_is_next_to_nothing(settings):
    settings.RETRY_BASE_SECONDS = 1e-9
    assert seconds(timing.backoff(10**9)) == pytest.approx(1e-9 * 2**30, abs=1e-5)
