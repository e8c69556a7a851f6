"""Answers that come late, in the wrong moment or never: each is counted once and blames nobody else."""

import datetime
import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from enrichment.drift import reconcile
from enrichment.models import Attempt, Batch, BatchItem, Lead, ReconcileRun, ServiceHold, WebhookDelivery
from enrichment.models.work import BatchKind
from enrichment.pipeline import poll, unanswered
from enrichment.pipeline.dispatch import write_back
from enrichment.pipeline.dispatch.batch import create_batch
from enrichment.pipeline.mirror import applying
from enrichment.pipeline.receive import reading, storing
from enrichment.vendor_pauses import pauses
from enrichment.vendors import limiter
from enrichment.vendors.clay.rows_api import RowsApi
from enrichment.vendors.clay.wire import ClayRow


def triggered(pipeline, settings, *slugs, polls=0):
    """Leads whose run is over at Clay, while we know nothing of it; the poll is due."""
    settings.POLL_AFTER_SECONDS = 1_000_000.0  # not before the test asks for it
    pipeline.sandbox.fault("clay", "drop_webhook", times=len(slugs))
    leads = [pipeline.lead(slug, dispatch_priority=20) for slug in slugs]
    pipeline.stages_until(lambda: pipeline.sandbox.stats()["clay"].get("enriched") == len(slugs))
    Attempt.objects.update(polls=polls, poll_after=timezone.now())
    return leads


def spoil_read(pipeline, **more):
    pipeline.sandbox.fault("clay", "status", call="rows.get", **more)


def as_if_at_work(monkeypatch, lead, meanwhile=lambda row: None):
    """`lead` is still at work by the poll; `meanwhile` happens before its answer is looked at."""
    real = RowsApi.get_row

    def get_row(self, table, row_id):
        row = real(self, table, row_id)
        if row_id != Lead.objects.get(pk=lead.pk).clay_row_id:
            return row
        meanwhile(row)
        return ClayRow.read({**row.raw, "enrichment_status": "in_progress"})

    monkeypatch.setattr(RowsApi, "get_row", get_row)


def test_a_webhook_that_wins_over_the_last_poll_throws_no_other_answer_away(pipeline, settings, monkeypatch):
    settings.VENDOR_CONCURRENCY = 1
    quick, other = triggered(pipeline, settings, "quick", "other", polls=2)
    Attempt.objects.filter(lead=other).update(poll_after=timezone.now() + datetime.timedelta(microseconds=1))
    as_if_at_work(monkeypatch, quick, lambda row: applying.apply(quick.pk, row, event_at=timezone.now()))
    assert poll.run_due() == 2
    assert set(Attempt.objects.values_list("status", flat=True)) == {"succeeded"}
    assert set(Lead.objects.values_list("enrichment_status", "error_kind")) == {("completed", "")}


def test_a_row_clay_does_not_know_is_unenrichable_when_polled(pipeline, settings):
    triggered(pipeline, settings, "gone")
    spoil_read(pipeline, status=404)
    poll.run_due()
    lead = Lead.objects.get()
    assert (lead.enrichment_status, lead.error_kind, lead.needs_person) == (
        "unenrichable",
        "unenrichable",
        False,
    )
    assert Attempt.objects.get().status == "failed"


@pytest.mark.parametrize("status", [401, 403, 429])
def test_a_poll_that_was_refused_is_none(pipeline, settings, status):
    triggered(pipeline, settings, "refused")
    spoil_read(pipeline, status=status, times=1)
    poll.run_due()
    attempt = Attempt.objects.get()
    assert (attempt.status, attempt.polls) == ("running", 0)
    assert ServiceHold.objects.exists() == (status != 429)


def test_reads_wait_after_a_429(pipeline, settings):
    triggered(pipeline, settings, "waits")
    limiter.penalise(limiter.READS, "", 60)
    storing.store(
        json.dumps(
            {
                "event": "row.enriched",
                "row_id": Lead.objects.get().clay_row_id,
                "timestamp": timezone.now().isoformat(),
            }
        ).encode(),
        {},
    )
    calls = pipeline.sandbox.stats()["clay"]["requests"]
    assert poll.run_due() == 0
    reading.run_due()
    assert pipeline.sandbox.stats()["clay"]["requests"] == calls
    delivery = WebhookDelivery.objects.get()
    assert (delivery.status, delivery.tries) == ("received", 0)
    assert delivery.not_before > timezone.now() + datetime.timedelta(seconds=50)
    assert Attempt.objects.get().polls == 0


def test_a_result_that_comes_after_the_poll_gave_up_is_no_failure(pipeline, settings, monkeypatch):
    (lead,) = triggered(pipeline, settings, "late", polls=2)
    as_if_at_work(monkeypatch, lead)
    poll.run_due()
    lead.refresh_from_db()
    assert (lead.enrichment_status, lead.error_kind, lead.needs_person) == ("failed", "no_answer", True)
    monkeypatch.undo()
    news = {"event": "row.enriched", "row_id": lead.clay_row_id, "timestamp": timezone.now().isoformat()}
    storing.store(json.dumps(news).encode(), {})
    reading.run_due()
    lead.refresh_from_db()
    assert (lead.enrichment_status, lead.error_kind, lead.error_at) == ("completed", "", None)
    assert not Lead.objects.failing().exists()


def told(pipeline, settings, error):
    """The webhook of a failed run of the only lead, read."""
    (lead,) = triggered(pipeline, settings, "told")
    pipeline.sandbox.clay.patch(
        f"/tables/tbl_test/rows/{lead.clay_row_id or Lead.objects.get().clay_row_id}",
        json={"email_work": None, "email_personal": None, "phone": None},
    )
    lead.refresh_from_db()
    news = {
        "event": "row.enrichment_failed",
        "row_id": lead.clay_row_id,
        "timestamp": timezone.now().isoformat(),
    }
    storing.store(json.dumps({**news, "data": {"error": error}}).encode(), {})
    reading.run_due()
    lead.refresh_from_db()
    return lead


def test_a_webhook_that_says_not_found_makes_the_lead_unenrichable(pipeline, settings):
    lead = told(pipeline, settings, {"code": "not_found", "message": "nobody"})
    assert (lead.enrichment_status, lead.error_kind, lead.needs_person) == (
        "unenrichable",
        "unenrichable",
        False,
    )


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ({"code": "401"}, "refresh_key"),
        ({"code": "402"}, "credits"),
        ({"code": "credits_exhausted"}, "credits"),
        ({"code": "quota_exceeded"}, "pause_until_reset"),
        ({"code": "quota_exceeded", "provider": "apollo"}, None),
        ({"code": "400"}, None),
    ],
)
def test_a_webhook_that_says_clay_is_used_up_pauses_it(pipeline, settings, error, reason):
    told(pipeline, settings, error)
    assert list(ServiceHold.objects.values_list("reason", flat=True)) == ([reason] if reason else [])


def settled_but_for_write_back(pipeline, *slugs):
    for slug in slugs:
        pipeline.lead(slug, dispatch_priority=20)
    pipeline.settle()
    Batch.objects.all().delete()
    leads = list(Lead.objects.order_by("pk"))
    Lead.objects.update(ghl_contact_id="another", write_back_after=None)
    return leads


def left(kind="set_aside"):
    return set(BatchItem.objects.filter(status=kind).values_list("lead", flat=True))


def test_a_row_that_clay_names_is_the_one_that_was_sent_there(pipeline):
    silent, fine, bad = settled_but_for_write_back(pipeline, "silent", "fine", "bad")
    Lead.objects.filter(pk=silent.pk).update(ghl_contact_id=silent.raw["ghl_contact_id"])
    pipeline.sandbox.fault("clay", "400", call="rows.update_many", row_index=1, times=1)
    create_batch(BatchKind.UPDATE, list(Lead.objects.order_by("pk")), table="tbl_test")
    write_back.run_due()
    assert left() == {bad.pk}
    assert left("done") == {silent.pk, fine.pk}
    bad.refresh_from_db()
    assert bad.write_back_after is None


def test_a_refused_write_back_is_halved_down_to_the_row(pipeline):
    leads = settled_but_for_write_back(pipeline, *(f"half-{n}" for n in range(4)))
    # Refused are the whole, both halves and one row.
    pipeline.sandbox.fault("clay", "400", call="rows.update_many", times=4)
    create_batch(BatchKind.UPDATE, list(Lead.objects.order_by("pk")), table="tbl_test")
    write_back.run_due()
    assert len(left()) == 1
    assert left("done") | left() == {lead.pk for lead in leads}
    assert Lead.objects.filter(write_back_tries=0).count() == 3


def test_a_lead_whose_row_is_refused_does_not_end_the_comparison(pipeline, settings):
    for slug in ("first", "second"):
        pipeline.lead(slug, dispatch_priority=20)
    pipeline.settle()
    for lead in Lead.objects.all():
        pipeline.sandbox.clay.delete(f"/tables/tbl_test/rows/{lead.clay_row_id}")
    spoil_read(pipeline, status=422, times=1)
    settings.VENDOR_CONCURRENCY = 1
    reconcile.run_due()
    done = ReconcileRun.objects.get()
    assert (done.is_open, done.error) == (False, "")
    assert pauses.open_pause("clay") is None


def test_a_poll_that_gives_up_locks_the_lead_before_the_attempt(pipeline, settings):
    """As whoever applies a row does: the other way round the two would wait for each other for ever."""
    triggered(pipeline, settings, "order")
    attempt = Attempt.objects.select_related("lead").get()
    with CaptureQueriesContext(connection) as asked:
        unanswered.fail_unanswered(attempt, attempt.lead, "no_answer", "")
    tables = (Lead._meta.db_table, Attempt._meta.db_table)
    locking = [sql for sql in (q["sql"] for q in asked) if "FOR UPDATE" in sql or sql.startswith("UPDATE")]
    first = [next(table for table in tables if f'"{table}"' in sql) for sql in locking][:2]
    assert first == list(tables)
    assert Attempt.objects.get().status == "failed"
