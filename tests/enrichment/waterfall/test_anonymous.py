"""What is left of a person's purchases when the person is deleted: money and counts, and nothing that leads back."""

import datetime
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from enrichment.models import Attempt, Batch, BatchItem, BulkJob, FieldFact, Lead, TakenOver, WaterfallVersion
from enrichment.models.job import JobKind
from enrichment.overview import figures as overview
from enrichment.pilots import pilot_result
from enrichment.waterfall import provider_stats, spending
from enrichment.waterfall.prices import costs_seen
from enrichment.waterfall.provider_stats import Segment
from gdpr import stores
from gdpr.retention import retention
from gdpr.stores import Record
from tests.factories import EnrichedLeadFactory, LeadFactory

pytestmark = pytest.mark.django_db
AT = datetime.datetime(2026, 3, 5, 14, 37, 11, tzinfo=datetime.UTC)
MIDNIGHT = datetime.datetime(2026, 3, 5, tzinfo=datetime.UTC)


def attempt(lead, **values):
    given = {
        "waterfall": WaterfallVersion.active(), "status": "succeeded", "started_at": AT, "finished_at": AT,
        "triggered_at": AT, "cost": Decimal("0.13"), "source_type": lead.source_type, "error_message": "of Ada Example",
        "providers": [
            {"name": "apollo", "fields": ["email_work"], "timestamp": AT.isoformat(), "cost": "0.1000"},
            {"name": "hunter", "fields": [], "timestamp": AT.isoformat(), "cost": "0.0300"},
        ],
    }  # fmt: skip
    return Attempt.objects.create(lead=lead, **(given | values))


def erase(lead):
    stores.get_store("mirror").erase(Record("mirror", f"lead:{lead.pk}"))


def test_nothing_that_is_left_leads_back_to_the_person():
    lead = EnrichedLeadFactory(clay_row_id="row_of_ada")
    batch = Batch.objects.create(kind="trigger", table_id="tbl")
    BatchItem.objects.create(batch=batch, lead=lead, position=0, status="done")
    first, second = attempt(lead, batch=batch), attempt(lead, provider="apollo", error_kind="delay")
    FieldFact.objects.create(lead=lead, field="email_work", provider="apollo", observed_at=AT, attempt=first)
    TakenOver.objects.create(lead=lead, waterfall="company", saved=Decimal("0.07"), taken_at=AT)
    keys = {first.pk, second.pk}
    erase(lead)
    one, other = Attempt.objects.all()
    for left in (one, other):
        assert left.pk < 0
        assert left.pk not in keys
        assert (left.lead_id, left.batch_id, left.triggered_at, left.poll_after) == (None, None, None, None)
        assert (left.error_kind, left.error_message, left.provider) == ("", "", "")
        assert (left.in_flight_since, left.held_by, left.lapses, left.set_aside_at) == (None, "", 0, None)
        assert (left.started_at, left.finished_at) == (MIDNIGHT, MIDNIGHT)
        assert {call["timestamp"] for call in left.providers} == {MIDNIGHT.isoformat()}
        assert (left.cost, left.tier, left.source_type) == (Decimal("0.13"), 1, "competitor_follower")
        assert (left.deleted_lead.version, left.deleted_lead == one.deleted_lead) == (4, True)
    [taken] = TakenOver.objects.all()
    assert (taken.lead_id, taken.taken_at, taken.saved) == (None, MIDNIGHT, Decimal("0.07"))
    assert not BatchItem.objects.exists()
    assert not FieldFact.objects.exists()


def test_every_column_of_what_is_left_was_decided_about():
    """A new column of an attempt is either kept on purpose or empty: this list says which."""
    kept = {
        "id", "deleted_lead", "tier", "waterfall", "skip_providers", "only_providers", "deferred_providers", "without",
        "answered", "source_type", "started_by", "reserved", "providers", "status", "started_at", "finished_at", "cost",
    }  # fmt: skip
    emptied = {
        "lead",
        "batch",
        "poll_after",
        "polls",
        "triggered_at",
        "error_kind",
        "error_message",
        "provider",
        "in_flight_since",
        "held_by",
        "lapses",
        "set_aside_at",
        "provider_slots",
        "reference",  # its hash stays, with the day
        "source",
        "run",
        "overdue_at",
    }
    assert {field.name for field in Attempt._meta.concrete_fields} == kept | emptied


def test_words_of_others_do_not_stay():
    """Names of providers and fields come from Clay's messages: whatever is not one of ours could be anything."""
    lead = LeadFactory()
    calls = [{"name": "ada example", "fields": ["ada@example.com", "phone"], "timestamp": "", "cost": "0.02"}]
    attempt(lead, providers=calls)
    lead.delete()
    [call] = Attempt.objects.get().providers
    assert (call["name"], call["fields"], call["cost"]) == ("other", ["other", "phone"], "0.02")


@pytest.mark.parametrize("status", ["intended", "running"])
def test_a_budget_does_not_grow_because_somebody_was_forgotten(status):
    lead = LeadFactory()
    attempt(lead, status=status, cost=0, providers=[], finished_at=None, reserved=Decimal("0.40"))
    attempt(LeadFactory(), finished_at=timezone.now(), cost=Decimal("0.20"))
    before = spending.committed_spend()
    erase(lead)
    after = spending.committed_spend()
    [source] = before
    assert before[source].day + before[source].reserved == after[source].day + after[source].reserved
    assert before[source].month + before[source].reserved == after[source].month + after[source].reserved
    assert Attempt.objects.get(lead=None).status == "abandoned"


@pytest.mark.parametrize("way", ["erasure", "retention", "row", "rows"])
def test_it_stays_in_whatever_way_the_lead_is_deleted(way):
    lead = LeadFactory()
    attempt(lead, finished_at=timezone.now())
    before = spending.committed_spend()
    if way == "erasure":
        erase(lead)
    elif way == "retention":
        Lead.objects.filter(pk=lead.pk).update(retention_until=AT)
        retention.queue_expired()
        retention.run_due()
    elif way == "row":
        lead.delete()
    else:
        Lead.objects.all().delete()
    assert not Lead.objects.exists()
    assert spending.committed_spend() == before


def test_the_database_refuses_an_attempt_that_lost_its_lead_and_is_not_anonymous():
    lead = LeadFactory()
    attempt(lead)
    with pytest.raises(IntegrityError), transaction.atomic():
        Attempt.objects.update(lead=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        connection.cursor().execute("SET CONSTRAINTS ALL IMMEDIATE; DELETE FROM enrichment_lead")


def test_what_was_learned_about_providers_stays():
    for country in ("Berlin, Germany", "Lyon, France"):
        attempt(EnrichedLeadFactory(company_location=country, company_size=80))
    before, prices = {segment: provider_stats.read_stats(segment) for segment in Segment}, costs_seen()
    erase(Lead.objects.first())
    for segment, seen in before.items():
        left = provider_stats.read_stats(segment)
        assert left.attempts == seen.attempts == 2
        for kind, slug in (("email", "apollo"), ("email", "hunter")):
            assert left.of(kind, slug) == seen.of(kind, slug)
    assert provider_stats.read_stats(Segment.COUNTRY).sizes == {"France": 1, provider_stats.UNKNOWN: 1}
    assert costs_seen() == prices


def test_what_a_pilot_measured_stays():
    version = WaterfallVersion.active()
    forecast = {"cost": 0.1, "coverage": {}}
    job = BulkJob.objects.create(
        kind=JobKind.PILOT, plan={"version": version.pk, "forecast": {"draft": forecast, "live": forecast}}
    )
    for _ in range(2):
        lead = LeadFactory()
        attempt(lead)
        attempt(lead)
    before = pilot_result.pilot_result(job)
    assert (before.leads, before.cost) == (2, pytest.approx(0.52))
    Lead.objects.all().delete()
    assert pilot_result.pilot_result(job) == before


def test_the_throughput_counts_leads_and_none_that_is_gone():
    now = timezone.now()
    lead, gone = LeadFactory(), LeadFactory()
    for _ in range(2):
        attempt(lead, finished_at=now)
        attempt(gone, finished_at=now)
    for system in ("ghl", "instantly"):
        lead.handovers.create(system=system, status="done", finished_at=now)
    gone.delete()
    cache.clear()
    found = overview.throughput("day")
    assert (sum(found["received"]), sum(found["enriched"]), sum(found["delivered"])) == (1, 1, 1)


@pytest.mark.django_db(transaction=True)
def test_the_migration_adds_and_rewrites_nothing():
    """Beside running processes, whatever the table's size: no new file for the table, and no row changed."""

    def file_and_versions():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_relation_filenode('enrichment_attempt')")
            node = cursor.fetchone()
            cursor.execute("SELECT id, xmin::text FROM enrichment_attempt ORDER BY id")
            return node, cursor.fetchall()

    executor = MigrationExecutor(connection)
    newest = executor.loader.graph.leaf_nodes("enrichment")
    attempt(LeadFactory())
    try:
        executor.migrate([("enrichment", "0016_lead_views")])
        before = file_and_versions()
        MigrationExecutor(connection).migrate(newest)
        assert file_and_versions() == before
    finally:
        MigrationExecutor(connection).migrate(newest)
