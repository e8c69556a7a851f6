"""A lead's way through a Clay table: submitted, called back, scored, delivered; and everything that goes wrong."""

import datetime
import json
from decimal import Decimal

import pytest
from django.utils import timezone

from enrichment.clay_sources import sources
from enrichment.leads import actions
from enrichment.models import (
    Attempt,
    Batch,
    Channel,
    ClaySource,
    FieldConflict,
    Handover,
    Lead,
    ServiceHold,
    WebhookDelivery,
)
from enrichment.models.connection import CLAY_ROWS
from enrichment.models.work import BatchKind
from enrichment.pipeline import crash_recovery, fanout, overdue
from enrichment.pipeline.dispatch import plan, submit
from enrichment.pipeline.receive import reading, storing
from enrichment.vendors.clay.callback import COLUMNS
from swarm_admin.core.errors import ActionNotAllowed
from tests.plugins.clay_table import TABLE, TablePipeline
from tests.plugins.sandbox import wait_for


def reload(lead: Lead) -> Lead:
    return Lead.objects.get(pk=lead.pk)


def test_a_lead_goes_in_as_a_row_and_comes_back_enriched_and_delivered(table: TablePipeline):
    lead = table.lead("jane-doe", first_name="Jane", last_name="Doe", company_name="Acme Inc")
    table.settle()
    lead = reload(lead)
    assert lead.enrichment_status in ("completed", "partial")
    assert lead.email_work or lead.email_personal
    assert lead.icp_score is not None
    assert lead.ghl_contact_id
    assert lead.clay_row_id is None
    (row,) = table.rows(lead)
    (attempt,) = Attempt.objects.all()
    assert row["cells"]["swarm_ref"]["value"] == attempt.reference
    assert attempt.status == "succeeded"
    assert attempt.source == ClaySource.objects.get()
    assert lead.enrichment_cost == attempt.cost > 0
    assert {each["name"] for each in attempt.providers} <= {"apollo", "hunter", "clearbit", "pdl", "snovio", "cognism",
        "lusha", "zoominfo", "crunchbase", "builtwith", "wappalyzer", "hginsights", "clay"}  # fmt: skip
    source = ClaySource.objects.get()
    assert source.taken == 1
    assert source.last_callback_at
    assert "email_work" in source.columns or "email_personal" in source.columns
    assert set(WebhookDelivery.objects.values_list("verdict", flat=True)) == {"accepted"}


def test_many_leads_one_row_each(table: TablePipeline):
    leads = [table.lead(f"person-{n}", first_name="P", last_name=str(n)) for n in range(35)]
    table.settle()
    stats = table.sandbox.stats()["clay_table"]
    assert stats["rows_created"] == 35
    assert stats["refs_twice"] == stats["duplicates_by_linkedin_url"] == 0
    assert ClaySource.objects.get().taken == 35
    assert Handover.objects.filter(system="ghl", status="done").count() == len(leads)
    money = sum(Attempt.objects.values_list("cost", flat=True))
    assert money == sum(Lead.objects.values_list("enrichment_cost", flat=True)) > 0


def test_a_lost_answer_is_awaited_and_settled_by_the_callback(table: TablePipeline):
    table.sandbox.fault("clay_table", "reset_after_effect", times=1)
    lead = table.lead("lost-answer")
    table.settle()
    assert reload(lead).enrichment_status != "failed"
    assert len(table.rows(lead)) == 1
    assert ClaySource.objects.get().taken == 1


def test_a_doubled_callback_changes_and_costs_nothing_twice(table: TablePipeline):
    table.sandbox.fault("clay_table", "double_webhook")
    lead = table.lead("doubled")
    table.settle()
    cost = reload(lead).enrichment_cost
    table.until(lambda: WebhookDelivery.objects.filter(verdict="duplicate").exists())
    assert reload(lead).enrichment_cost == cost
    assert Handover.objects.filter(system="ghl").count() == 1


def test_the_next_source_goes_on_when_the_life_of_one_is_over(table: TablePipeline):
    ClaySource.objects.update(life=2)
    table.sandbox.control("PUT", "sources/first", life=2)
    second = table.source("second")
    leads = [table.lead(f"p-{n}") for n in range(5)]
    table.settle()
    first = ClaySource.objects.first()
    assert (first.taken, first.closed_because) == (2, "used_up")
    second.refresh_from_db()
    assert second.taken == 3
    assert table.sandbox.stats()["clay_table"]["ignored"] == 0
    assert all(reload(lead).enrichment_status != "pending" for lead in leads)


def test_without_a_source_leads_wait_under_a_pause_that_a_new_one_ends(table: TablePipeline):

    ClaySource.objects.update(life=1)
    leads = [table.lead(f"p-{n}") for n in range(2)]
    table.until(lambda: ServiceHold.objects.filter(system=CLAY_ROWS, lifted_at__isnull=True).exists())
    table.until(lambda: Lead.objects.exclude(enrichment_status__in=["pending", "in_progress"]).count() == 1)
    assert Lead.objects.filter(enrichment_status="pending").count() == 1
    assert not sources.resume()
    table.source("second")
    assert sources.resume()
    table.settle()
    assert all(reload(lead).enrichment_status != "pending" for lead in leads)


def test_a_source_that_was_deleted_in_clay_is_closed_and_the_next_takes_its_rows(table: TablePipeline):
    table.source("second")
    table.sandbox.control("DELETE", "sources/first")
    lead = table.lead("p-1")
    table.settle()
    first = ClaySource.objects.first()
    assert (first.taken, first.closed_because) == (0, "gone")
    assert reload(lead).enrichment_status != "pending"


def test_a_wrong_token_pauses_clay_and_spends_nothing(table: TablePipeline):
    table.sandbox.control("PUT", "sources/first", token="another")
    lead = table.lead("p-1")
    table.until(lambda: ServiceHold.objects.filter(system="clay", lifted_at__isnull=True).exists())
    assert reload(lead).enrichment_status == "pending"
    assert ClaySource.objects.get().taken == 0
    assert not Attempt.objects.filter(status__in=["intended", "running"]).exists()


def test_a_wrong_token_closes_its_source_where_another_takes_the_rows(table: TablePipeline):
    table.source("second")
    table.sandbox.control("PUT", "sources/first", token="another")
    lead = table.lead("p-1")
    table.settle()
    first = ClaySource.objects.first()
    assert (first.taken, first.closed_because) == (0, "refused")
    assert not ServiceHold.objects.filter(lifted_at__isnull=True).exists()
    assert reload(lead).enrichment_status != "pending"


@pytest.fixture
def lost(table: TablePipeline) -> Lead:
    """A lead whose callback never comes, overdue by now."""
    table.sandbox.fault("clay_table", "drop_webhook", times=1)
    lead = table.lead("lost-callback")
    table.until(lambda: table.sandbox.stats()["clay_table"]["deliveries"].get("dropped"))
    Attempt.objects.update(poll_after=timezone.now() - datetime.timedelta(seconds=1))
    return lead


def test_what_never_came_back_is_overdue_and_seen(table: TablePipeline, lost: Lead):
    overdue.run_due()
    lead = reload(lost)
    assert (lead.enrichment_status, lead.needs_person, lead.error_kind) == ("in_progress", True, "no_callback")
    assert Lead.objects.failing().filter(pk=lead.pk).exists()
    assert Attempt.objects.get().overdue_at


def test_a_person_waits_longer_and_the_late_callback_ends_it(table: TablePipeline, lost: Lead):
    overdue.run_due()
    assert overdue.wait_longer([lost.pk], by=None) == 1
    lead = reload(lost)
    assert (lead.needs_person, lead.error_kind) == (False, "")
    assert Attempt.objects.get().poll_after > timezone.now()
    table.sandbox.control("POST", f"tables/{TABLE}/run", column="callback")
    table.settle()
    assert reload(lost).enrichment_status in ("completed", "partial")
    with pytest.raises(ActionNotAllowed):
        overdue.wait_longer([lost.pk], by=None)


def test_a_person_submits_again_and_both_rows_deliver_once(table: TablePipeline, lost: Lead):
    overdue.run_due()
    actions.retry_leads([reload(lost)], by=None)
    table.settle()
    first, second = Attempt.objects.order_by("pk")
    assert (first.status, second.status) == ("abandoned", "succeeded")
    spent = reload(lost).enrichment_cost
    table.sandbox.control("POST", f"tables/{TABLE}/run", column="callback")
    table.until(lambda: WebhookDelivery.objects.count() >= 3)
    table.settle()
    first.refresh_from_db()
    assert first.cost > 0  # the earlier run was paid for as well
    assert reload(lost).enrichment_cost == spent + first.cost
    assert set(WebhookDelivery.objects.values_list("verdict", flat=True)) >= {"accepted", "stale"}
    assert Handover.objects.filter(system="ghl").count() == 1


def test_the_earlier_runs_result_spares_the_second_one(table: TablePipeline, lost: Lead):
    overdue.run_due()
    actions.retry_leads([reload(lost)], by=None)
    assert reload(lost).dispatch_after
    table.sandbox.control("POST", f"tables/{TABLE}/run", column="callback")
    while reload(lost).enrichment_status == "pending":
        table.collect_webhooks()
        reading.run_due()
    lead = reload(lost)
    assert lead.enrichment_status in ("completed", "partial")
    assert lead.dispatch_after is None
    table.settle()
    assert len(table.rows(lead)) == 1


def test_by_policy_it_is_submitted_once_more_and_then_a_person_is_asked(table: TablePipeline, settings, lost: Lead):
    settings.CLAY_OVERDUE_POLICY = "resubmit"
    table.sandbox.fault("clay_table", "drop_webhook")
    overdue.run_due()
    assert reload(lost).enrichment_status == "pending"
    table.until(lambda: len(table.rows(lost)) == 2)
    table.until(lambda: Attempt.objects.filter(status="running").exists())
    Attempt.objects.filter(status="running").update(poll_after=timezone.now())
    overdue.run_due()
    assert reload(lost).error_kind == "no_callback"
    assert reload(lost).needs_person


def test_by_policy_it_is_given_up(table: TablePipeline, settings, lost: Lead):
    settings.CLAY_OVERDUE_POLICY = "give_up"
    overdue.run_due()
    lead = reload(lost)
    assert (lead.enrichment_status, lead.error_kind) == ("failed", "no_callback")
    assert Attempt.objects.get().status == "failed"


def test_a_killed_workers_rows_are_awaited_and_the_others_go(table: TablePipeline, monkeypatch):

    lead = table.lead("killed")
    wait_for(lambda: plan.plan_batches(BatchKind.SUBMIT))

    class Killed(BaseException):
        pass

    call_each = fanout.call_each

    def call_and_die(items, call, **more):
        call_each(items, call, **more)
        raise Killed

    monkeypatch.setattr(fanout, "call_each", call_and_die)
    with pytest.raises(Killed):
        submit.run_due()
    monkeypatch.undo()
    assert Batch.objects.get().status == "in_flight"
    Batch.objects.update(in_flight_since=timezone.now() - datetime.timedelta(days=1))
    crash_recovery.recover_lost_calls()
    Batch.objects.update(not_before=timezone.now())
    submit.run_due()
    assert (Attempt.objects.get().status, reload(lead).enrichment_status) == ("running", "in_progress")
    table.settle()
    assert len(table.rows(lead)) == 1
    assert reload(lead).enrichment_status in ("completed", "partial")


def test_without_our_reference_the_profile_tells_the_lead(table: TablePipeline):
    table.sandbox.fault("clay_table", "no_swarm_ref")
    lead = table.lead("by-url")
    table.settle()
    assert reload(lead).enrichment_status in ("completed", "partial")
    assert Attempt.objects.get().status == "succeeded"


def test_cells_in_error_and_columns_that_did_not_run_become_conflicts(table: TablePipeline):

    body = {"swarm_ref": "{{swarm_ref}}", "linkedin_url": "{{linkedin_url}}", "email_provider": "{{email_provider}}"}
    body |= {name: f"{{{{{name}}}}}" for name in sorted(COLUMNS)}
    body["_status"] = {name: f"{{{{{name}.status}}}}" for name in sorted(COLUMNS)}
    body["_errors"] = {name: f"{{{{{name}.error}}}}" for name in sorted(COLUMNS)}
    callback = {"url": table.receiver.url, "headers": {"X-Webhook-Secret": "webhook-secret"}, "body": body}
    table.sandbox.control("PUT", f"tables/{TABLE}", callback=callback)
    table.sandbox.fault("clay_table", "cell_error", column="title", text="Provider exploded")
    table.sandbox.fault("clay_table", "column_not_run", column="tech_stack")
    lead = table.lead("cells")
    table.settle()
    conflicts = dict(FieldConflict.objects.filter(lead=lead).values_list("field", "reason"))
    assert conflicts["title"] == "cell_error"
    assert conflicts["tech_stack"] == "not_run"
    assert FieldConflict.objects.get(field="title").value == "Provider exploded"
    assert reload(lead).enrichment_status in ("completed", "partial")


def test_a_single_lead_waits_for_nobodys_company(table: TablePipeline, settings):
    settings.CLAY_FLUSH_SECONDS = 1_000_000.0
    table.lead("alone")
    assert plan.plan_batches(BatchKind.SUBMIT) == 1


def test_a_run_that_is_told_in_parts_costs_the_sum_of_them_once(table: TablePipeline):
    table.sandbox.fault("clay_table", "drop_webhook")
    lead = table.lead("in-parts")
    table.until(lambda: Attempt.objects.filter(status="running").exists())
    told = {"swarm_ref": Attempt.objects.get().reference, "enriched_at": timezone.now().isoformat()}
    first = {**told, "email_work": "a@acme.example", "email_provider": "Apollo", "email_cost": "0.10"}
    second = {**first, "phone": "+14155551234", "phone_provider": "Apollo", "phone_cost": "0.30"}
    for body in (first, second, {**second, "title": "CEO"}):
        storing.store(json.dumps(body).encode(), {}, Channel.ROW)
        reading.run_due()
    assert reload(lead).enrichment_cost == Attempt.objects.get().cost == Decimal("0.40")
