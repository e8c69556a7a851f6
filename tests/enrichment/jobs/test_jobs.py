"""Bulk retries: frozen, run in chunks, resumable, cancellable, and honest about what came of them."""

import datetime
from decimal import Decimal

import pytest
from django.utils import timezone

from enrichment.failures import failure_retry, retry_job
from enrichment.failures import groups as failures
from enrichment.failures.causes import Cause
from enrichment.jobs import jobs, rows
from enrichment.jobs.rows import counts_of
from enrichment.models import Attempt, BulkJob, Handover, Lead, ServiceHold, WaterfallVersion, WebhookDelivery
from enrichment.pipeline.deliver import redeliver
from gdpr.identity import Identity
from gdpr.models import AuditEvent
from gdpr.suppression import gate
from swarm_admin.core import jobs as runner
from swarm_admin.core.errors import ActionNotAllowed
from swarm_admin.core.states import InvalidTransition
from tests.enrichment.failures.test_failures import handover, stuck_write_back
from tests.factories import EnrichedLeadFactory, FailedLeadFactory

pytestmark = pytest.mark.django_db

CAUSE = Cause("enrichment", "delay", "apollo", "502 apollo failed")


@pytest.fixture
def person(django_user_model):
    return django_user_model.objects.create_user("ops@example.com")


def started(count=3, *, by=None):
    leads = [FailedLeadFactory() for _ in range(count)]
    return retry_job.start_retry(CAUSE, by=by), leads


def hold(system="clay"):
    return ServiceHold.objects.create(system=system, reason="pause_until_reset", message="quota exhausted")


def test_the_plan_tells_rows_cost_time_and_what_is_left_out():
    leads = [FailedLeadFactory() for _ in range(4)]
    gate.suppress(Identity(leads[0].linkedin_url), reason="objection")
    Attempt.objects.create(lead=leads[1], waterfall=WaterfallVersion.active(), status="running")
    plan = failure_retry.plan_for_cause(CAUSE)
    assert plan.count == 2
    assert plan.cost > Decimal("0.1")
    assert plan.time.seconds > 0
    assert sum(plan.left_out.values()) == 2


def test_nothing_can_be_started_while_the_vendor_is_held():
    FailedLeadFactory()
    hold()
    plan = failure_retry.plan_for_cause(CAUSE)
    assert plan.count == 0
    assert list(plan.left_out) == ["Clay is paused: quota exhausted."]
    with pytest.raises(ActionNotAllowed, match="paused"):
        retry_job.start_retry(CAUSE, by=None)
    assert not BulkJob.objects.exists()


def test_what_a_retry_cannot_help_is_not_started():
    lead = EnrichedLeadFactory()
    handover(lead, error_kind="gone", error_message="ghl upsert_contact: 404")
    with pytest.raises(ActionNotAllowed, match="fail again"):
        retry_job.start_retry(Cause("ghl", "gone", "", "ghl upsert_contact: 404"), by=None)


def test_members_are_frozen_at_the_start_oldest_first(person):
    late = FailedLeadFactory()
    early = FailedLeadFactory(error_at=timezone.now() - datetime.timedelta(hours=1))
    job = retry_job.start_retry(CAUSE, by=person)
    FailedLeadFactory()
    assert list(job.members.values_list("position", "subject", "lead_id")) == [
        (0, early.pk, early.pk),
        (1, late.pk, late.pk),
    ]
    assert (job.total, job.created_by, job.plan["count"]) == (2, person, 2)
    assert AuditEvent.objects.get(verb="start_retry").counts == {"rows": 2}


def test_a_second_job_for_the_same_cause_is_refused():
    job, _ = started()
    with pytest.raises(ActionNotAllowed, match=f"Job {job.pk}"):
        retry_job.start_retry(CAUSE, by=None)


def test_leads_go_to_dispatch_behind_fresh_ones_and_the_group_is_empty(person):
    job, leads = started(by=person)
    jobs.run_due()
    job.refresh_from_db()
    assert (job.status, job.position, job.accepted, job.rejected) == ("done", 3, 3, 0)
    for lead in leads:
        lead.refresh_from_db()
        assert (lead.enrichment_status, lead.dispatch_priority, lead.error_kind) == ("pending", 0, "")
        assert lead.dispatch_after is not None
    assert failures.all_groups() == []
    assert AuditEvent.objects.filter(verb="retry", object_id__gt="", actor_id=person.pk).count() == 3
    assert counts_of([job])[job.pk].under_way == 3


def test_who_cannot_be_tried_any_more_is_left_out_with_the_reason():
    job, leads = started(4)
    gate.suppress(Identity(leads[0].linkedin_url), reason="objection")
    Lead.objects.filter(pk=leads[1].pk).update(enrichment_status="completed", error_kind="", needs_person=False)
    leads[2].delete()
    jobs.run_due()
    job.refresh_from_db()
    assert (job.status, job.accepted, job.rejected) == ("done", 1, 3)
    reasons = dict(job.members.filter(status="left_out").values_list("position", "reason"))
    assert "suppressed" in reasons[0]
    assert reasons[1] == reasons[2] == failure_retry.MENDED


def test_a_killed_job_goes_on_where_it_stood(monkeypatch, settings):
    monkeypatch.setattr(runner, "ROWS_AT_ONCE", 2)
    job, _ = started(5)
    real = runner.record_members
    calls = []

    def killed(members, why):
        calls.append(len(members))
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(members, why)

    monkeypatch.setattr(runner, "record_members", killed)
    with pytest.raises(KeyboardInterrupt):
        jobs.run(job.pk)
    monkeypatch.setattr(runner, "record_members", real)
    job.refresh_from_db()
    assert (job.status, job.position) == ("running", 2)
    assert Lead.objects.filter(enrichment_status="pending").count() == 2
    assert jobs.run_due() == 0, "the lease of the killed worker still runs"
    settings.LEASE_SECONDS = 0
    assert jobs.run_due() == 1
    job.refresh_from_db()
    assert (job.status, job.position, job.accepted) == ("done", 5, 5)
    assert AuditEvent.objects.filter(verb="retry", object_id__gt="").count() == 5, "none twice"


def test_only_so_many_wait_to_be_sent_at_a_time(monkeypatch):
    monkeypatch.setattr(runner, "ROWS_AT_ONCE", 2)
    monkeypatch.setattr(rows, "AHEAD", 3)
    job, _ = started(7)
    jobs.run_due()
    job.refresh_from_db()
    assert (job.status, job.position, job.in_flight_since) == ("running", 4, None)
    jobs.run_due()
    job.refresh_from_db()
    assert job.position == 4, "those that wait have not been sent"
    Lead.objects.filter(enrichment_status="pending").update(enrichment_status="in_progress", dispatch_after=None)
    jobs.run_due()
    job.refresh_from_db()
    assert (job.status, job.position) == ("done", 7)


def test_a_held_vendor_makes_the_job_wait():
    job, _ = started()
    held = hold()
    jobs.run_due()
    job.refresh_from_db()
    assert (job.status, job.position) == ("running", 0)
    assert "paused" in rows.paused(job)
    held.delete()
    jobs.run_due()
    job.refresh_from_db()
    assert job.status == "done"


def test_a_cancelled_job_touches_nothing_more(person):
    job, leads = started()
    jobs.cancel(job, by=person)
    assert jobs.run_due() == 0
    assert Lead.objects.filter(enrichment_status="failed").count() == len(leads)
    with pytest.raises(InvalidTransition):
        jobs.cancel(job, by=person)
    assert AuditEvent.objects.filter(verb="cancel_retry", actor_id=person.pk).count() == 1


def test_a_chunk_of_a_job_that_is_cancelled_meanwhile_is_undone(monkeypatch):
    job, _ = started()
    real = runner.record_members

    def cancelled(members, why):
        real(members, why)
        BulkJob.objects.filter(pk=job.pk).update(status="cancelled")

    monkeypatch.setattr(runner, "record_members", cancelled)
    jobs.run(job.pk)
    assert Lead.objects.filter(enrichment_status="pending").count() == 0
    assert not AuditEvent.objects.filter(verb="retry").exists()


def test_a_fault_of_ours_ends_the_job_with_a_sentence(monkeypatch):
    job, _ = started()

    def broken(members, why):
        raise RuntimeError("bug")

    monkeypatch.setattr(runner, "record_members", broken)
    jobs.run(job.pk)
    job.refresh_from_db()
    assert job.status == "failed"
    assert job.error.startswith("Stopped by an internal error after row 0")
    assert Lead.objects.filter(enrichment_status="failed").count() == 3


def test_the_result_counts_what_became_of_the_rows():
    job, leads = started(3)
    jobs.run_due()
    Lead.objects.filter(pk=leads[0].pk).update(enrichment_status="completed", dispatch_after=None)
    Lead.objects.filter(pk=leads[1].pk).update(
        enrichment_status="failed", error_kind="delay", needs_person=True, dispatch_after=None
    )
    counts = counts_of([job])[job.pk]
    assert (counts.recovered, counts.failed, counts.under_way, counts.other) == (1, 1, 1, 0)


@pytest.mark.parametrize("system", ["ghl", "instantly"])
def test_failed_deliveries_are_planned_once_more(system, person):
    lead, stranger = EnrichedLeadFactory(), EnrichedLeadFactory()
    message = f"{system} send: 502"
    failed = handover(lead, system=system, error_kind="delay", error_message=message, tries=3)
    blocked = handover(stranger, system=system, error_kind="delay", error_message=message)
    gate.suppress(Identity(stranger.linkedin_url), reason="objection")
    cause = Cause(system, "delay", "", message)
    plan = failure_retry.plan_for_cause(cause)
    assert (plan.count, plan.cost, dict(plan.left_out)) == (1, 0, {redeliver.SUPPRESSED: 1})
    job = retry_job.start_retry(cause, by=person)
    jobs.run_due()
    failed.refresh_from_db()
    blocked.refresh_from_db()
    assert (failed.status, failed.tries, failed.error_kind, failed.finished_at) == ("planned", 0, "", None)
    assert blocked.status == "failed"
    assert Handover.objects.count() == 2, "the other system is not bothered"
    assert counts_of([job])[job.pk].under_way == 1
    assert AuditEvent.objects.filter(verb="deliver_again", object_id=str(lead.pk)).count() == 1


def test_webhooks_are_read_once_more():
    delivery = WebhookDelivery.objects.create(
        body=b"{}", body_hash="a", status="failed", error_kind="internal_error", tries=3
    )
    retry_job.start_retry(Cause("webhook", "internal_error", "", ""), by=None)
    jobs.run_due()
    delivery.refresh_from_db()
    assert (delivery.status, delivery.tries, delivery.error_kind) == ("received", 0, "")


def test_write_backs_are_due_once_more(settings):
    lead = stuck_write_back(settings)
    retry_job.start_retry(Cause("write_back", "delay", "", "clay update_rows: 502"), by=None)
    jobs.run_due()
    lead.refresh_from_db()
    assert lead.write_back_tries == 0
    assert lead.write_back_after is not None
