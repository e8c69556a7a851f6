"""How long submissions take, by the connector: a row a call, or a run of a hundred."""

import math
from typing import Any

import pytest

from enrichment.estimates import queue
from enrichment.estimates.enriching import FLUSH, Leads
from enrichment.estimates.estimating import Work, calls_to_submit, estimate
from enrichment.estimates.lanes import Lane
from enrichment.estimates.submitting import Submissions, submitting_time
from enrichment.models import Batch, BatchItem, Provider, ServiceHold
from enrichment.models.work import BatchKind
from enrichment.pipeline.dispatch.to_routine import FILE_CALLS
from enrichment.vendors.limiter import Gauge, Limit, penalise
from tests.factories import EnrichedLeadFactory, LeadFactory

LIMIT = Lane("Clay's submission limit", [Limit("second", 10, 1.0)], [Gauge(10, 1.0, 0, 0.0)])


def time_of(ours: Leads, ahead: Leads | None = None, *, per_call: int = 1, batch: int = 10) -> Any:
    return submitting_time(
        ours, ahead or Leads(), Submissions(LIMIT, lambda leads: math.ceil(leads / per_call), batch, flush=60.0)
    )


def test_a_row_is_a_call_and_ten_go_a_second():
    assert time_of(Leads(10)).seconds == 0
    told = time_of(Leads(36_000))
    assert (told.seconds, told.limited_by) == (3599.0, "Clay's submission limit")


def test_a_hundred_go_in_one_run():
    told = time_of(Leads(36_000), per_call=100, batch=100)
    assert told.seconds == 35.0


def test_what_is_ahead_goes_first_and_what_is_not_full_waits():
    assert time_of(Leads(100), Leads(500)).seconds == time_of(Leads(600)).seconds
    told = time_of(Leads(7))
    assert (told.seconds, told.limited_by) == (60.0, FLUSH)
    assert time_of(Leads(7, urgent=True)).seconds == 0


def test_nothing_takes_no_time_and_without_ours_it_is_those_ahead():
    assert time_of(Leads()).seconds == 0
    assert time_of(Leads(), Leads(100)).seconds == time_of(Leads(100)).seconds


# ---------------------------------------------------------------- of the product


@pytest.fixture
def pace(db: None, settings: Any, table_connector: None) -> None:
    settings.CLOCK_SPEED = 1.0


def test_an_estimate_knows_neither_rows_nor_triggers_nor_providers_hours(pace: None, settings: Any):
    Provider.objects.update(hourly_limit=10)
    told = estimate(Work(leads=3_000, rowless=3_000))
    assert (told.seconds, told.limited_by, told.fill_ins) == (299.0, "Clay's submission limit", ())
    settings.CLAY_CONNECTOR = "routine"
    settings.CLAY_ROUTINE_CALLS_PER_MINUTE = FILE_CALLS
    told = estimate(Work(leads=3_000))
    assert (told.seconds, told.limited_by) == (120.0, "Clay's call limit")
    assert [calls_to_submit(leads) for leads in (0, 100, 101, 1_100)] == [0, 1, FILE_CALLS, FILE_CALLS + 1]


def test_a_block_after_a_429_is_waited_for(pace: None, settings: Any):
    penalise("clay.submissions", settings.CLAY_WORKSPACE_ID, 40)
    assert 39 < estimate(Work(leads=10)).seconds <= 40


@pytest.mark.parametrize("system", ["clay", "clay.rows"])
def test_a_pause_is_said(pace: None, system: str):
    ServiceHold.objects.create(system=system, reason="credits")
    assert estimate(Work(leads=10)).paused


def test_pauses_of_calls_that_are_not_made_hold_nothing(pace: None):
    ServiceHold.objects.create(system="clay.triggers", reason="vendor_down")
    assert not estimate(Work(leads=10)).paused


def test_what_waits_is_counted_as_submissions(pace: None):
    LeadFactory()
    LeadFactory(only_providers=["apollo"])  # to be filled in, before Clay ran the providers by itself
    EnrichedLeadFactory(write_back_after="2026-01-01T00:00Z")
    planned = LeadFactory(dispatch_after=None)
    batch = Batch.objects.create(kind=BatchKind.SUBMIT, table_id="", priority=10)
    BatchItem.objects.create(batch=batch, lead=planned, position=0)
    waiting = queue.waiting_work()
    assert {name: waiting[name] for name in ("rows", "triggers", "updates", "submissions", "due")} == {
        "rows": 0,
        "triggers": 0,
        "updates": 0,
        "submissions": 3,
        "due": 3,
    }
    assert waiting["fill_ins"] == {}
    assert queue.work_ahead_of(0, waiting).count == 3


def test_without_a_connector_of_submissions_there_are_none(db: None):
    LeadFactory()
    waiting = queue.waiting_work()
    assert (waiting["submissions"], waiting["rows"], waiting["triggers"]) == (0, 1, 1)
