"""Vendors that fail, answer nonsense or do not answer: nothing is lost, nothing is done twice."""

import json

import pytest
from django.utils import timezone

from enrichment.leases import claim, hand_back_lapsed
from enrichment.models import Attempt, Batch, Handover, Lead, ServiceHold, WebhookDelivery
from enrichment.models.work import BatchKind
from enrichment.pipeline import crash_recovery
from enrichment.pipeline.dispatch import rows
from enrichment.pipeline.dispatch.batch import create_batch
from enrichment.pipeline.mirror import applying
from enrichment.pipeline.receive import reading, storing, triage
from enrichment.states import BatchStatus
from enrichment.vendor_pauses import pauses
from gdpr.identity import Identity
from gdpr.models import Suppression
from gdpr.suppression import gate


def clay_rows(pipeline):
    return pipeline.sandbox.state("clay")["tables"]["tbl_test"]


def contacts(pipeline):
    return pipeline.sandbox.state("ghl")["contacts"]


def delivered_once(pipeline, count):
    assert len(clay_rows(pipeline)) == count
    assert len({row["linkedin_url"] for row in clay_rows(pipeline)}) == count
    assert len(contacts(pipeline)) == count
    assert pipeline.sandbox.stats()["instantly"]["duplicates_by_email"] == 0


@pytest.mark.parametrize("kind", ["reset_after_effect", "reset_before_effect", "html", "502", "429"])
def test_row_creation_that_fails_makes_each_row_once(pipeline, kind):
    for number in range(3):
        pipeline.lead(f"rows-{kind}-{number}")
    pipeline.sandbox.fault("clay", kind, call="rows.create", times=1)
    pipeline.settle()
    delivered_once(pipeline, 3)


@pytest.mark.parametrize("kind", ["reset_after_effect", "reset_before_effect", "504", "429_no_retry_after"])
def test_a_trigger_that_fails_is_paid_once(pipeline, kind):
    pipeline.lead(f"trigger-{kind}")
    pipeline.sandbox.fault("clay", kind, call="enrich", times=1)
    pipeline.settle()
    assert Attempt.objects.filter(status="succeeded").count() == 1
    assert pipeline.sandbox.stats()["clay"]["enriched"] == 1
    delivered_once(pipeline, 1)


@pytest.mark.parametrize("kind", ["reset_after_effect", "422_list", "502", "nonsense_json", "empty_body"])
def test_an_upsert_that_fails_makes_one_contact(pipeline, kind):
    pipeline.lead(f"upsert-{kind}")
    pipeline.sandbox.fault("ghl", kind, call="contacts.upsert", times=1)
    pipeline.settle()
    delivered_once(pipeline, 1)
    assert Handover.objects.get(system="ghl").status == "done"


@pytest.mark.parametrize("kind", ["reset_after_effect", "502", "html"])
def test_a_campaign_entry_that_fails_is_made_once(pipeline, kind):
    pipeline.lead("johndoe")
    pipeline.sandbox.fault("instantly", kind, call="leads.create", times=1)
    pipeline.settle()
    assert len(pipeline.sandbox.state("instantly")["leads"]) == 1
    assert Lead.objects.get().instantly_lead_id


def test_a_row_clay_names_is_set_aside_and_the_others_go_on(pipeline):
    fine = [pipeline.lead(f"fine-{number}") for number in range(3)]
    bad = pipeline.lead("refused")
    Lead.objects.filter(pk=bad.pk).update(linkedin_url="https://example.com/not-a-person")
    pipeline.settle()
    bad.refresh_from_db()
    assert (bad.enrichment_status, bad.needs_person, bad.error_kind) == ("failed", True, "set_aside")
    assert all(Lead.objects.get(pk=lead.pk).ghl_contact_id for lead in fine)


def test_a_refusal_that_names_no_row_is_narrowed_by_halving(pipeline):
    for number in range(4):
        pipeline.lead(f"halved-{number}")
    pipeline.sandbox.fault("clay", "400", call="rows.create", times=4)  # the whole, both halves, one row
    pipeline.settle()
    assert Lead.objects.filter(error_kind="set_aside").count() == 1
    assert len(contacts(pipeline)) == 3


def test_a_provider_that_times_out_is_skipped_in_the_next_attempt(pipeline):
    pipeline.sandbox.fault("clay", "provider_timeout", provider="apollo", times=1)
    lead = pipeline.lead("timeout")
    pipeline.settle()
    first, second = lead.attempts.order_by("id")
    assert (first.status, first.provider, first.error_kind) == ("failed", "apollo", "next_provider")
    assert (second.status, second.skip_providers) == ("succeeded", ["apollo"])
    assert second.waterfall.number == 1


def test_a_refused_key_holds_the_vendor_and_loses_nothing(pipeline):
    pipeline.lead("held")
    pipeline.sandbox.fault("clay", "401", call="*")
    pipeline.until(lambda: ServiceHold.objects.exists())
    calls = pipeline.sandbox.stats()["clay"]["requests"]
    for _ in range(3):
        pipeline.step()
    assert pipeline.sandbox.stats()["clay"]["requests"] == calls
    pipeline.sandbox.no_faults()
    pauses.end_pause(ServiceHold.objects.get())
    pipeline.settle()
    delivered_once(pipeline, 1)


def test_a_quota_holds_until_it_resets(pipeline):
    pipeline.lead("quota")
    pipeline.sandbox.fault("clay", "403_quota", call="enrich", times=1)
    pipeline.until(lambda: ServiceHold.objects.exists())
    ServiceHold.objects.update(until=timezone.now())
    pipeline.settle()
    delivered_once(pipeline, 1)


def test_a_lost_webhook_is_polled_for(pipeline):
    pipeline.sandbox.fault("clay", "drop_webhook", times=1)
    pipeline.lead("lost")
    pipeline.settle()
    assert Attempt.objects.get().polls == 1
    delivered_once(pipeline, 1)


def test_a_doubled_webhook_changes_nothing(pipeline):
    pipeline.sandbox.fault("clay", "double_webhook", times=1)
    pipeline.lead("double")
    pipeline.settle()
    pipeline.until(lambda: WebhookDelivery.objects.filter(status="processed").count() == 2)
    assert sorted(WebhookDelivery.objects.values_list("verdict", flat=True)) == ["accepted", "duplicate"]
    delivered_once(pipeline, 1)


def test_a_worker_killed_before_its_call_is_found_out(pipeline, settings):
    pipeline.lead("killed-before")
    create_batch(BatchKind.ROWS, list(Lead.objects.all()), table="tbl_test")
    claim(Batch.objects.all(), BatchStatus, 1, stage="rows")  # and the worker is gone
    settings.LEASE_SECONDS = 0
    assert hand_back_lapsed(Batch, BatchStatus, crash_recovery.give_up_lost) == 1
    settings.LEASE_SECONDS = 120
    pipeline.settle()
    delivered_once(pipeline, 1)


def test_a_worker_killed_after_its_call_makes_no_second_row(pipeline, settings, monkeypatch):
    pipeline.lead("killed-after")
    create_batch(BatchKind.ROWS, list(Lead.objects.all()), table="tbl_test")

    def killed(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(rows, "record_all", killed)
    with pytest.raises(KeyboardInterrupt):
        rows.run_due()
    monkeypatch.undo()
    assert len(clay_rows(pipeline)) == 1
    settings.LEASE_SECONDS = 0
    hand_back_lapsed(Batch, BatchStatus, crash_recovery.give_up_lost)
    settings.LEASE_SECONDS = 120
    pipeline.settle()
    delivered_once(pipeline, 1)


def test_a_row_is_found_by_export_where_clay_has_no_search(pipeline):
    pipeline.sandbox.config(row_search="off404")
    pipeline.lead("no-search")
    pipeline.sandbox.fault("clay", "reset_after_effect", call="rows.create", times=1)
    pipeline.settle()
    delivered_once(pipeline, 1)


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (b"", "malformed"),
        (b"{", "malformed"),
        (b"[]", "malformed"),
        (b'{"event": "row.enriched"}', "malformed"),
        (b"[" * 100_000, "malformed"),
        (b'{"event":"row.enriched","row_id":"r","timestamp":"no time","data":{}}', "unknown_row"),
        (b'{"event":"row.enriched","row_id":"r","timestamp":"0001-01-01T00:00:00+14:00"}', "unknown_row"),
        (b'{"event":"row.enriched","row_id":"r","timestamp":"9999-12-31T23:59:59-14:00"}', "unknown_row"),
        (b'{"event":"row.\\ud800","row_id":"r","timestamp":"2026-01-15T10:10:00Z"}', "malformed"),
        (b'{"event":"row.enriched","row_id":"\\ud800","timestamp":"2026-01-15T10:10:00Z"}', "malformed"),
        (b'{"event":"row.moved","row_id":"r","timestamp":"2026-01-15T10:10:00Z"}', "unknown_event"),
        (b'{"event":"row.enriched","row_id":"r","timestamp":"2026-01-15T10:10:00Z"}', "unknown_row"),
    ],
)
def test_every_delivery_is_kept_with_a_verdict(db, body, verdict):
    storing.store(body, {})
    reading.run_due()
    delivery = WebhookDelivery.objects.get()
    assert (delivery.status, delivery.verdict, bytes(delivery.body)) == ("processed", verdict, body)


def test_an_older_event_than_the_newest_applied_is_stale(pipeline):
    lead = pipeline.lead("stale")
    pipeline.settle()
    lead.refresh_from_db()
    event = json.loads(bytes(WebhookDelivery.objects.get().body))
    event["timestamp"] = "2020-01-01T00:00:00Z"
    pipeline.receiver.bodies.append(json.dumps(event).encode())
    pipeline.step()
    assert WebhookDelivery.objects.latest("id").verdict == "stale"


def test_a_poison_delivery_does_not_block_the_others(pipeline, monkeypatch):
    bad, good = pipeline.lead("poison"), pipeline.lead("healthy")
    real = applying.read_changes

    def poisoned(lead, row, listed=(), troubles=None):
        if lead.pk == bad.pk:
            raise RuntimeError("poison")
        return real(lead, row, listed, troubles)

    monkeypatch.setattr(applying, "read_changes", poisoned)
    pipeline.until(lambda: WebhookDelivery.objects.filter(status="failed", error_kind="internal_error"))
    pipeline.until(lambda: Lead.objects.get(pk=good.pk).ghl_contact_id)


def test_a_poison_judgement_does_not_block_the_others_either(pipeline, monkeypatch):
    real = triage.classify

    def poisoned(delivery, *args):
        if b"poison" in bytes(delivery.body):
            raise RuntimeError("words with a person in them")
        return real(delivery, *args)

    monkeypatch.setattr(triage, "classify", poisoned)
    storing.store(b"poison", {})
    storing.store(b"{", {})
    reading.run_due()
    assert sorted(WebhookDelivery.objects.values_list("status", "verdict", "error_kind")) == [
        ("failed", "", "internal_error"),
        ("processed", "malformed", ""),
    ]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("company_domain", "[acme.com]"),
        ("company_domain", "http://[::1"),
        ("tech_stack", "[" * 5000),
        ("enriched_at", "0001-01-01T00:00:00+14:00"),
        ("company_size", "1.234,5"),
        ("company_size", 1e308),
        ("email_work", "noreply@acme.com"),
    ],
)
def test_an_odd_value_is_a_conflict_of_its_field_and_nothing_else(pipeline, column, value):
    lead = pipeline.lead("odd")
    pipeline.settle()
    lead.refresh_from_db()
    pipeline.sandbox.clay.patch(f"/tables/tbl_test/rows/{lead.clay_row_id}", json={column: value})
    news = {"event": "row.enriched", "row_id": lead.clay_row_id, "timestamp": timezone.now().isoformat()}
    storing.store(json.dumps({**news, "data": {}}).encode(), {})
    reading.run_due()
    assert WebhookDelivery.objects.latest("id").status == "processed"
    assert list(lead.conflicts.values_list("field", flat=True)) == [column]


def test_a_worker_whose_lease_lapsed_leaves_the_last_word_to_the_next(db, settings):
    storing.store(b"{", {})
    slow = reading.claim()
    settings.LEASE_SECONDS = 0
    quick = reading.claim()
    reading.process(slow)
    assert WebhookDelivery.objects.get().status == "processing"
    reading.process(quick)
    assert WebhookDelivery.objects.get().verdict == "malformed"


def test_nothing_of_a_suppressed_person_is_mirrored_or_delivered(
    pipeline, monkeypatch, django_capture_on_commit_callbacks
):
    lead = pipeline.lead("forgotten")
    monkeypatch.setattr("enrichment.pipeline.receive.reading.run_due", lambda: 0)
    pipeline.until(lambda: WebhookDelivery.objects.exists())
    monkeypatch.undo()
    gate.suppress(Identity(lead.linkedin_url), reason="erasure")
    with django_capture_on_commit_callbacks(execute=True):
        pipeline.until(lambda: WebhookDelivery.objects.filter(verdict="suppressed").exists())
    lead.refresh_from_db()
    assert (lead.email_work, lead.title, lead.raw) == ("", "", {})
    delivery = WebhookDelivery.objects.get()
    assert (bytes(delivery.body), delivery.row_id, delivery.body_hash) == (b"", "", "")
    assert contacts(pipeline) == []
    assert Suppression.objects.get().blocked_count >= 1


def test_a_suppressed_person_does_not_even_leave_for_clay(pipeline):
    lead = pipeline.lead("forgotten")
    create_batch(BatchKind.ROWS, [lead], table="tbl_test")
    gate.suppress(Identity(lead.linkedin_url), reason="erasure")
    for _ in range(5):
        pipeline.step()
    assert not Attempt.objects.filter(lead=lead).exists()
    assert "forgotten" not in str(pipeline.sandbox.state("clay"))


def test_a_suppression_stops_a_delivery_that_was_queued(pipeline, monkeypatch):
    lead = pipeline.lead("queued")
    monkeypatch.setattr("enrichment.pipeline.deliver.running.run_due", lambda system: 0)
    pipeline.until(lambda: Handover.objects.filter(status="planned").exists())
    monkeypatch.undo()
    lead.refresh_from_db()
    gate.suppress(Identity(emails=(lead.email,)), reason="objection")
    pipeline.until(lambda: not Handover.objects.filter(status="planned").exists())
    assert set(Handover.objects.values_list("status", "error_kind")) == {("withheld", "suppressed")}
    assert contacts(pipeline) == []


def test_used_up_provider_budgets_are_filled_in_later(pipeline):
    """BuiltWith's budget of two an hour: the third lead goes on without it, and gets it in a later hour."""
    from enrichment.models import Provider

    Provider.objects.filter(slug="builtwith").update(hourly_limit=2)
    for number in range(2):
        pipeline.lead(f"budget-{number}")
    pipeline.settle()
    third = pipeline.lead("budget-2")
    pipeline.settle()
    first_attempt = third.attempts.order_by("id")[0]
    assert first_attempt.deferred_providers == ["builtwith"]
    fill_in = pipeline.until(lambda: third.attempts.filter(status="succeeded").order_by("id")[1:2])[0]
    assert fill_in.only_providers == ["builtwith"]
