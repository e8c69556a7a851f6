"""A claim of deliveries is read together: as many statements as for one, and one bad row is alone in its trouble."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from enrichment.models import Handover, Lead, WebhookDelivery, version
from enrichment.pipeline.mirror import applying
from enrichment.pipeline.mirror import applying as mirror_applying
from enrichment.pipeline.receive import reading, storing, triage
from enrichment.vendors.clay.wire import ClayRow
from gdpr.identity import Identity
from gdpr.suppression import gate
from tests.factories import EnrichedLeadFactory, LeadFactory


def in_clay(pipeline, count, prefix="claimed"):
    """Leads whose rows Clay has, each with a delivery that waits."""
    leads = [pipeline.lead(f"{prefix}-{number}", dispatch_after=None) for number in range(count)]
    rows = [{"linkedin_url": lead.linkedin_url, "email_work": f"a{lead.pk}@acme.example"} for lead in leads]
    made = pipeline.sandbox.clay.post("/tables/tbl_test/rows", json={"rows": rows}).json()["rows"]
    for lead, row in zip(leads, made, strict=True):
        Lead.objects.filter(pk=lead.pk).update(clay_row_id=row["id"], clay_table_id="tbl_test")
        news = {"event": "row.enriched", "row_id": row["id"], "timestamp": timezone.now().isoformat()}
        storing.store(json.dumps({**news, "data": {}}).encode(), {})
    return leads


def row(lead, **values):
    document = {"id": f"row_of_{lead.pk}", "linkedin_url": lead.linkedin_url, **values}
    return ClayRow.read(document)


def statements(work):
    with CaptureQueriesContext(
        connection,
    ) as seen:
        work()
    return len(seen)


def test_a_claim_takes_as_many_statements_as_one_delivery(pipeline, monkeypatch):
    monkeypatch.setattr(version, "ACTIVE_SECONDS", 3600.0)
    counted = []
    for count in (1, 2, 12):  # the first finds out what is kept from then on
        in_clay(pipeline, count, f"part{count}")
        deliveries = reading.claim()
        counted.append(statements(lambda: reading.process(deliveries)))  # noqa: B023
    assert counted[1] == counted[2] < 40
    assert set(WebhookDelivery.objects.values_list("verdict", flat=True)) == {"accepted"}
    assert Lead.objects.exclude(email_work="").count() == Handover.objects.filter(system="ghl").count() == 15


def test_only_columns_that_change_are_written(db):
    leads = [LeadFactory(title="VP of Sales") for _ in range(2)]
    with CaptureQueriesContext(connection) as seen:
        mirror_applying.apply_all(
            [
                mirror_applying.RowUpdate(lead.pk, row(lead, email_work="a@acme.example"), timezone.now())
                for lead in leads
            ]
        )
    [update] = [q["sql"] for q in seen if q["sql"].startswith('UPDATE "enrichment_lead"')]
    assert '"email_work" = given' in update
    assert '"title" = given' not in update


def test_what_two_deliveries_tell_of_one_lead_is_applied_in_their_order(pipeline):
    [lead] = in_clay(pipeline, 1)
    lead.refresh_from_db()
    later = {"event": "row.enriched", "row_id": lead.clay_row_id, "timestamp": timezone.now().isoformat()}
    earlier = {**later, "timestamp": "2020-01-01T00:00:00Z"}
    for body in (later, earlier):
        storing.store(json.dumps({**body, "data": {}}).encode(), {})
    reading.run_due()
    verdicts = WebhookDelivery.objects.order_by("id").values_list("verdict", flat=True)
    assert list(verdicts) == ["accepted", "unchanged", "stale"]


def test_a_poison_row_is_named_and_the_others_are_applied(pipeline, monkeypatch, caplog):
    leads = in_clay(pipeline, 4)
    real = applying.read_changes

    def poisoned(lead, row, listed=(), troubles=None):
        if lead.pk == leads[1].pk:
            raise RuntimeError("words with a person in them")
        return real(lead, row, listed, troubles)

    monkeypatch.setattr(applying, "read_changes", poisoned)
    reading.run_due()
    told = WebhookDelivery.objects.order_by("id").values_list("status", "error_kind")
    assert list(told) == [
        ("processed", ""),
        ("failed", "internal_error"),
        ("processed", ""),
        ("processed", ""),
    ]
    assert Lead.objects.exclude(email_work="").count() == 3
    assert "person in them" not in caplog.text


def test_a_claim_whose_lease_lapsed_leaves_the_last_word_to_the_next(pipeline, settings):
    in_clay(pipeline, 3)
    slow = reading.claim()
    settings.LEASE_SECONDS = 0
    quick = reading.claim()
    assert (len(slow), len(quick)) == (3, 1)  # what lapsed together is taken one by one
    reading.process(slow)
    assert set(WebhookDelivery.objects.values_list("status", flat=True)) == {"processing", "received"}
    settings.LEASE_SECONDS = 300
    reading.process(quick)
    reading.run_due()
    assert set(WebhookDelivery.objects.values_list("status", flat=True)) == {"processed"}
    assert Handover.objects.filter(system="ghl").count() == 3


def test_both_the_address_we_know_and_the_one_of_the_row_are_screened(db):
    lead = EnrichedLeadFactory(email_personal="one@home.example")
    other = row(lead, email_personal="two@home.example")
    assert not triage.is_suppressed(lead, other)
    gate.suppress(Identity(emails=("one@home.example",)), reason="erasure")
    assert triage.is_suppressed(lead, other)
    another = EnrichedLeadFactory()
    gate.suppress(Identity(emails=("four@home.example",)), reason="erasure")
    assert triage.is_suppressed(another, row(another, email_personal="four@home.example"))


def test_a_number_alone_suppresses_nobody_who_has_a_profile(db):
    """A switchboard's number is many people's (D28)."""
    lead = EnrichedLeadFactory(phone="+14155550001")
    gate.suppress(Identity(phone="+14155550001"), reason="erasure")
    assert not triage.is_suppressed(lead, row(lead, phone="+14155550001"))


def test_a_lead_that_is_gone_is_an_error_and_changes_nothing(db):
    lead = LeadFactory()
    gone = mirror_applying.RowUpdate(lead.pk + 1, row(lead), timezone.now())
    there = mirror_applying.RowUpdate(lead.pk, row(lead, title="CEO"), timezone.now())
    with pytest.raises(Lead.DoesNotExist):
        mirror_applying.apply_all([there, gone])
    lead.refresh_from_db()
    assert lead.title == ""
