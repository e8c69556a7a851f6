"""How a job ended follows its results: the rows as they are now, and as they were once the last had ended."""

import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from enrichment.deliveries.retry_job import DELIVERIES
from enrichment.jobs import jobs
from enrichment.jobs.job_outcome import outcome, outcomes
from enrichment.jobs.job_progress import time_left
from enrichment.jobs.outcomes import Counts
from enrichment.jobs.rows import counts_of, store_final_counts
from enrichment.leads.retry_job import LEADS
from enrichment.models import BulkJob, Handover, JobMember, Lead, ServiceHold
from enrichment.models.job import JobKind
from tests.factories import EnrichedLeadFactory, FailedLeadFactory, ImportJobFactory, LeadFactory

pytestmark = pytest.mark.django_db
FAILED = {"enrichment_status": "failed", "error_kind": "delay", "needs_person": True, "dispatch_after": None}
FOUND = {"enrichment_status": "completed", "dispatch_after": None}
NOBODY = {"enrichment_status": "unenrichable", "dispatch_after": None}


def retried(*ends):
    """A retry that has run, each of whose leads has ended so; {} is still in progress."""
    leads = FailedLeadFactory.create_batch(len(ends))
    rows = [(lead.pk, lead.pk) for lead in leads]
    plan = {"count": len(rows)}
    job = jobs.start(JobKind.RETRY_LEADS, rows, plan={"what": LEADS, **plan}, by=None)
    jobs.run_due()
    for lead, end in zip(leads, ends, strict=True):
        Lead.objects.filter(pk=lead.pk).update(**({"updated_at": timezone.now()} | end))
    job.refresh_from_db()
    assert job.status == "done"
    return job


@pytest.mark.parametrize(
    ("ends", "label", "colour"),
    [
        ([FAILED] * 5, "Finished: 5 of 5 failed again", "red"),
        ([FAILED, FOUND, FOUND], "Finished: 1 of 3 failed again", "amber"),
        ([FOUND, FOUND], "Done", "green"),
        ([{}, FOUND], "Queued again", "blue"),
        ([{}, FAILED], "Queued again", "amber"),
        ([NOBODY, FOUND], "Finished: 1 of 2 ended without a result", "amber"),
    ],
)
def test_a_retry_ends_as_its_rows_do_wherever_it_is_shown(sales_client, ends, label, colour):
    job = retried(*ends)
    told = outcome(job)
    assert (told.label, told.colour) == (label, colour)
    badge = f'<span class="st st-{colour}" '
    for page in (reverse("jobs"), reverse("job", args=[job.pk])):
        text = sales_client.get(page).content.decode()
        assert label in text
        assert badge in text
        if colour != "green":
            assert ">Done<" not in text.replace("</i>", ">")


def test_the_result_of_a_finished_job_stays(sales_client):
    """Its rows are tried again by a later job, and recover: that is the later job's result."""
    job = retried(FAILED, FAILED)
    leads = list(Lead.objects.order_by("pk"))
    jobs.start(JobKind.RETRY_LEADS, [(lead.pk, lead.pk) for lead in leads], plan={"what": LEADS, "count": 2}, by=None)
    jobs.run_due()
    later = BulkJob.objects.latest("pk")
    assert outcome(later).label == "Queued again"
    Lead.objects.update(**FOUND)
    leads[0].delete()
    jobs.run_due()
    Lead.objects.update(**FAILED)
    for page in (reverse("jobs"), reverse("job", args=[job.pk])):
        assert "Finished: 2 of 2 failed again" in sales_client.get(page).content.decode()
    job.refresh_from_db()
    later.refresh_from_db()
    assert counts_of([job])[job.pk] == Counts(started=2, failed=2)
    assert counts_of([later])[later.pk] == Counts(started=2, recovered=1)
    assert outcomes([job, later])[later.pk].label == "Finished: 1 of 2 ended without a result"


def test_a_result_is_not_kept_before_the_last_row_has_ended():
    job = retried({}, FAILED)
    assert store_final_counts() == 0
    Lead.objects.filter(dispatch_after__isnull=False).update(**FOUND)
    assert store_final_counts() == 1
    assert store_final_counts() == 0
    job.refresh_from_db()
    assert counts_of([job])[job.pk] == Counts(started=2, failed=1, recovered=1)


def test_the_result_of_a_pilot_stays():
    lead = FailedLeadFactory()
    job = BulkJob.objects.create(kind=JobKind.PILOT, status="done", total=1, position=1, plan={})
    JobMember.objects.create(job=job, position=0, subject=lead.pk, lead=lead)
    jobs.run_due()
    Lead.objects.update(**{"updated_at": timezone.now()} | FOUND)
    job.refresh_from_db()
    assert outcome(job).label == "Finished: 1 of 1 failed"


def test_what_is_left_out_is_no_success():
    lead = FailedLeadFactory()
    job = jobs.start(JobKind.RETRY_LEADS, [(lead.pk, lead.pk)], plan={"what": LEADS, "count": 1}, by=None)
    Lead.objects.filter(pk=lead.pk).update(dispatch_after=timezone.now())
    jobs.run_due()
    job.refresh_from_db()
    assert (outcome(job).label, outcome(job).colour) == ("Nothing to do", "grey")


def test_the_news_of_a_success_fades():
    job = retried(FOUND)
    BulkJob.objects.filter(pk=job.pk).update(finished_at=timezone.now() - datetime.timedelta(hours=2))
    job.refresh_from_db()
    assert (outcome(job).label, outcome(job).colour) == ("Done", "grey")


def test_a_lead_that_is_gone_is_not_called_recovered():
    job = retried(FOUND, FOUND)
    Lead.objects.filter(pk=job.members.first().subject).delete()
    counts = counts_of([job])[job.pk]
    assert (counts.recovered, counts.other) == (1, 1)


def test_a_withheld_delivery_is_not_called_recovered():
    sent, kept = (Handover.objects.create(lead=EnrichedLeadFactory(), system="ghl", status="failed") for _ in range(2))
    rows = [(each.pk, each.lead_id) for each in (sent, kept)]
    job = jobs.start(JobKind.RETRY_DELIVERIES, rows, plan={"what": DELIVERIES, "count": 2}, by=None)
    jobs.run_due()
    Handover.objects.filter(pk=sent.pk).update(status="done")
    Handover.objects.filter(pk=kept.pk).update(status="withheld")
    job.refresh_from_db()
    assert outcome(job).label == "Finished: 1 of 2 failed again"


@pytest.mark.parametrize(
    ("figures", "label", "colour"),
    [
        ({"total": 4, "accepted": 4}, "Done", "green"),
        ({"total": 4, "accepted": 3, "rejected": 1}, "Finished: 1 of 4 rejected", "amber"),
        ({"total": 4, "rejected": 4}, "Finished: 4 of 4 rejected", "red"),
        ({"total": 4, "known": 4}, "Finished: nothing new", "grey"),
        ({"total": 0}, "Nothing to do", "grey"),
    ],
)
def test_an_import_ends_as_its_rows_do(sales_client, figures, label, colour):
    job = ImportJobFactory(
        status="done",
        columns={"a": "linkedin_url"},
        finished_at=timezone.now(),
        position=figures["total"],
        **figures,
    )
    assert (outcome(job).label, outcome(job).colour) == (label, colour)
    for page in (reverse("jobs"), reverse("import"), reverse("import_job", args=[job.pk])):
        assert label in sales_client.get(page).content.decode()


def test_a_pilot_whose_leads_all_failed_says_so():
    leads = FailedLeadFactory.create_batch(3)
    job = BulkJob.objects.create(kind=JobKind.PILOT, status="done", total=3, position=3, plan={})
    JobMember.objects.bulk_create(
        JobMember(job=job, position=n, subject=lead.pk, lead=lead) for n, lead in enumerate(leads)
    )
    assert outcome(job).label == "Finished: 3 of 3 failed"


@pytest.mark.parametrize(
    ("status", "label", "colour"),
    [
        ("queued", "Queued", "grey"),
        ("running", "Running", "blue"),
        ("failed", "Stopped", "red"),
        ("cancelled", "Cancelled", "grey"),
    ],
)
@pytest.mark.parametrize("kind", JobKind.values)
def test_before_the_end_every_kind_says_how_it_stands(kind, status, label, colour):
    job = BulkJob.objects.create(
        kind=kind, status=status, total=3, plan={"what": "leads", "version": 2}, columns={"a": "b"}
    )
    assert (outcome(job).label, outcome(job).colour) == (label, colour)


def test_a_page_of_jobs_takes_as_many_queries_as_one(django_assert_num_queries):
    few = [retried(FOUND)]
    many = [*few, retried(FAILED), retried({})]
    with django_assert_num_queries(4):
        counts_of(few)
    with django_assert_num_queries(4):
        told = outcomes(many)
    assert [told[job.pk].label for job in many] == ["Done", "Finished: 1 of 1 failed again", "Queued again"]


def test_a_paused_vendor_leaves_no_time_to_tell():
    job = retried({})
    BulkJob.objects.filter(pk=job.pk).update(status="running")
    job.refresh_from_db()
    ServiceHold.objects.create(system="clay", reason="pause_until_reset", message="quota exhausted")
    assert time_left(job).words.startswith("Clay is paused: quota exhausted. No estimate")


def test_a_job_that_does_not_move_is_not_said_to_end(monkeypatch):
    job = ImportJobFactory(status="running", total=1_000, position=100, started_at=timezone.now())
    now = [1_000.0]
    monkeypatch.setattr("enrichment.jobs.job_progress.time.time", lambda: now[0])
    assert time_left(job).words == "No estimate yet."
    now[0], job.position = 1_010.0, 200
    assert time_left(job).words == "About 80 s left."
    now[0] = 1_060.0
    still = time_left(job)
    assert still.stalled
    assert still.words.startswith("No progress for 50 s.")


def test_time_left_counts_what_waits_before_it(settings):
    settings.CLOCK_SPEED, settings.CLAY_TRIGGERS_PER_MINUTE, settings.CLAY_TABLE_ID = 1.0, 1, "tbl_test"
    LeadFactory.create_batch(3, clay_row_id=None, dispatch_priority=20)
    leads = FailedLeadFactory.create_batch(3)
    rows = [(lead.pk, lead.pk) for lead in leads]
    job = jobs.start(JobKind.RETRY_LEADS, rows, plan={"what": LEADS, "count": 3}, by=None)
    BulkJob.objects.filter(pk=job.pk).update(status="running")
    job.refresh_from_db()
    assert time_left(job).words.startswith("About 2 min left.")
