"""Failures are grouped by cause, from everything that can fail, and none is hidden."""

import datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from enrichment.failures import groups as failures
from enrichment.failures.causes import Cause
from enrichment.failures.sources import members_of
from enrichment.models import Batch, BatchItem, FailureIgnore, Handover, Lead, WebhookDelivery
from enrichment.models.shape import Shape
from enrichment.vendors.errors import ADVICE, Recovery
from gdpr.models import AuditEvent
from tests.factories import EnrichedLeadFactory, FailedLeadFactory, LeadFactory

pytestmark = pytest.mark.django_db


def found():
    return {(g.cause.what, g.cause.kind, g.cause.provider, g.cause.shape): g.count for g in failures.all_groups()}


@pytest.mark.parametrize(
    ("message", "shape"),
    [
        ("clay create_rows: 400 row 17 has no [value]", "clay create_rows: 400 row # has no #"),
        ("clay create_rows: 422 row 400 is bad", "clay create_rows: 422 row # is bad"),
        ("504 apollo timed out after 30s", "504 apollo timed out after #"),
        ("1234567 not found", "# not found"),
        ("clay enrich: no answer timeout", "clay enrich: no answer timeout"),
        ("row r_12ab-9. gone", "row #. gone"),
        ("", ""),
    ],
)
def test_a_message_loses_its_details_and_keeps_its_status(message, shape):
    lead = LeadFactory(error_message=message)
    assert Lead.objects.annotate(shape=Shape("error_message")).get(pk=lead.pk).shape == shape


def test_leads_are_grouped_by_kind_provider_and_shape():
    FailedLeadFactory(error_message="502 apollo failed for row 1")
    FailedLeadFactory(error_message="502 apollo failed for row 22")
    FailedLeadFactory(error_message="502 apollo failed for row 3", error_provider="hunter")
    FailedLeadFactory(error_kind="set_aside", error_message="400 no company", error_provider="")
    assert found() == {
        ("enrichment", "delay", "apollo", "502 apollo failed for row #"): 2,
        ("enrichment", "delay", "hunter", "502 apollo failed for row #"): 1,
        ("enrichment", "set_aside", "", "400 no company"): 1,
    }


@pytest.mark.parametrize("status", ["completed", "partial"])
def test_an_error_is_shown_though_an_email_was_found(status):
    EnrichedLeadFactory(enrichment_status=status, error_kind="delay", error_message="502")
    assert list(found().values()) == [1]


def test_a_marked_lead_is_shown_whatever_its_status():
    LeadFactory(needs_person=True, error_kind="set_aside", dispatch_after=None)
    assert list(found().values()) == [1]


@pytest.mark.parametrize(
    "values",
    [
        {"enrichment_status": "pending", "error_kind": "delay"},
        {"enrichment_status": "in_progress", "error_kind": "next_provider"},
        {"enrichment_status": "unenrichable", "error_kind": "unenrichable"},
        {"enrichment_status": "failed", "error_kind": "suppressed"},
        {"enrichment_status": "completed", "error_kind": ""},
    ],
)
def test_what_settles_itself_is_not_shown(values):
    LeadFactory(**values)
    assert found() == {}


def test_a_group_knows_count_time_trend_and_cost():
    now = timezone.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    times = [hour, hour - datetime.timedelta(hours=2), hour - datetime.timedelta(days=3)]
    for at in times:
        FailedLeadFactory(error_at=at, enrichment_cost="0.0500")
    (group,) = failures.all_groups()
    assert (group.count, group.since, group.last, group.cost) == (3, times[2], times[0], Decimal("0.1500"))
    assert (group.trend[-1], group.trend[-3], group.today) == (1, 1, 2)
    assert (group.cause.retryable, group.cause.advice) == ("now", ADVICE[Recovery.DELAY])


def handover(lead, **values):
    return Handover.objects.create(
        lead=lead, **{"system": "ghl", "status": "failed", "finished_at": timezone.now(), **values}
    )


def test_what_a_lead_cost_counts_once_however_often_it_failed():
    """In one group (two messages of Clay about it) and over all of them (a delivery failed, too)."""
    lead = FailedLeadFactory(enrichment_cost=Decimal("0.30"))
    for _ in range(2):
        WebhookDelivery.objects.create(
            lead=lead,
            status="failed",
            error_kind="set_aside",
            error_message="500",
            processed_at=timezone.now(),
        )
    Handover.objects.create(lead=lead, system="ghl", status="failed", error_kind="delay", finished_at=timezone.now())
    FailedLeadFactory(enrichment_cost=Decimal("0.05"), error_message="other")
    ignored = FailedLeadFactory(enrichment_cost=Decimal("7"), error_message="ignored outage")
    cause = Cause("enrichment", ignored.error_kind, ignored.error_provider, "ignored outage")
    failures.ignore_group(cause, reason="known outage", by=None)
    webhooks = next(group for group in failures.all_groups() if group.cause.what == "webhook")
    assert (webhooks.count, webhooks.cost) == (2, Decimal("0.30"))
    assert failures.spent_on() == Decimal("0.35")


def test_a_failed_delivery_is_shown_until_a_later_one_overtakes_it():
    lead = EnrichedLeadFactory()
    handover(lead, error_kind="set_aside", error_message="ghl upsert_contact: 400 bad [value]")
    handover(lead, system="instantly", error_kind="gone", error_message="instantly add_lead: 404")
    assert set(found()) == {
        ("ghl", "set_aside", "", "ghl upsert_contact: 400 bad #"),
        ("instantly", "gone", "", "instantly add_lead: 404"),
    }
    handover(lead, status="done")
    failures.forget_groups()
    assert set(found()) == {("instantly", "gone", "", "instantly add_lead: 404")}


def test_a_webhook_that_could_not_be_read_is_shown():
    WebhookDelivery.objects.create(
        body=b"{}", body_hash="a", status="failed", error_kind="internal_error", processed_at=timezone.now()
    )
    (group,) = failures.all_groups()
    assert (group.cause.what, group.cause.kind, group.cost) == ("webhook", "internal_error", 0)
    assert "Internal error" in group.cause.advice


def stuck_write_back(settings, **item):
    lead = EnrichedLeadFactory(write_back_tries=settings.MAX_ATTEMPTS + 1)
    batch = Batch.objects.create(kind="update", table_id="t", status="failed", finished_at=timezone.now())
    values = {"status": "again", "error_kind": "delay", "error_message": "clay update_rows: 502", **item}
    BatchItem.objects.create(batch=batch, lead=lead, position=0, **values)
    return lead


def test_a_write_back_given_up_is_shown_with_the_reason_of_its_last_batch(settings):
    stuck_write_back(settings)
    assert found() == {("write_back", "delay", "", "clay update_rows: 502"): 1}


def test_a_write_back_on_its_way_again_is_not_shown(settings):
    stuck_write_back(settings, status="planned", error_kind="", error_message="")
    assert found() == {}


def test_members_are_those_of_the_cause_newest_first():
    old = FailedLeadFactory(error_at=timezone.now() - datetime.timedelta(hours=1))
    new = FailedLeadFactory()
    FailedLeadFactory(error_provider="hunter")
    cause = Cause("enrichment", "delay", "apollo", "502 apollo failed")
    assert [row.pk for row in members_of(cause)] == [new.pk, old.pk]
    group = failures.find_group(cause.key)
    assert group.count == 2
    assert failures.find_group("0" * 20) is None


def test_members_are_found_by_the_index_of_failures():
    cause = Cause("enrichment", "delay", "apollo", "502 apollo failed")
    sql, params = members_of(cause).values("pk").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {sql}", params)
        told = "\n".join(row[0] for row in cursor.fetchall())
    assert "lead_failing" in told
    assert "regexp_replace" in told.split("Index Cond")[1].split("\n")[0]


@pytest.mark.parametrize("kind", [*Recovery, "no_answer", "internal_error", "", "never heard of"])
def test_every_kind_has_an_advice_and_an_answer_about_retrying(kind):
    cause = Cause("enrichment", kind, "", "")
    assert cause.advice.endswith(".")
    assert (cause.retryable == "no") == bool(cause.why_no_retry)


def test_an_ignored_group_leaves_and_comes_back_with_new_members(sales_client):
    FailedLeadFactory()
    (group,) = failures.all_groups()
    failures.ignore_group(group.cause, reason="known outage of apollo", by=None)
    (group,) = failures.all_groups()
    assert group.ignored
    assert AuditEvent.objects.filter(verb="ignore_failures", reason="known outage of apollo").count() == 1
    FailedLeadFactory(error_at=timezone.now() + datetime.timedelta(seconds=1))
    failures.forget_groups()
    (group,) = failures.all_groups()
    assert not group.ignored
    assert group.ignore.reason == "known outage of apollo"


def test_ignoring_needs_a_reason_and_leaves_no_trace_without_its_audit_event(monkeypatch):
    cause = Cause("enrichment", "delay", "apollo", "")
    with pytest.raises(ValueError, match="Enter a reason for ignoring it"):
        failures.ignore_group(cause, reason="  no ", by=None)

    def broken(*args, **kwargs):
        raise RuntimeError("no ledger")

    monkeypatch.setattr("enrichment.failures.groups.audit.record", broken)
    with pytest.raises(RuntimeError):
        failures.ignore_group(cause, reason="known outage", by=None)
    assert not FailureIgnore.objects.exists()
