"""Clay refuses everybody; a person tries all of it again, and the group is empty."""

from django.urls import reverse

from enrichment.failures import groups as failures
from enrichment.jobs import jobs
from enrichment.jobs.job_outcome import outcome
from enrichment.jobs.rows import counts_of
from enrichment.leads.actions import retry_leads
from enrichment.models import BulkJob, Lead


def test_what_is_refused_becomes_a_group_and_one_retry_mends_it(pipeline, sales_client):
    leads = [pipeline.lead(f"broken-{number}", dispatch_priority=10) for number in range(4)]
    pipeline.sandbox.fault("clay", "400", call="enrich")
    pipeline.settle()
    failed = Lead.objects.failing()
    assert set(failed.values_list("pk", flat=True)) == {lead.pk for lead in leads}
    (group,) = failures.all_groups()
    assert (group.cause.what, group.cause.provider, group.count) == ("enrichment", "", 4)
    page = sales_client.get(reverse("failures")).content.decode()
    assert "4 failures from 1 cause" in page

    pipeline.sandbox.no_faults()
    plan = sales_client.get(reverse("failure_retry", args=[group.cause.key])).content.decode()
    assert "4 leads" in plan
    sales_client.post(reverse("failure_retry_run", args=[group.cause.key]))
    job = BulkJob.objects.get()
    jobs.run_due()
    pipeline.settle()

    job.refresh_from_db()
    counts = counts_of([job])[job.pk]
    assert (job.status, counts.recovered, counts.failed, counts.under_way) == ("done", 4, 0, 0)
    assert outcome(job).label == "Done"
    assert not Lead.objects.failing().exists()
    failures.forget_groups()
    assert failures.all_groups() == []
    assert "Nothing needs attention." in sales_client.get(reverse("failures")).content.decode()
    assert len(pipeline.sandbox.state("ghl")["contacts"]) == 4


def test_a_retry_that_failed_says_so_after_a_later_one_has_succeeded(pipeline, sales_client):
    pipeline.lead("refused-twice")
    pipeline.sandbox.fault("clay", "400", call="enrich")
    pipeline.settle()
    for faulty in (True, False):
        if not faulty:
            pipeline.sandbox.no_faults()
        failures.forget_groups()
        (group,) = failures.all_groups()
        sales_client.post(reverse("failure_retry_run", args=[group.cause.key]))
        jobs.run_due()
        pipeline.settle()
    first, second = BulkJob.objects.order_by("pk")
    for job, label in ((first, "Finished: 1 of 1 failed again"), (second, "Done")):
        assert outcome(job).label == label
        assert label in sales_client.get(reverse("job", args=[job.pk])).content.decode()


def test_an_enriched_lead_whose_retry_is_refused_is_not_left_pending(pipeline):
    """It keeps what was found and its status, and its error is shown (D3)."""
    lead = pipeline.lead("refused-later")
    pipeline.settle()
    lead.refresh_from_db()
    assert lead.enrichment_status == "completed"
    retry_leads([lead], by=None)
    pipeline.sandbox.fault("clay", "400", call="enrich", times=1)
    pipeline.settle()
    lead.refresh_from_db()
    assert (lead.enrichment_status, lead.error_kind, lead.needs_person) == ("completed", "set_aside", True)
    (group,) = failures.all_groups()
    assert (group.cause.kind, group.count) == ("set_aside", 1)
