"""Work that is due and does not move is found where none of it is done; what a pause explains is not."""

import datetime

import pytest
import redis
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from enrichment.models import (
    Alert,
    Attempt,
    Batch,
    BulkJob,
    ClayRun,
    Drift,
    Handover,
    Lead,
    ReconcileRun,
    ServiceHold,
    WaterfallVersion,
    WebhookDelivery,
)
from enrichment.monitoring import standstill
from enrichment.pipeline.dispatch import plan
from enrichment.pipeline.receive import reading
from enrichment.vendors import limiter
from gdpr.models import AuditCheck, Purge
from swarm_admin.core import progress
from swarm_admin.core.work import Leased
from tests.factories import EnrichedLeadFactory, LeadFactory

pytestmark = pytest.mark.django_db
STALL = 300.0


def ago(seconds):
    return timezone.now() - datetime.timedelta(seconds=seconds)


def webhook(seconds=2 * STALL, **values):
    return WebhookDelivery.objects.create(body=b"{}", body_hash="h", not_before=ago(seconds), **values)


def named():
    return [stage.name for stage in standstill.check_standstill().stages]


def test_an_idle_product_stands_still_nowhere_and_is_asked_in_one_statement():
    with CaptureQueriesContext(connection) as seen:
        assert not standstill.check_standstill()
    assert len(seen) == 1


def attempt(lead):
    version = WaterfallVersion.active()
    return Attempt.objects.create(lead=lead, waterfall=version, status="running", poll_after=ago(2 * STALL))


DUE = {
    "webhooks": webhook,
    "planning": lambda: LeadFactory(dispatch_after=ago(2 * STALL)),
    "rows": lambda: Batch.objects.create(kind="rows", table_id="t", not_before=ago(2 * STALL)),
    "triggers": lambda: Batch.objects.create(kind="trigger", table_id="t", not_before=ago(2 * STALL)),
    "write_backs": lambda: Batch.objects.create(kind="update", table_id="t", not_before=ago(2 * STALL)),
    "ghl": lambda: Handover.objects.create(lead=EnrichedLeadFactory(), system="ghl", not_before=ago(2 * STALL)),
    "instantly": lambda: Handover.objects.create(
        lead=EnrichedLeadFactory(), system="instantly", not_before=ago(2 * STALL)
    ),
    "polls": lambda: attempt(EnrichedLeadFactory()),
    "runs": lambda: ClayRun.objects.create(run_id="run_1", items=1, not_before=ago(2 * STALL)),
    "jobs": lambda: BulkJob.objects.create(kind="retry", created_at=ago(2 * STALL)),
    "comparison": lambda: ReconcileRun.objects.create(full=True, not_before=ago(2 * STALL)),
    "mending": lambda: Drift.objects.create(kind="values", subject="row 1", mend_after=ago(2 * STALL)),
    "purges": lambda: Purge.objects.create(
        store="crm", key="1", key_hash="h", kept_until=timezone.now(), not_before=ago(2 * STALL)
    ),
    "audit_checks": lambda: AuditCheck.objects.create(requested_at=ago(2 * STALL)),
}


@pytest.mark.parametrize("stage", DUE)
def test_what_is_due_and_is_claimed_by_nobody_is_named(stage):
    DUE[stage]()
    assert named() == [stage]
    progress.mark_progress(stage)
    assert named() == []


def test_every_kind_of_leased_work_is_watched():
    watched = {stage.due(timezone.now()).model for stage in standstill.STAGES}
    assert {model for model in leased(Leased) if not model._meta.abstract} | {Lead} == watched


def leased(model):
    return {model, *(each for child in model.__subclasses__() for each in leased(child))}


def test_what_became_due_lately_is_not_late():
    webhook(STALL / 2)
    assert named() == []


def test_what_a_lost_worker_holds_is_due_though_nobody_may_claim_it(settings):
    webhook(status="processing", in_flight_since=ago(settings.LEASE_SECONDS + STALL))
    assert named() == ["webhooks"]


def test_a_long_backlog_that_moves_is_none():
    webhook()
    webhook()
    assert len(reading.claim()) == 2
    webhook()
    assert named() == []


def test_a_job_at_work_for_hours_that_gets_on_is_none():
    BulkJob.objects.create(kind="import", columns={"a": "b"}, status="queued", created_at=ago(9 * STALL))
    assert named() == ["jobs"]
    BulkJob.objects.create(kind="rescore", status="running", in_flight_since=ago(10), created_at=ago(9 * STALL))
    assert named() == []


DUE_AT_CLAY = ["rows", "triggers", "write_backs", "polls", "comparison", "mending"]


@pytest.mark.parametrize("stage", DUE_AT_CLAY)
def test_a_pause_of_clay_explains_it(stage):
    DUE[stage]()
    ServiceHold.objects.create(system="clay", reason="refresh_key")
    assert named() == []


@pytest.mark.parametrize("stage", DUE_AT_CLAY)
def test_a_used_up_quota_explains_what_is_not_begun_and_no_reading_that_waits(stage):
    DUE[stage]()
    hold = ServiceHold.objects.create(system="clay", reason="pause_until_reset")
    assert named() == [stage] * (stage in ("polls", "comparison"))
    ServiceHold.objects.filter(pk=hold.pk).update(reads=True)
    assert named() == []


def test_a_full_table_explains_rows_alone():
    ServiceHold.objects.create(system="clay.rows", reason="table_full")
    DUE["rows"]()
    assert named() == []
    DUE["triggers"]()
    assert named() == ["triggers"]


def test_work_has_time_to_begin_when_a_pause_ends():
    DUE["triggers"]()
    ServiceHold.objects.create(system="clay", reason="vendor_down", lifted_at=timezone.now())
    assert named() == []
    ServiceHold.objects.update(lifted_at=ago(9 * STALL))
    assert named() == ["triggers"]


def test_a_pause_or_a_used_up_limit_of_a_system_explains_what_waits_for_it(monkeypatch):
    DUE["ghl"]()
    DUE["instantly"]()
    ServiceHold.objects.create(system="ghl", reason="refresh_key")
    assert named() == ["instantly"]
    monkeypatch.setattr(limiter, "free_slots", lambda name, scope: 0)
    assert named() == []


def test_leads_that_a_limit_or_a_budget_keeps_were_looked_at():
    DUE["planning"]()
    plan.plan_batches("rows")
    assert named() == []


def test_without_redis_what_is_due_for_long_is_told_all_the_same(monkeypatch):
    webhook()
    progress.mark_progress("webhooks")

    def away(*_, **__):
        raise redis.ConnectionError

    for name in ("get", "get_many"):
        monkeypatch.setattr(cache, name, away)
    assert named() == ["webhooks"]


def test_on_a_compressed_clock_people_still_read_on_their_own(settings):
    settings.CLOCK_SPEED = 60.0  # five minutes are five seconds
    webhook(30)
    assert named() == []
    webhook(70)
    assert named() == ["webhooks"]


# ---------------------------------------------------------------- beat


def test_a_beat_that_was_seen_and_is_gone_is_a_finding_of_its_own():
    assert not standstill.check_standstill()
    standstill.record_beat()
    assert not standstill.check_standstill()
    cache.set(standstill.BEAT_KEY, ago(2 * STALL).timestamp())
    found = standstill.check_standstill()
    assert found.stages == ()
    assert "(beat) is not running" in found.sentence
    assert timezone.now() - found.since > datetime.timedelta(seconds=STALL)


# ---------------------------------------------------------------- who is told


def test_an_alert_is_opened_counted_and_closed_by_itself():
    webhook()
    for _ in range(2):
        assert standstill.raise_standstill()
    alert = Alert.objects.get(kind="standstill")
    assert (alert.severity, alert.count, alert.closed_at) == (3, 2, None)
    assert "Reading webhooks" in alert.sentence
    progress.mark_progress("webhooks")
    assert not standstill.raise_standstill()
    alert.refresh_from_db()
    assert alert.by_itself
    assert alert.closed_at is not None


def test_every_page_and_the_overview_say_so(sales_client):
    assert "stands still" not in sales_client.get("/").content.decode()
    webhook()
    standstill.forget_report()
    for page in ("/", reverse("leads"), reverse("holds")):
        assert "Background work has stopped" in sales_client.get(page).content.decode()
    overview = sales_client.get("/").content.decode()
    assert "No known problems" not in overview
    assert "Nothing needs attention." not in overview


def test_asking_often_costs_nothing(django_assert_num_queries):
    with django_assert_num_queries(1):
        for _ in range(20):
            standstill.cached_report()
