"""What may have taken effect is looked for, whoever sends it again and when: no second row, nothing paid twice."""

import datetime

import pytest
from django.utils import timezone

from enrichment.leads.actions import retry_leads
from enrichment.leases import claim, hand_back_lapsed
from enrichment.models import Attempt, Batch, BatchItem, Handover, Lead, WebhookDelivery
from enrichment.pipeline.deliver import planning, recording
from enrichment.pipeline.dispatch.batch import requeue
from enrichment.states import BatchStatus, HandoverStatus


def clay_rows(pipeline):
    return pipeline.sandbox.state("clay")["tables"]["tbl_test"]


def enriched(pipeline):
    return pipeline.sandbox.stats()["clay"]["enriched"]


def unknown(kind):
    return Batch.objects.filter(kind=kind, status=BatchStatus.UNKNOWN)


def read_back_at(moment, kind):
    assert unknown(kind).update(not_before=moment) == 1


def later():
    return timezone.now() + datetime.timedelta(hours=1)


def given_up(pipeline, lead):
    pipeline.until(lambda: Lead.objects.filter(pk=lead.pk, enrichment_status="failed").exists())
    pipeline.sandbox.no_faults()
    return Lead.objects.get(pk=lead.pk)


# ---------------------------------------------------------------- triggers


def test_a_webhook_that_is_quicker_than_the_look_is_the_trigger_s_answer(pipeline):
    pipeline.sandbox.fault("clay", "reset_after_effect", call="enrich", times=1)
    pipeline.lead("quick", dispatch_priority=20)
    pipeline.stages_until(lambda: unknown("trigger").exists())
    read_back_at(later(), "trigger")
    pipeline.until(lambda: WebhookDelivery.objects.filter(verdict="accepted").exists())
    assert Attempt.objects.get().status == "succeeded"
    read_back_at(timezone.now(), "trigger")
    pipeline.settle()
    assert enriched(pipeline) == 1
    assert Attempt.objects.get().status == "succeeded"
    assert BatchItem.objects.get(batch__kind="trigger").status == "done"


def test_what_ended_is_done_though_the_look_fails_for_it(pipeline):
    pipeline.sandbox.fault("clay", "reset_after_effect", call="enrich", times=1)
    lead = pipeline.lead("quick", dispatch_priority=20)
    pipeline.stages_until(lambda: unknown("trigger").exists())
    read_back_at(later(), "trigger")
    pipeline.until(lambda: WebhookDelivery.objects.filter(verdict="accepted").exists())
    pipeline.sandbox.fault("clay", "502", call="rows.get")
    read_back_at(timezone.now(), "trigger")
    pipeline.settle()
    lead.refresh_from_db()
    assert (lead.enrichment_status, lead.error_kind) == ("completed", "")


@pytest.mark.parametrize("fault", [{"kind": "html", "status": 404}, {"kind": "400"}])
def test_a_trigger_given_up_in_doubt_is_looked_for_when_it_is_tried_again(pipeline, fault):
    pipeline.sandbox.fault("clay", "reset_after_effect", call="enrich", times=1)
    pipeline.sandbox.fault("clay", "drop_webhook", times=1)
    lead = pipeline.lead("doubt", dispatch_priority=20)
    pipeline.stages_until(lambda: unknown("trigger").exists())
    pipeline.sandbox.fault("clay", call="rows.get", **fault)
    retry_leads([given_up(pipeline, lead)], by=None)
    pipeline.settle()
    assert enriched(pipeline) == 1
    assert list(Attempt.objects.order_by("id").values_list("status", flat=True)) == ["failed", "succeeded"]
    lead.refresh_from_db()
    assert lead.enrichment_status == "completed"


def test_a_trigger_given_up_in_doubt_that_never_was_is_sent_when_it_is_tried_again(pipeline):
    pipeline.sandbox.fault("clay", "reset_before_effect", call="enrich", times=1)
    pipeline.sandbox.fault("clay", "400", call="rows.get")
    lead = pipeline.lead("never", dispatch_priority=20)
    retry_leads([given_up(pipeline, lead)], by=None)
    pipeline.settle()
    assert enriched(pipeline) == 1
    lead.refresh_from_db()
    assert lead.enrichment_status == "completed"


# ---------------------------------------------------------------- rows


@pytest.mark.parametrize("kind", ["reset_after_effect", "reset_before_effect"])
def test_a_row_given_up_in_doubt_is_looked_for_when_it_is_tried_again(pipeline, kind):
    pipeline.sandbox.fault("clay", kind, call="rows.create", times=1)
    pipeline.sandbox.fault("clay", "400", call="rows.search")
    lead = pipeline.lead("doubt", dispatch_priority=20)
    lead = given_up(pipeline, lead)
    assert lead.clay_row_id is None
    others = pipeline.lead("other", dispatch_priority=20)
    retry_leads([lead], by=None)
    pipeline.settle()
    assert sorted(row["linkedin_url"] for row in clay_rows(pipeline)) == [
        lead.linkedin_url,
        others.linkedin_url,
    ]
    batches = Batch.objects.filter(kind="rows", items__lead=others)
    assert batches.count() == 1, "who is not in doubt shares no batch with who is"


def test_an_export_that_is_refused_narrows_nothing_and_ends_no_doubt(pipeline):
    pipeline.sandbox.config(row_search="off404")
    pipeline.sandbox.fault("clay", "reset_after_effect", call="rows.create", times=1)
    pipeline.sandbox.fault("clay", "400", call="export")
    leads = [pipeline.lead(f"refused-{number}", dispatch_priority=20) for number in range(3)]
    retry_leads([given_up(pipeline, lead) for lead in leads], by=None)
    pipeline.settle()
    assert len(clay_rows(pipeline)) == 3


@pytest.mark.parametrize(
    ("behind", "url"),
    [
        (250.0, ""),
        (0.0, "http://linkedin.com/in/No-Search/?trk=x"),
        (0.0, "https://de.linkedin.com/in/no-search"),
    ],
)
def test_a_row_is_found_by_export_though_clay_s_clock_is_behind_or_it_spells_the_address_its_way(
    pipeline, settings, behind, url
):
    settings.CLOCK_SPEED = 100.0
    pipeline.sandbox.config(row_search="off404")
    pipeline.sandbox.fault("clay", "reset_after_effect", call="rows.create", times=1)
    pipeline.lead("no-search", dispatch_priority=20)
    pipeline.stages_until(lambda: unknown("rows").exists())
    [row] = clay_rows(pipeline)
    if url:
        pipeline.sandbox.clay.patch(f"/tables/tbl_test/rows/{row['id']}", json={"linkedin_url": url})
    batch = unknown("rows").get()  # planned, by our clock, so much later than Clay made the row by its own
    planned = batch.created_at + datetime.timedelta(seconds=behind / settings.CLOCK_SPEED)
    Batch.objects.filter(pk=batch.pk).update(created_at=planned)
    pipeline.until(lambda: Lead.objects.filter(clay_row_id__isnull=False).exists())
    assert clay_rows(pipeline)[0]["id"] == Lead.objects.get().clay_row_id
    assert len(clay_rows(pipeline)) == 1


# ---------------------------------------------------------------- deliveries


@pytest.mark.parametrize(("column", "value"), [("phone", "+14155559999"), ("icp_score", 3)])
def test_an_update_that_never_left_is_sent_after_the_look(pipeline, settings, column, value):
    lead = pipeline.lead("johndoe", dispatch_priority=20)
    pipeline.settle()
    Lead.objects.filter(pk=lead.pk).update(**{column: value})
    lead.refresh_from_db()
    assert planning.plan_deliveries(lead, systems=["ghl"])
    claim(Handover.objects.filter(system="ghl"), HandoverStatus, 1, stage="ghl")  # and the worker is gone
    settings.LEASE_SECONDS = 0
    assert hand_back_lapsed(Handover, HandoverStatus, recording.give_up_lost) == 1
    settings.LEASE_SECONDS = 120
    pipeline.settle()
    [contact] = pipeline.sandbox.state("ghl")["contacts"]
    assert str(value) in str(contact)
    assert Handover.objects.filter(system="ghl").latest("id").differences == []


def test_what_an_earlier_run_found_is_delivered_though_the_next_is_given_up(pipeline, settings):
    lead = pipeline.lead("found-before", email_work="found@before.example", enrichment_status="pending",
                         clay_row_id="row_1", dispatch_tries=2)  # fmt: skip
    batch = Batch.objects.create(kind="trigger", table_id="tbl_test")
    item = BatchItem.objects.create(batch=batch, lead=lead, position=0)
    requeue([item])
    lead.refresh_from_db()
    assert (lead.enrichment_status, lead.needs_person) == ("partial", True)
    assert list(Handover.objects.values_list("lead_id", "system")) == [(lead.pk, "ghl")]
