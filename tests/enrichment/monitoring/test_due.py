"""Nobody is woken for nothing, and somebody for everything."""

import datetime

import pytest
from django.utils import timezone

from enrichment import tasks
from enrichment.jobs.kinds import KINDS
from enrichment.models import Batch, BulkJob, Drift, DriftKind, Handover, WebhookDelivery
from enrichment.models.job import JobKind
from enrichment.models.work import BatchKind
from enrichment.monitoring import due
from enrichment.states import BatchStatus, DeliveryStatus, HandoverStatus
from swarm_admin.core.jobs import JobStatus
from tests.factories import LeadFactory

NOW = timezone.now()
LATER = NOW + datetime.timedelta(hours=1)


def test_an_idle_product_wakes_nobody(db, django_assert_max_num_queries):
    LeadFactory(dispatch_after=LATER)
    WebhookDelivery.objects.create(body=b"{}", body_hash="x", not_before=LATER)
    Handover.objects.create(lead=LeadFactory(dispatch_after=None), system="ghl", status=HandoverStatus.DONE)
    BulkJob.objects.create(kind=JobKind.IMPORT, status=JobStatus.DONE)
    with django_assert_max_num_queries(12):
        assert due.due_ticks() == []


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"clay_row_id": None}, ("dispatch_rows",)),
        ({"clay_row_id": "row_1"}, ("dispatch_triggers",)),
    ],
)
def test_a_lead_that_is_due(db, row, expected):
    LeadFactory(dispatch_after=NOW, **row)
    assert due.due_ticks() == [expected]


@pytest.mark.parametrize("row_id", [None, "row_1"])
def test_where_creating_enriches_a_lead_that_is_due_is_submitted(db, settings, row_id):
    settings.CLAY_CONNECTOR = "table"
    LeadFactory(dispatch_after=NOW, clay_row_id=row_id, write_back_after=NOW)
    assert due.due_ticks() == [("dispatch_submissions",)]


def test_a_lead_to_be_written_back(db):
    LeadFactory(write_back_after=NOW, clay_row_id="row_1", dispatch_after=None)
    assert due.due_ticks() == [("write_back_references",)]


@pytest.mark.parametrize("kind", BatchKind.values)
def test_a_batch_that_may_go(db, settings, kind):
    settings.CLAY_CONNECTOR = "table" if kind == BatchKind.SUBMIT else "rows-api"
    batch = Batch.objects.create(kind=kind, table_id="tbl", status=BatchStatus.UNKNOWN)
    assert len(due.due_ticks()) == 1
    Batch.objects.filter(pk=batch.pk).update(not_before=LATER)
    assert due.due_ticks() == []


@pytest.mark.parametrize("system", ["ghl", "instantly"])
def test_a_delivery_that_may_go(db, system):
    Handover.objects.create(lead=LeadFactory(dispatch_after=None), system=system)
    assert due.due_ticks() == [("deliver_to", system)]


def test_a_webhook_that_was_not_read(db):
    WebhookDelivery.objects.create(body=b"{}", body_hash="x", status=DeliveryStatus.RECEIVED)
    assert due.due_ticks() == [("read_webhooks",)]


def test_a_mending_that_was_asked_for(db):
    Drift.objects.create(kind=DriftKind.VALUES, subject="row x", row_id="x", mend_after=NOW)
    assert due.due_ticks() == [("mend_drift",)]


@pytest.mark.parametrize("kind", JobKind.values)
def test_a_job_of_every_kind_wakes_somebody(db, kind):
    BulkJob.objects.create(kind=kind, status=JobStatus.QUEUED)
    ((name,),) = due.due_ticks()
    assert hasattr(tasks, name)


def test_who_is_woken_can_be_woken(db, monkeypatch):
    woken = []
    for name in ("read_webhooks", "deliver_to"):
        task = getattr(tasks, name)
        monkeypatch.setattr(task, "apply_async", lambda arguments, name=name, **_: woken.append((name, arguments)))
    WebhookDelivery.objects.create(body=b"{}", body_hash="x")
    Handover.objects.create(lead=LeadFactory(dispatch_after=None), system="ghl")
    tasks.look()
    assert woken == [("read_webhooks", []), ("deliver_to", ["ghl"])]


def test_every_one_that_is_woken_comes_by_itself_too():
    by_itself = {(entry["task"].rpartition(".")[2], *entry["args"]) for entry in tasks.BEAT.values()}
    assert {*due._BUSY, *((kind.tick,) for kind in KINDS.values())} <= by_itself
