"""Every kind of long work has its words and its page."""

import pytest

from enrichment.jobs import jobs, retry_handlers
from enrichment.jobs.job_kinds import KINDS, kind_of
from enrichment.models import BulkJob, Handover, Lead
from enrichment.models.job import JobKind
from swarm_admin.core.errors import ActionNotAllowed
from tests.factories import EnrichedLeadFactory, FailedLeadFactory

pytestmark = pytest.mark.django_db


def test_every_kind_is_registered():
    assert set(KINDS) == set(JobKind)


@pytest.mark.parametrize("kind", JobKind)
def test_a_kind_without_a_page_of_its_own_says_what_its_page_holds(kind):
    found = KINDS[kind]
    assert (found.show is None) == (found.page != "job")
    assert found.icon
    assert found.no_stop.endswith(".")


def test_nothing_chosen_is_no_job():
    with pytest.raises(ActionNotAllowed, match="Nothing is left"):
        jobs.start(JobKind.RETRY_LEADS, [], what=retry_handlers.LEADS, plan={"count": 0}, by=None)
    assert not BulkJob.objects.exists()


def test_chosen_leads_are_tried_again_and_the_result_is_told():
    fine, gone = FailedLeadFactory(), FailedLeadFactory()
    plan = {"count": 2, "cost": "0.30", "cost_label": "Maximum cost"}
    rows = [(fine.pk, fine.pk), (gone.pk, gone.pk)]
    job = jobs.start(JobKind.RETRY_LEADS, rows, what=retry_handlers.LEADS, plan=plan, by=None)
    Lead.objects.filter(pk=gone.pk).delete()
    jobs.run_due()
    job.refresh_from_db()
    assert (job.status, job.accepted, job.rejected) == ("done", 1, 1)
    shown = kind_of(job).show(job)
    assert {figure.label: figure.value for figure in shown.figures} == {
        "Queued again": 1,
        "In progress": 1,
        "Recovered": 0,
        "Failed again": 0,
        "Skipped": 1,
        "Not started": 0,
    }
    assert shown.facts == {"Rows": "2 of 2", "Maximum cost": "$0.30"}
    assert shown.left_out == {"The lead no longer exists.": 1}
    assert shown.unsettled
    assert kind_of(job).about(job) == "2 leads selected in the list"


def test_chosen_deliveries_are_planned_again_whatever_the_system():
    ready = [
        Handover.objects.create(lead=EnrichedLeadFactory(), system=system, status=status)
        for system, status in (("ghl", "failed"), ("instantly", "withheld"))
    ]
    done = Handover.objects.create(lead=EnrichedLeadFactory(), system="ghl", status="done")
    rows = [(each.pk, each.lead_id) for each in (*ready, done)]
    job = jobs.start(JobKind.RETRY_DELIVERIES, rows, what=retry_handlers.DELIVERIES, plan={"count": 3}, by=None)
    jobs.run_due()
    job.refresh_from_db()
    assert (job.status, job.accepted, job.rejected) == ("done", 2, 1)
    assert set(Handover.objects.filter(status="planned")) == set(ready)
    assert "failed or withheld" in next(iter(jobs.left_out(job)))
