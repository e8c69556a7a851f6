"""Clay beside the mirror, in the sandbox: what is found, page by page, and what is not."""

import datetime

import pytest
from django.utils import timezone

from enrichment.drift import capacity_forecast, mending, reconcile
from enrichment.models import (
    Alert,
    AlertKind,
    Drift,
    DriftKind,
    Lead,
    ReconcileRun,
    SeenRow,
    ServiceHold,
    Severity,
)
from enrichment.monitoring import watch
from enrichment.vendor_pauses import pauses
from tests.enrichment.clay_table import (
    change_row,
    found,
    make_row,
    run,
    settled,
    url,
)

pytestmark = pytest.mark.usefixtures("wide_limits")


def test_what_agrees_is_no_drift(pipeline):
    settled(pipeline, "same-1", "same-2")
    done = run()
    assert found() == []
    assert (done.full, done.rows, done.ours, done.error) == (True, {"tbl_test": 2}, {"tbl_test": 2}, "")
    assert SeenRow.objects.count() == 0


def test_a_run_goes_on_from_its_cursor_page_by_page(pipeline, settings):
    settings.RECONCILE_PAGE = 2
    ids = [make_row(pipeline, f"page-{number}") for number in range(5)]
    started = reconcile.start_run(full=True)
    reconcile._read_page(started)
    stored = ReconcileRun.objects.get()
    assert (stored.exports, stored.rows, stored.cursor != "") == (1, {"tbl_test": 2}, True)
    ReconcileRun.objects.update(in_flight_since=timezone.now() - datetime.timedelta(hours=1))  # it was killed
    reconcile.run_due()
    assert ReconcileRun.objects.get().exports == 3
    assert found() == sorted((DriftKind.UNKNOWN_ROW, row_id) for row_id in ids)


def test_two_exports_an_hour_are_left_to_others_and_one_to_the_hourly_run(pipeline, settings):
    settings.CLAY_EXPORTS_PER_HOUR = 10
    settings.CLOCK_SPEED = 1.0
    settings.RECONCILE_PAGE = 1
    for number in range(12):
        make_row(pipeline, f"few-{number}")
    assert reconcile.run_due() == 7
    open_run = ReconcileRun.objects.get()
    assert open_run.is_open
    assert open_run.not_before > timezone.now() + datetime.timedelta(minutes=30)
    assert reconcile.run_due() == 0


def test_what_is_mended_elsewhere_leaves_the_list(pipeline):
    (lead,) = settled(pipeline, "elsewhere")
    title = lead.title
    change_row(pipeline, lead.clay_row_id, title="Other")
    run()
    assert len(found()) == 1
    change_row(pipeline, lead.clay_row_id, title=title)
    run(full=False)
    assert found() == []


def test_a_table_that_silently_keeps_no_more_rows_is_found_out(pipeline, settings):
    settings.CLAY_TABLE_ROWS = 3
    settled(pipeline, "kept-1", "kept-2")
    run()
    pipeline.sandbox.config(table_capacity=2)
    pipeline.lead("dropped")
    pipeline.stages_until(lambda: Lead.objects.get(linkedin_url=url("dropped")).clay_row_id)
    run(full=False)
    assert [kind for kind, _ in found()] == ["not_kept"]
    watch.check_conditions()
    alert = Alert.objects.get(kind=AlertKind.ROWS_NOT_KEPT)
    assert alert.severity == Severity.CRITICAL
    plan = mending.plan_repairs(DriftKind.NOT_KEPT)
    assert (plan.ready, sum(plan.left_out.values())) == ([], 1)


@pytest.mark.parametrize(
    ("limit", "severity"), [(25, None), (24, Severity.INFO), (22, Severity.WARNING), (21, Severity.CRITICAL)]
)
def test_runway(pipeline, settings, limit, severity):
    settings.CLAY_TABLE_ROWS = limit
    for number in range(20 if limit != 25 else 19):
        make_row(pipeline, f"runway-{number}")
    run()
    (table,) = capacity_forecast.tables()
    assert (table.level, table.current, table.limit) == (severity, True, limit)
    watch.check_conditions()
    levels = list(Alert.objects.filter(kind=AlertKind.RUNWAY).values_list("severity", flat=True))
    assert levels == ([severity] if severity else [])


def test_days_left_at_the_rate_of_the_week(pipeline, settings):
    settings.CLAY_TABLE_ROWS = 10
    settled(pipeline, "rate-1", "rate-2")
    run()
    (table,) = capacity_forecast.tables()
    assert (table.rows, table.per_day, table.days_left) == (2, 2.0, 4.0)


def test_what_is_under_way_is_no_drift(pipeline):
    (lead,) = settled(pipeline, "busy")
    change_row(pipeline, lead.clay_row_id, title="Other")
    lead.attempts.update(status="running")
    run()
    assert found() == []


def test_a_run_that_cannot_go_on_says_why_and_the_next_one_is_whole_again(pipeline):
    pipeline.sandbox.fault("clay", "400", call="export")
    done = run(full=False)
    assert "400" in done.error
    pipeline.sandbox.no_faults()
    ReconcileRun.objects.update(started_at=timezone.now() - datetime.timedelta(days=1))
    assert run(full=False).full  # there was no good full one yet


def test_one_run_an_hour_and_one_full_a_day(pipeline, settings):
    settings.CLOCK_SPEED = 1.0
    reconcile.run_due()
    reconcile.run_due()
    assert list(ReconcileRun.objects.values_list("full", flat=True)) == [True]
    ReconcileRun.objects.update(started_at=timezone.now() - datetime.timedelta(hours=2))
    reconcile.run_due()
    assert list(ReconcileRun.objects.order_by("pk").values_list("full", flat=True)) == [True, False]
    day_ago = timezone.now() - datetime.timedelta(hours=25)
    ReconcileRun.objects.update(started_at=day_ago, finished_at=day_ago)
    reconcile.run_due()
    assert ReconcileRun.objects.latest("pk").full


def test_the_hourly_run_goes_on_beside_a_whole_one_that_takes_longer(pipeline, settings):
    settings.CLOCK_SPEED = 1.0
    settings.CLAY_EXPORTS_PER_HOUR = 10
    settings.RECONCILE_PAGE = 1
    for number in range(9):
        make_row(pipeline, f"long-{number}")
    assert reconcile.run_due() == 7
    ReconcileRun.objects.update(started_at=timezone.now() - datetime.timedelta(hours=2))
    assert reconcile.run_due() == 1
    whole, hourly = ReconcileRun.objects.order_by("pk")
    assert (whole.full, whole.is_open, hourly.full) == (True, True, False)
    assert hourly.since < whole.started_at
    assert reconcile.start_run(full=True) is None
    assert reconcile.start_run(full=False) is None


def test_nothing_is_read_or_mended_while_clay_is_held(pipeline):
    (lead,) = settled(pipeline, "held")
    pipeline.sandbox.fault("clay", "401", call="export", times=1)
    started = reconcile.start_run(full=True)
    ReconcileRun.objects.filter(pk=started.pk).update(in_flight_since=None)
    reconcile.run_due()
    hold = ServiceHold.objects.get()
    assert Alert.objects.get().kind == AlertKind.KEY_REFUSED
    exports = pipeline.sandbox.stats()["clay"]["requests"]
    Drift.objects.create(kind=DriftKind.VALUES, subject="row x", row_id="x", lead=lead, mend_after=timezone.now())
    assert (reconcile.run_due(), mending.run_due()) == (0, 0)
    assert pipeline.sandbox.stats()["clay"]["requests"] == exports
    pauses.end_pause(hold)
    ReconcileRun.objects.filter(pk=started.pk).update(not_before=timezone.now())
    reconcile.run_due()
    started.refresh_from_db()
    assert (started.is_open, started.error, started.rows) == (False, "", {"tbl_test": 1})


def test_a_429_on_an_export_waits_and_goes_on(pipeline, redis_server):
    make_row(pipeline, "limited")
    pipeline.sandbox.fault("clay", "429", call="export", times=1)
    assert reconcile.run_due() == 0
    waiting = ReconcileRun.objects.get()
    assert (waiting.is_open, waiting.in_flight_since, waiting.tries) == (True, None, 0)
    assert waiting.not_before > waiting.started_at
    assert Alert.objects.get().kind == AlertKind.RATE_LIMITED
    redis_server.flushdb()  # the wait that the 429 asked for is over
    ReconcileRun.objects.update(not_before=timezone.now())
    assert reconcile.run_due() == 1
    done = ReconcileRun.objects.get()
    assert (done.is_open, done.error, done.rows) == (False, "", {"tbl_test": 1})


def test_a_comparison_that_breaks_is_closed_and_not_begun_again_at_once(pipeline, monkeypatch):
    settled(pipeline, "broken")

    def broken(*args, **kwargs):
        raise RuntimeError("nobody thought of this")

    monkeypatch.setattr(reconcile, "_read_page", broken)
    with pytest.raises(RuntimeError):
        reconcile.run_due()
    done = ReconcileRun.objects.get()
    assert (done.is_open, done.error) == (False, "internal_error")
    assert reconcile.run_due() == 0
