"""Every kind of claimed work: what lost its worker three times is set aside, stands on Failures, and can go again."""

import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from enrichment.drift import mending, reconcile
from enrichment.failures import groups, retry_job, set_aside
from enrichment.failures.causes import Cause
from enrichment.imports import importing
from enrichment.jobs import jobs
from enrichment.models import (
    Alert,
    AlertNotice,
    Attempt,
    Batch,
    BatchItem,
    BulkJob,
    ClayRun,
    Drift,
    Handover,
    Lead,
    ReconcileRun,
    WaterfallVersion,
    WebhookDelivery,
)
from enrichment.models.work import BatchKind
from enrichment.pipeline import poll
from enrichment.pipeline.crash_recovery import recover_lost_calls
from enrichment.pipeline.dispatch.batch import leads_in_doubt
from enrichment.pipeline.receive import reading, storing
from enrichment.scoring import rescore
from gdpr.models import AfterCheck, AuditCheck, AuditEvent, Notice, Purge, RequestMessage, RequestStep
from swarm_admin import alerts
from swarm_admin.core import work
from tests.factories import EnrichedLeadFactory, LeadFactory

pytestmark = pytest.mark.django_db
FAILURES = reverse("failures")


def lost(lapses=2):
    """Held by a worker that is gone, for the third time."""
    return {"in_flight_since": timezone.now() - datetime.timedelta(hours=1), "lapses": lapses}


def batch_of(kind, count, lapses=2, **lead):
    batch = Batch.objects.create(kind=kind, table_id="tbl_test", status="in_flight", **lost(lapses))
    for position in range(count):
        made = EnrichedLeadFactory(**lead) if kind != BatchKind.ROWS else LeadFactory(dispatch_after=None, **lead)
        BatchItem.objects.create(batch=batch, lead=made, position=position)
    return batch


def job_of(kind, **values):
    return BulkJob.objects.create(kind=kind, status="running", columns={"a": "b"}, total=9, **lost(), **values)


def is_set_aside(row):
    row.refresh_from_db()
    return row.in_flight_since is None and row.lapses == work.LAPSES_MOST and row.set_aside_at is not None


# ---------------------------------------------------------------- what becomes of each kind


def test_a_delivery_is_failed_and_its_outcome_is_read_back_when_tried_again(sales_client):
    handover = Handover.objects.create(lead=EnrichedLeadFactory(), system="ghl", status="in_flight", **lost())
    recover_lost_calls()
    assert is_set_aside(handover)
    assert (handover.status, handover.error_kind) == ("failed", work.LOST)
    [group] = groups.all_groups()
    assert group.cause == Cause("ghl", work.LOST, "", work.LOST_SENTENCE)
    sales_client.post(reverse("failure_retry_run", args=[group.cause.key]))
    jobs.run_due()
    handover.refresh_from_db()
    assert handover.status == "unknown", "sent again unseen, it may be there twice"


@pytest.mark.parametrize("kind", [BatchKind.ROWS, BatchKind.TRIGGER])
def test_the_last_lead_of_a_batch_waits_for_a_person_in_doubt(kind):
    batch = batch_of(kind, 1, enrichment_status="pending", email_work="", phone="")
    recover_lost_calls()
    assert is_set_aside(batch)
    assert batch.status == "failed"
    [item] = batch.items.all()
    assert (item.status, item.in_doubt) == ("set_aside", True)
    assert (item.lead.needs_person, item.lead.error_kind) == (True, work.LOST)
    assert [group.cause.kind for group in groups.all_groups()] == [work.LOST]


@pytest.mark.parametrize("kind", [BatchKind.ROWS, BatchKind.TRIGGER])
def test_a_batch_is_halved_and_looked_for_so_that_its_other_leads_go_on(kind):
    batch = batch_of(kind, 5)
    recover_lost_calls()
    batch.refresh_from_db()
    assert batch.status == "failed"
    assert set(batch.items.values_list("status", flat=True)) == {"again"}
    halves = Batch.objects.exclude(pk=batch.pk).order_by("id")
    assert [(half.status, half.lapses, half.items.count()) for half in halves] == [
        ("unknown", 2, 2),
        ("unknown", 2, 3),
    ]


def test_a_write_back_stands_on_failures_and_may_simply_be_made_again():
    batch = batch_of(BatchKind.UPDATE, 1)
    recover_lost_calls()
    assert is_set_aside(batch)
    [group] = groups.all_groups()
    assert (group.cause.what, group.cause.kind, group.count) == ("write_back", work.LOST, 1)


def test_the_first_lapse_of_a_batch_only_has_it_read_back(settings):
    batch = batch_of(BatchKind.ROWS, 3, lapses=0)
    recover_lost_calls()
    batch.refresh_from_db()
    assert (batch.status, batch.lapses, batch.set_aside_at) == ("unknown", 1, None)


def test_a_call_that_may_still_be_on_its_way_is_looked_for_later(settings):
    settings.VENDOR_TIMEOUT_SECONDS, settings.READ_BACK_SECONDS = 40.0, 1.0
    now = timezone.now()
    batch = batch_of(BatchKind.ROWS, 1, lapses=0)
    place, _, _ = work.lease_holders.current_holder().partition("/")
    Batch.objects.update(in_flight_since=now, held_by=f"{place}/1.0")  # a process that has ended
    recover_lost_calls()
    batch.refresh_from_db()
    assert batch.status == "unknown"
    assert batch.not_before - now >= datetime.timedelta(seconds=40)


@pytest.mark.parametrize(
    ("kind", "run_due"),
    [("retry", jobs.run_due), ("import", importing.run_due), ("rescore", rescore.run_due)],
)
def test_a_job_has_failed_with_its_reason(kind, run_due):
    job = job_of(kind, position=4)
    run_due()
    assert is_set_aside(job)
    assert (job.status, job.error) == ("failed", f"{work.LOST_SENTENCE} It stopped at row 4.")
    assert AuditEvent.objects.filter(object_id=str(job.pk), reason="failed").count() == 1


def test_a_job_that_gets_a_step_further_begins_its_count_anew(sales_client):
    handover = Handover.objects.create(
        lead=EnrichedLeadFactory(),
        system="ghl",
        status="failed",
        error_kind="delay",
        finished_at=timezone.now(),
    )
    [group] = groups.all_groups()
    job = retry_job.start_retry(group.cause, by=None)
    BulkJob.objects.filter(pk=job.pk).update(lapses=2)
    jobs.run_due()
    job.refresh_from_db()
    handover.refresh_from_db()
    assert (job.status, job.lapses, handover.status) == ("done", 0, "planned")


def test_a_comparison_is_over_and_the_next_begins_in_its_time(settings):
    run = ReconcileRun.objects.create(full=True, tables=["tbl"], **lost())
    reconcile._claim()
    assert is_set_aside(run)
    assert (run.is_open, run.error) == (False, work.LOST_SENTENCE)


def test_a_mending_says_why_it_was_not_made():
    drift = Drift.objects.create(kind="values", subject="row 1", mend_after=timezone.now(), **lost())
    mending.run_due()
    assert is_set_aside(drift)
    assert (drift.mend_after, drift.mend_error) == (None, work.LOST_SENTENCE)


def test_a_row_that_cannot_be_asked_for_waits_for_a_person():
    lead = EnrichedLeadFactory(enrichment_status="in_progress", email_work="", phone="")
    attempt = Attempt.objects.create(
        lead=lead, waterfall=WaterfallVersion.active(), status="running", poll_after=timezone.now(), **lost()
    )
    poll._claim()
    assert is_set_aside(attempt)
    lead.refresh_from_db()
    assert (attempt.status, attempt.error_kind) == ("failed", work.LOST)
    assert (lead.needs_person, lead.error_kind, lead.enrichment_status) == (True, work.LOST, "failed")


def test_a_notice_of_an_alert_has_failed():
    alert = Alert.objects.create(kind="drift", sentence="It drifts.", told="open", told_at=timezone.now())
    notice = AlertNotice.objects.create(alert=alert, channel="email", occasion="opened", status="in_flight", **lost())
    alerts.run_due()
    assert is_set_aside(notice)
    assert (notice.status, notice.error_kind) == ("failed", work.LOST)


# ---------------------------------------------------------------- the screen


def test_webhooks_that_took_their_workers_with_them_stand_by_their_cause(sales_client):
    WebhookDelivery.objects.create(body=b"{}", body_hash="poison", status="processing", **lost())
    reading.run_due()
    page = sales_client.get(FAILURES).content.decode()
    assert "Webhook: worker crashed" in page
    assert work.LOST_SENTENCE.rstrip(".") in page
    assert "Can be retried" in page


def test_webhooks_that_cannot_be_read_stand_there_and_no_retry_is_offered(sales_client):
    storing.store(b"\xff no event", {})
    reading.run_due()
    [group] = groups.all_groups()
    page = sales_client.get(FAILURES).content.decode()
    assert "Webhook: unreadable" in page
    detail = sales_client.get(reverse("failure", args=[group.cause.key])).content.decode()
    assert "A retry would fail again." in detail
    assert f"Webhook {WebhookDelivery.objects.get().pk}" in detail


def test_jobs_and_mendings_stand_by_their_kind_and_go_again(sales_client):
    now = timezone.now()
    job = BulkJob.objects.create(kind="retry", status="failed", lapses=3, set_aside_at=now, plan={"what": "ghl"})
    drift = Drift.objects.create(kind="values", subject="row 1", lapses=3, set_aside_at=now)
    page = sales_client.get(FAILURES).content.decode()
    assert "Set aside" in page
    assert "Fixing of mismatches" in page
    assert work.LOST_SENTENCE in page
    assert page.count("Retry</button>") == 2
    assert "Nothing needs attention." not in sales_client.get("/").content.decode()
    for name in ("jobs", "mendings"):
        assert sales_client.post(reverse("failure_set_aside_again", args=[name])).url == FAILURES
    job.refresh_from_db()
    drift.refresh_from_db()
    assert (job.status, job.error, job.finished_at) == ("queued", "", None)
    assert drift.mend_after is not None
    assert "Set aside" not in sales_client.get(FAILURES).content.decode()


@pytest.mark.parametrize("name", ["steps", "imports", "nonsense"])
def test_what_goes_again_elsewhere_does_not_here(sales_client, name):
    assert sales_client.post(reverse("failure_set_aside_again", args=[name])).status_code == 404


def test_only_who_may_retry_may_have_it_go_again(compliance_client, nobody_client, client):
    address = reverse("failure_set_aside_again", args=["jobs"])
    assert compliance_client.post(address).status_code == nobody_client.post(address).status_code == 403
    assert client.post(address).status_code == 302


def test_what_is_the_laws_is_told_to_officers_alone(monkeypatch, sales_client, compliance_client):
    found = {kind.name: (2, timezone.now()) for kind in set_aside.KINDS}
    monkeypatch.setattr(set_aside, "_counts", lambda: found)
    law = ["Request steps", "Request messages", "Last looks", "Removal of records", "Audit log checks"]
    theirs = compliance_client.get(FAILURES).content.decode()
    assert [words for words in law if words not in theirs] == []
    assert f'href="{reverse("requests")}"' in theirs
    assert "Retry</button>" not in theirs
    ours = sales_client.get(FAILURES).content.decode()
    assert [words for words in law if words in ours] == []
    assert "Jobs" in ours
    overview = sales_client.get("/").content.decode()
    assert [words for words in law if words in overview] == []


def test_every_kind_of_leased_work_is_accounted_for():
    """A new one has to be found on Failures as well."""
    by_cause = {Attempt, Batch, ClayRun, Handover, WebhookDelivery}  # through their leads, or as a group of their own
    shown = {kind.rows().model for kind in set_aside.KINDS}
    kinds = {model for model in all_leased(work.Leased) if not model._meta.abstract}
    assert kinds == by_cause | shown
    assert {RequestStep, RequestMessage, AfterCheck, Notice, Purge, AuditCheck} < shown


def all_leased(model):
    return {model, *(each for child in model.__subclasses__() for each in all_leased(child))}


def test_what_is_counted_is_counted_in_one_statement(django_assert_num_queries):
    Drift.objects.create(kind="values", subject="row 1", set_aside_at=timezone.now())
    with django_assert_num_queries(1):
        assert {name: count for name, (count, _) in set_aside._counts().items()} == {"mendings": 1}


def test_a_lead_of_a_lost_batch_is_looked_for_before_it_is_sent_again():
    batch = batch_of(BatchKind.ROWS, 1)
    recover_lost_calls()
    lead = batch.items.get().lead
    assert leads_in_doubt(BatchKind.ROWS, [Lead.objects.get(pk=lead.pk)]) == {lead.pk}
