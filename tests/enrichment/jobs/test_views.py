"""The Jobs screen: long work with its progress, and the batches to Clay with their items."""

import pytest
from django.urls import reverse

from enrichment.failures import retry_job
from enrichment.failures.causes import Cause
from enrichment.jobs import jobs
from enrichment.models import Batch, BatchItem, BulkJob
from tests.factories import FailedLeadFactory, ImportJobFactory, LeadFactory

pytestmark = pytest.mark.django_db

CAUSE = Cause("enrichment", "delay", "apollo", "502 apollo failed")
HTMX = {"HX-Request": "true"}


@pytest.fixture
def retry():
    FailedLeadFactory.create_batch(2)
    return retry_job.start_retry(CAUSE, by=None)


@pytest.fixture
def batch():
    batch = Batch.objects.create(kind="trigger", table_id="t", status="unknown", error_message="clay enrich: timeout")
    lead = LeadFactory(first_name="Greta", last_name="Hopper")
    BatchItem.objects.create(batch=batch, lead=lead, position=0, status="set_aside", error_message="400 refused")
    BatchItem.objects.create(batch=batch, lead=LeadFactory(), position=1, status="done")
    return batch


def addresses(retry, batch):
    return [
        reverse("jobs"),
        reverse("job", args=[retry.pk]),
        reverse("batches"),
        reverse("batch", args=[batch.pk]),
    ]


def test_who_may_look(retry, batch, client, nobody_client, sales_client, compliance_client, admin_client):
    for url in addresses(retry, batch):
        assert client.get(url).status_code == 302
        assert nobody_client.get(url).status_code == 403
        for each in (sales_client, compliance_client, admin_client):
            assert each.get(url).status_code == 200
            part = each.get(url, headers=HTMX).content.decode()
            assert "<html" not in part
            assert "hx-get" in part, "the live part goes on asking"


def test_who_may_cancel(retry, client, nobody_client, compliance_client, sales_client):
    url = reverse("job_cancel", args=[retry.pk])
    assert client.post(url).status_code == 302
    assert {each.post(url).status_code for each in (nobody_client, compliance_client)} == {403}
    assert sales_client.get(url).status_code == 405
    retry.refresh_from_db()
    assert retry.status == "queued"
    page = compliance_client.get(reverse("job", args=[retry.pk])).content.decode()
    assert "have permission to manage retries." in page
    sales_client.post(url)
    retry.refresh_from_db()
    assert retry.status == "cancelled"
    again = sales_client.post(url, follow=True).content.decode()
    assert "This job has already finished." in again


def test_the_list_names_what_runs_and_how_much_is_left(retry, sales_client):
    page = sales_client.get(reverse("jobs")).content.decode()
    assert "1 job queued,</strong> 2 rows left." in page
    assert "Enrichment: failed three times, Apollo" in page
    assert reverse("job", args=[retry.pk]) in page


def test_an_import_opens_for_those_who_may_import(sales_client, compliance_client):
    job = ImportJobFactory(columns={"a": "linkedin_url"})
    url = reverse("job", args=[job.pk])
    assert url in sales_client.get(reverse("jobs")).content.decode()
    assert sales_client.get(url).url == reverse("import_job", args=[job.pk])
    listed = compliance_client.get(reverse("jobs")).content.decode()
    assert f"Import {job.pk}" in listed
    assert f'href="{url}"' not in listed


def test_jobs_can_be_narrowed(retry, sales_client):
    ImportJobFactory()
    page = sales_client.get(reverse("jobs"), {"kind": "retry", "status": "queued"}).content.decode()
    assert f"Bulk retry {retry.pk}" in page
    assert "Import of leads" not in page
    assert "No jobs match" in sales_client.get(reverse("jobs"), {"status": "failed"}).content.decode()


def test_a_result_page_stops_polling_when_all_has_settled(retry, sales_client):
    url = reverse("job", args=[retry.pk])
    assert "hx-get" in sales_client.get(url, headers=HTMX).content.decode()
    jobs.run_due()
    under_way = sales_client.get(url, headers=HTMX).content.decode()
    assert "2 of 2 are still in progress" in under_way
    assert "hx-get" in under_way
    for member in retry.members.select_related("lead"):
        member.lead.enrichment_status = "completed"
        member.lead.save(update_fields=["enrichment_status"])
    settled = sales_client.get(url, headers=HTMX).content.decode()
    assert "All 2 rows recovered." in settled
    assert "hx-get" not in settled


def test_batches_show_their_items_by_state(batch, sales_client):
    page = sales_client.get(reverse("batches"), {"kind": "trigger", "status": "unknown"}).content.decode()
    assert reverse("batch", args=[batch.pk]) in page
    assert "Set aside" in page
    assert "No batches match" in sales_client.get(reverse("batches"), {"kind": "rows"}).content.decode()


@pytest.mark.parametrize(
    ("items", "label", "colour"),
    [
        (["done", "done"], "Done", "grey"),
        (["done", "set_aside"], "Finished: 1 of 2 set aside", "amber"),
        (["set_aside", "set_aside"], "Finished: all set aside", "red"),
    ],
)
def test_a_batch_ends_as_its_items_do(sales_client, items, label, colour):
    batch = Batch.objects.create(kind="trigger", table_id="t", status="done")
    for position, status in enumerate(items):
        BatchItem.objects.create(batch=batch, lead=LeadFactory(), position=position, status=status)
    for url in (reverse("batches"), reverse("batch", args=[batch.pk])):
        page = sales_client.get(url).content.decode()
        assert label in page
        assert f'<span class="st st-{colour}" ' in page


def test_items_are_links_to_leads_masked_by_right(batch, sales_client, admin_client):
    url = reverse("batch", args=[batch.pk])
    page = sales_client.get(url).content.decode()
    assert "Greta Hopper" in page
    assert "400 refused" in page
    assert "We check Clay before sending again" in page
    assert "Greta" not in admin_client.get(url).content.decode()


def test_what_is_not_there_is_not_found(sales_client):
    assert sales_client.get(reverse("job", args=[1])).status_code == 404
    assert sales_client.get(reverse("batch", args=[1])).status_code == 404
    assert not BulkJob.objects.exists()
