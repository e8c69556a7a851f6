"""Leads whose result did not come: what a person does about one, and about all of them."""

import datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from enrichment.failures import groups
from enrichment.models import Attempt, Lead, WaterfallVersion
from enrichment.monitoring import watch
from gdpr.models import AuditEvent
from tests.factories import LeadFactory

PAST = timezone.now() - datetime.timedelta(hours=2)


def overdue_lead(**values: Any) -> Lead:
    lead = LeadFactory(
        enrichment_status="in_progress",
        in_progress_since=PAST,
        dispatch_after=None,
        needs_person=True,
        error_kind="no_callback",
        error_message="No result came back from Clay in time.",
        error_at=PAST,
        **values,
    )
    Attempt.objects.create(
        lead=lead,
        waterfall=WaterfallVersion.active(),
        status="running",
        reference=f"ref-{lead.pk}",
        overdue_at=PAST,
        source_type=lead.source_type,
    )
    return lead


@pytest.fixture
def two(db: None) -> list[Lead]:
    return [overdue_lead(), overdue_lead()]


def key() -> str:
    [group] = groups.all_groups()
    return group.cause.key


def test_the_group_says_what_can_be_done_and_does_it_for_all(two: list[Lead], admin_client: Client):
    page = admin_client.get(f"/failures/{key()}/").content.decode()
    assert "no result came back" in page
    assert "Wait longer" in page
    assert "Give up" in page
    answer = admin_client.post(f"/failures/{key()}/late-results/", {"action": "wait"}, follow=True)
    assert "Waiting longer for 2 leads." in answer.content.decode()
    assert not Lead.objects.failing().exists()
    assert not Attempt.objects.filter(overdue_at__isnull=False).exists()
    assert AuditEvent.objects.filter(verb="wait_for_result").count() == 2


def test_to_give_up_ends_them_and_nothing_is_left_to_do(two: list[Lead], admin_client: Client):
    admin_client.post(f"/failures/{key()}/late-results/", {"action": "give_up"})
    assert set(Lead.objects.values_list("enrichment_status", "error_kind")) == {("failed", "gave_up")}
    assert set(Attempt.objects.values_list("status", flat=True)) == {"failed"}
    assert not Lead.objects.failing().exists()


def test_anything_else_is_refused(two: list[Lead], admin_client: Client):
    assert admin_client.post(f"/failures/{key()}/late-results/", {"action": "sing"}).status_code == 404
    assert admin_client.post("/failures/nothing/late-results/", {"action": "wait"}).status_code == 302


def test_the_leads_page_has_the_ways_out(two: list[Lead], admin_client: Client):
    lead = two[0]
    page = admin_client.get(f"/leads/{lead.pk}/").content.decode()
    assert "Wait longer" in page
    assert "Give up" in page
    answer = admin_client.post(f"/leads/{lead.pk}/late-result/", {"action": "wait"}, follow=True).content.decode()
    assert "Waiting longer." in answer
    again = admin_client.post(f"/leads/{lead.pk}/late-result/", {"action": "give_up"}, follow=True).content.decode()
    assert "None of these leads is overdue any more." in again


def test_somebody_without_the_right_sees_no_way_out(two: list[Lead], compliance_client: Client):
    page = compliance_client.get(f"/leads/{two[0].pk}/").content.decode()
    assert "Wait longer" not in page
    assert compliance_client.post(f"/leads/{two[0].pk}/late-result/", {"action": "wait"}).status_code == 403


def test_an_alert_says_how_many_wait(two: list[Lead]):
    assert watch.overdue().startswith("2 leads have had no result from Clay in time.")
