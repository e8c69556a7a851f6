"""A retry where Clay enriches whatever it is sent: what is offered, said and refused, on every screen that retries."""

import datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from enrichment.failures.causes import Cause
from enrichment.failures.failure_retry import plan_for_cause
from enrichment.failures.sources import SOURCES
from enrichment.leads import actions
from enrichment.leads.resubmission import NO_CHOICE, is_resubmission
from enrichment.leads.retry_plan import plan_retry
from enrichment.models import Attempt, Lead, ProviderService, WaterfallVersion
from enrichment.pipeline.failure_advice import advice_of
from swarm_admin.access.models import User
from swarm_admin.core.errors import ActionNotAllowed
from tests.factories import EnrichedLeadFactory, FailedLeadFactory

pytestmark = pytest.mark.django_db
NOTE = "Submits each lead again: a new row in Clay, and all providers are called again."


@pytest.fixture
def person() -> User:
    return User.objects.create_user("staff@example.com")


def test_a_retry_is_a_resubmission_only_where_nothing_can_be_triggered(settings: Any) -> None:
    kinds = {}
    for name in ("rows-api", "table", "routine"):
        settings.CLAY_CONNECTOR = name
        kinds[name] = is_resubmission()
    assert kinds == {"rows-api": False, "table": True, "routine": True}


def test_providers_to_leave_out_are_refused_and_nothing_is_retried(person: User, table_connector: None) -> None:
    lead = FailedLeadFactory()
    with pytest.raises(ActionNotAllowed, match="can't leave out providers"):
        actions.retry_leads([lead], by=person, skip_providers=["apollo"])
    lead.refresh_from_db()
    assert (lead.enrichment_status, lead.dispatch_after) == ("failed", None)
    actions.retry_leads([lead], by=person)
    lead.refresh_from_db()
    assert lead.dispatch_after is not None


def test_the_plan_says_what_is_bought_and_what_it_is_called(settings: Any, table_connector: None) -> None:
    ProviderService.objects.update(cost="0.01")
    plan = plan_retry([FailedLeadFactory(), FailedLeadFactory()])
    assert plan.note.startswith(f"{NOTE} At most ${plan.price.amount:.2f} a lead, charged")
    settings.CLAY_CONNECTOR = "routine"
    assert "a new run in Clay" in plan_retry([FailedLeadFactory()]).note
    settings.CLAY_CONNECTOR = "rows-api"
    assert plan_retry([FailedLeadFactory()]).note == ""


def test_a_price_that_is_no_bound_is_not_called_one(table_connector: None) -> None:
    ProviderService.objects.update(cost=None)
    assert "$0.00 at known prices a lead" in plan_retry([FailedLeadFactory()]).note


def test_a_lead_that_is_submitted_is_not_given_up_for_having_taken_long(settings: Any) -> None:
    since = timezone.now() - datetime.timedelta(days=2)
    lead = EnrichedLeadFactory(enrichment_status="in_progress", in_progress_since=since)
    Attempt.objects.create(lead=lead, waterfall=WaterfallVersion.active(), status="running")
    assert actions.sort_for_retry([lead]).ready == [lead]
    settings.CLAY_CONNECTOR = "table"
    selection = actions.sort_for_retry([lead])
    assert (selection.ready, dict(selection.left_out)) == ([], {actions.RUNNING: 1})


# ---------------------------------------------------------------- screens


def test_the_leads_page_offers_no_choice_of_providers(sales_client: Client, table_connector: None) -> None:
    lead = FailedLeadFactory()
    page = sales_client.get(f"/leads/{lead.pk}/").content.decode()
    assert NOTE.replace("each lead", "the lead") in page
    assert "Submit again" in page
    assert 'name="without"' not in page
    assert "with or without that provider" not in page


def test_the_leads_page_offers_it_where_clay_takes_it(sales_client: Client) -> None:
    page = sales_client.get(f"/leads/{FailedLeadFactory().pk}/").content.decode()
    assert 'name="without"' in page
    assert "with or without that provider" in page
    assert "Submit again" not in page


def test_a_form_kept_from_before_is_answered_with_the_reason(sales_client: Client, table_connector: None) -> None:
    lead = FailedLeadFactory()
    answer = sales_client.post(f"/leads/{lead.pk}/retry/", {"without": "apollo"}, follow=True)
    assert NO_CHOICE.replace("'", "&#x27;") in answer.content.decode()
    answer = sales_client.post(f"/leads/{lead.pk}/retry/", follow=True)
    assert "Submitting the lead again." in answer.content.decode()


def test_the_plan_of_many_says_it(sales_client: Client, table_connector: None) -> None:
    ids = [FailedLeadFactory().pk, FailedLeadFactory().pk]
    page = sales_client.post("/leads/retry/", {"id": ids}).content.decode()
    assert NOTE in page
    assert ">Submit again</button>" in page


def test_the_plan_of_a_cause_says_it(sales_client: Client, table_connector: None) -> None:
    FailedLeadFactory()
    cause = Cause("enrichment", "delay", "apollo", "502 apollo failed")
    assert plan_for_cause(cause).note.startswith(NOTE)
    page = sales_client.get(f"/failures/{cause.key}/retry/").content.decode()
    assert NOTE in page
    assert ">Submit again</button>" in page


# ---------------------------------------------------------------- failures


def test_advice_does_not_promise_the_next_provider(settings: Any) -> None:
    assert "Retrying with the next provider" in advice_of("next_provider")
    settings.CLAY_CONNECTOR = "table"
    assert "Submit the lead again" in advice_of("next_provider")
    assert advice_of("no_such_kind") == ""


def test_write_backs_that_were_given_up_fail_nobody_where_there_are_none(settings: Any) -> None:
    Lead.objects.filter(pk=EnrichedLeadFactory().pk).update(write_back_tries=settings.MAX_ATTEMPTS + 1)
    assert SOURCES["write_back"].members().count() == 1
    settings.CLAY_CONNECTOR = "table"
    assert SOURCES["write_back"].members().count() == 0


def test_failures_stand_without_write_backs(sales_client: Client, settings: Any, table_connector: None) -> None:
    Lead.objects.filter(pk=EnrichedLeadFactory().pk).update(write_back_tries=settings.MAX_ATTEMPTS + 1)
    FailedLeadFactory()
    page = sales_client.get("/failures/").content.decode()
    assert "Write-back" not in page
    assert "1 failure from 1 cause" in page
