"""Retry and delivery by staff: who is taken, who is left out, and nothing without its audit event."""

import datetime
from typing import Any

import pytest
from django.db import DatabaseError
from django.utils import timezone

from enrichment.leads import actions
from enrichment.models import Attempt, Batch, BatchItem, Handover, Lead, ServiceHold, WaterfallVersion
from enrichment.pipeline.deliver import redeliver
from gdpr import audit
from gdpr.models import AuditEvent
from gdpr.suppression import gate
from swarm_admin.access.models import User
from swarm_admin.core.errors import ActionNotAllowed
from tests.factories import EnrichedLeadFactory, LeadFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> User:
    return User.objects.create_user("staff@example.com")


def failed(**values: Any) -> Lead:
    return LeadFactory(
        enrichment_status="failed",
        error_kind="provider_timeout",
        error_message="504",
        needs_person=True,
        dispatch_after=None,
        **values,
    )


def running(lead: Lead, since: datetime.datetime) -> Attempt:
    Lead.objects.filter(pk=lead.pk).update(enrichment_status="in_progress", in_progress_since=since)
    lead.refresh_from_db()
    return Attempt.objects.create(lead=lead, waterfall=WaterfallVersion.active(), status="running")


def test_a_retried_lead_is_due_before_others_with_its_error_cleared(person: User) -> None:
    lead = failed(dispatch_tries=3)
    actions.retry_leads([lead], by=person, skip_providers=["hunter", "apollo"])
    lead.refresh_from_db()
    assert lead.enrichment_status == "pending"
    assert lead.dispatch_after is not None
    assert (lead.dispatch_priority, lead.dispatch_tries) == (20, 0)
    assert lead.skip_providers == ["apollo", "hunter"]
    assert (lead.error_kind, lead.error_message, lead.needs_person) == ("", "", False)
    event = AuditEvent.objects.get(verb="retry")
    assert (event.actor_id, event.object_id, event.reason) == (
        person.pk,
        str(lead.pk),
        "without apollo, hunter",
    )


def test_a_failing_audit_insert_changes_nothing(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    lead, delivered = failed(), EnrichedLeadFactory()

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise DatabaseError

    monkeypatch.setattr(audit, "record", refuse)
    with pytest.raises(DatabaseError):
        actions.retry_leads([lead], by=person)
    with pytest.raises(DatabaseError):
        redeliver.retry_delivery(delivered, by=person)
    lead.refresh_from_db()
    assert (lead.enrichment_status, lead.needs_person, lead.dispatch_after) == ("failed", True, None)
    assert not Handover.objects.exists()


def test_who_is_under_way_is_left_out_with_the_reason(person: User) -> None:
    ready, at_work, batched, waiting = failed(), failed(), failed(), LeadFactory()
    running(at_work, timezone.now())
    batch = Batch.objects.create(kind="trigger", table_id="tbl")
    BatchItem.objects.create(batch=batch, lead=batched, position=0)
    found = actions.retry_leads([ready, at_work, batched, waiting], by=person)
    assert [lead.pk for lead in found.ready] == [ready.pk]
    assert found.left_out == {actions.RUNNING: 1, actions.QUEUED: 2}


def test_an_overdue_attempt_is_given_up_and_retried(person: User) -> None:
    lead = failed()
    attempt = running(lead, timezone.now() - datetime.timedelta(days=1))
    actions.retry_leads([lead], by=person)
    attempt.refresh_from_db()
    assert attempt.status == "abandoned"


def test_a_suppressed_person_is_neither_retried_nor_delivered(person: User) -> None:
    lead = EnrichedLeadFactory()
    gate.suppress(lead.identity, reason="erasure")
    with pytest.raises(ActionNotAllowed, match="suppressed"):
        actions.check_can_retry(lead)
    with pytest.raises(ActionNotAllowed, match="suppressed"):
        redeliver.retry_delivery(lead, by=person)


def test_nothing_is_retried_while_clay_is_paused(person: User) -> None:
    ServiceHold.objects.create(system="clay", reason="credits", message="402")
    with pytest.raises(ActionNotAllowed, match="Clay is paused: credits exhausted"):
        actions.retry_leads([failed()], by=person)


def test_delivery_again_is_planned_though_nothing_changed_and_only_once(person: User) -> None:
    lead = EnrichedLeadFactory()
    planned = redeliver.retry_delivery(lead, by=person)
    assert {handover.system for handover in planned} == {"ghl", "instantly"}
    with pytest.raises(ActionNotAllowed, match="already in progress"):
        redeliver.retry_delivery(lead, by=person)
    assert AuditEvent.objects.filter(verb="deliver_again", object_id=str(lead.pk)).count() == 1


def test_a_lead_without_any_address_cannot_be_delivered(person: User) -> None:
    with pytest.raises(ActionNotAllowed, match="has no e-mail or phone number"):
        redeliver.retry_delivery(LeadFactory(), by=person)
