"""The Failures screen: groups for everybody who works here, actions for those who may retry."""

import pytest
from django.urls import reverse

from enrichment.failures import groups as failures
from enrichment.failures import retry_job
from enrichment.failures.causes import Cause
from enrichment.models import BulkJob, FailureIgnore, Lead
from tests.enrichment.failures.test_failures import handover
from tests.factories import EnrichedLeadFactory, FailedLeadFactory

pytestmark = pytest.mark.django_db

CAUSE = Cause("enrichment", "delay", "apollo", "502 apollo failed")
PAGE = reverse("failures")
GROUP = reverse("failure", args=[CAUSE.key])
PLAN = reverse("failure_retry", args=[CAUSE.key])
RUN = reverse("failure_retry_run", args=[CAUSE.key])
IGNORE = reverse("failure_ignore", args=[CAUSE.key])


@pytest.mark.parametrize("url", [PAGE, GROUP])
def test_who_may_look(url, client, nobody_client, sales_client, compliance_client, admin_client):
    FailedLeadFactory()
    assert client.get(url).status_code == 302
    assert nobody_client.get(url).status_code == 403
    assert {each.get(url).status_code for each in (sales_client, compliance_client, admin_client)} == {200}


@pytest.mark.parametrize("url", [RUN, IGNORE])
def test_who_may_act(url, client, nobody_client, compliance_client, sales_client):
    FailedLeadFactory()
    assert client.post(url).status_code == 302
    assert {each.post(url).status_code for each in (nobody_client, compliance_client)} == {403}
    assert sales_client.get(url).status_code == 405
    assert not BulkJob.objects.exists()
    assert not FailureIgnore.objects.exists()


def test_each_cause_stands_with_count_advice_and_cost(sales_client):
    for _ in range(3):
        FailedLeadFactory(enrichment_cost="0.5000")
    page = sales_client.get(PAGE).content.decode()
    assert "3 failures from 1 cause need attention." in page
    assert "Enrichment: failed three times" in page
    assert "Retrying after a delay" in page
    assert "$1.50" in page
    assert GROUP in page


def test_a_list_that_is_cut_says_so(sales_client, monkeypatch):
    monkeypatch.setattr(failures, "MOST_GROUPS", 2)
    for provider in ("apollo", "hunter", "pdl"):
        FailedLeadFactory(error_provider=provider)
    page = sales_client.get(PAGE).content.decode()
    assert "Only the 2 largest causes" in page


def test_nothing_broken_says_so(sales_client):
    assert "Nothing needs attention." in sales_client.get(PAGE).content.decode()


def test_the_live_part_is_the_element_itself(sales_client):
    FailedLeadFactory()
    for url, element in ((PAGE, '<div id="failures" hx-get'), (GROUP, '<div id="failure" hx-get')):
        part = sales_client.get(url, headers={"HX-Request": "true"}).content.decode()
        assert element in part
        assert "<html" not in part


def test_an_empty_group_says_so_and_polls_no_more(sales_client):
    part = sales_client.get(GROUP, headers={"HX-Request": "true"}).content.decode()
    assert "This group is empty" in part
    assert "hx-get" not in part
    assert sales_client.get(GROUP).status_code == 200
    assert sales_client.get(PLAN).url == PAGE


def test_members_are_links_and_masked_by_right(sales_client, admin_client):
    lead = FailedLeadFactory(first_name="Greta", last_name="Hopper")
    seen, masked = sales_client.get(GROUP).content.decode(), admin_client.get(GROUP).content.decode()
    assert reverse("lead", args=[lead.pk]) in seen
    assert "Greta Hopper" in seen
    assert "Greta" not in masked
    assert "G. H." in masked


def test_a_group_of_deliveries_names_their_leads(sales_client):
    lead = EnrichedLeadFactory(first_name="Greta", last_name="Hopper")
    handover(lead, error_kind="set_aside", error_message="ghl upsert_contact: 400")
    cause = Cause("ghl", "set_aside", "", "ghl upsert_contact: 400")
    page = sales_client.get(reverse("failure", args=[cause.key])).content.decode()
    assert "Greta Hopper" in page
    assert "Correct the record, then retry." in page


def test_a_button_that_cannot_be_used_says_why(compliance_client, sales_client):
    FailedLeadFactory()
    assert "have permission to retry." in compliance_client.get(GROUP).content.decode()
    job = retry_job.start_retry(CAUSE, by=None)
    assert f"Job {job.pk} is already retrying these." in sales_client.get(GROUP).content.decode()


def test_the_plan_comes_before_the_job(sales_client):
    FailedLeadFactory()
    plan = sales_client.get(PLAN).content.decode()
    assert "1 lead" in plan
    assert RUN in plan
    assert Lead.objects.get().enrichment_status == "failed"
    answer = sales_client.post(RUN)
    job = BulkJob.objects.get()
    assert answer.url == reverse("job", args=[job.pk])
    assert job.created_by.email == "sales@example.com"


def test_ignoring_takes_the_group_away_and_the_other_list_keeps_it(sales_client):
    FailedLeadFactory()
    sales_client.post(IGNORE, {"reason": "known outage of apollo"})
    assert GROUP not in sales_client.get(PAGE).content.decode()
    assert "known outage of apollo" in sales_client.get(f"{PAGE}?ignored=1").content.decode()
    kept = FailureIgnore.objects.get()
    sales_client.post(reverse("failure_show_again", args=[kept.pk]))
    assert GROUP in sales_client.get(PAGE).content.decode()


def test_ignoring_without_a_reason_is_refused_with_a_sentence(sales_client):
    FailedLeadFactory()
    page = sales_client.post(IGNORE, {"reason": " "}, follow=True).content.decode()
    assert "Enter a reason for ignoring it" in page
    assert not FailureIgnore.objects.exists()


def test_the_screen_takes_a_few_queries_however_many_failed(sales_client, django_assert_max_num_queries):
    FailedLeadFactory.create_batch(60)
    with django_assert_max_num_queries(35):
        sales_client.get(GROUP)
    failures.forget_groups()
    with django_assert_max_num_queries(30):
        sales_client.get(PAGE)
