"""A lead that is only kept: not enriched, not scored, not delivered, not given out; and all of it again afterwards."""

import json

import pytest
from django.utils import timezone

from enrichment.leads import actions
from enrichment.leads import export as exporting
from enrichment.leads.columns import COLUMNS
from enrichment.models import Batch, BatchItem, Handover, Lead, WebhookDelivery
from enrichment.models.handover import NOTICE_OUTSTANDING
from enrichment.models.work import BatchKind
from enrichment.pipeline.deliver import planning, redeliver, running
from enrichment.pipeline.dispatch import plan, rows, trigger, write_back
from enrichment.pipeline.dispatch.flush import sendable_items
from enrichment.pipeline.mirror import applying
from enrichment.pipeline.payload import is_deliverable
from enrichment.pipeline.receive import reading, storing
from enrichment.pipeline.score import apply as scoring
from enrichment.stores import restriction
from enrichment.vendors.clay.wire import ClayRow
from gdpr.models import AuditEvent
from gdpr.stores import Ground
from gdpr.suppression import gate
from swarm_admin.access.models import ApiKey
from swarm_admin.core.errors import ActionNotAllowed
from tests.enrichment.stores.planting import URL, in_the_mirror
from tests.factories import EnrichedLeadFactory, LeadFactory

pytestmark = pytest.mark.django_db


def restricted(**changes):
    lead = in_the_mirror(**changes)
    restriction.restrict([lead.pk], Ground.RESTRICTION)
    lead.refresh_from_db()
    return lead


def test_two_grounds_are_lifted_one_by_one_and_audited():
    lead = in_the_mirror()
    for ground, stands in (
        (Ground.RESTRICTION, "restriction"),
        (Ground.OBJECTION, "both"),
        (Ground.OBJECTION, "both"),
    ):
        restriction.restrict([lead.pk], ground)
        assert Lead.objects.get().restriction == stands
    assert restriction.release([lead.pk], Ground.RESTRICTION) == 1
    assert Lead.objects.get().restriction == "objection"
    assert restriction.release([lead.pk], Ground.RESTRICTION) == 0
    restriction.release([lead.pk], Ground.OBJECTION)
    assert Lead.objects.get().restriction == ""
    verbs = list(AuditEvent.objects.order_by("id").values_list("verb", "reason"))
    assert verbs == [
        ("restrict_lead", "restriction"),
        ("restrict_lead", "objection"),
        ("release_lead", "restriction"),
        ("release_lead", "objection"),
    ]


def test_it_is_not_planned_for_enrichment_until_it_is_released(settings):
    settings.CLAY_TABLE_ID = "tbl_test"
    lead = restricted(dispatch_after=timezone.now(), dispatch_priority=20)
    assert plan.plan_batches(BatchKind.ROWS) == 0
    restriction.release([lead.pk], Ground.RESTRICTION)
    assert plan.plan_batches(BatchKind.ROWS) == 1


@pytest.mark.parametrize(
    ("kind", "send", "due"),
    [
        (BatchKind.ROWS, rows.run_due, "dispatch_after"),
        (BatchKind.TRIGGER, trigger.run_due, "dispatch_after"),
        (BatchKind.UPDATE, write_back.run_due, "write_back_after"),
    ],
)
def test_a_batch_that_waits_goes_without_it(vendors, kind, send, due):
    lead = in_the_mirror(clay_row_id=None if kind == BatchKind.ROWS else "row_x", ghl_contact_id="c1")
    batch = Batch.objects.create(kind=kind, table_id="tbl_test")
    BatchItem.objects.create(batch=batch, lead=lead, position=0)
    restriction.restrict([lead.pk], Ground.OBJECTION)
    send()
    assert vendors.sandbox.stats()["clay"]["requests"] == 1  # the webhook of the fixture
    batch.refresh_from_db()
    assert (batch.status, batch.items.get().status, batch.items.get().error_kind) == (
        "done",
        "again",
        "restricted",
    )
    assert getattr(Lead.objects.get(), due) is not None


def test_who_is_suppressed_or_past_retention_leaves_a_waiting_batch_for_good():
    gone, past, fine = LeadFactory(), LeadFactory(retention_until=timezone.now()), LeadFactory()
    gate.suppress(gone.identity, reason="erasure")
    batch = Batch.objects.create(kind="trigger", table_id="tbl_test", status="in_flight")
    items = [BatchItem.objects.create(batch=batch, lead=lead, position=n) for n, lead in enumerate((gone, past, fine))]
    assert [item.lead_id for item in sendable_items(batch, items)] == [fine.pk]
    assert list(batch.items.values_list("status", "error_kind")) == [
        ("set_aside", "suppressed"),
        ("set_aside", "suppressed"),
        ("planned", ""),
    ]


def test_it_is_wanted_nowhere_and_what_waited_is_withheld(vendors):
    lead = in_the_mirror()
    planned = Handover.objects.create(lead=lead, system="ghl")
    unknown = Handover.objects.create(lead=lead, system="instantly", status="unknown")
    restriction.restrict([lead.pk], Ground.OBJECTION)
    lead.refresh_from_db()
    assert not is_deliverable(lead, "ghl")
    assert planning.plan_deliveries(lead, force=True) == []
    assert set(Handover.objects.values_list("status", "error_kind")) == {("withheld", "restricted")}
    for system in ("ghl", "instantly"):
        running.run_due(system)
        assert vendors.sandbox.stats()[system]["requests"] == 0
    restriction.release([lead.pk], Ground.OBJECTION)
    assert set(Handover.objects.filter(status="planned").values_list("system", flat=True)) == {
        "ghl",
        "instantly",
    }
    assert {planned.pk, unknown.pk}.isdisjoint(Handover.objects.filter(status="planned").values_list("pk", flat=True))


def test_one_claimed_already_is_withheld_at_the_gate(vendors):
    lead = restricted()
    Handover.objects.create(lead=lead, system="ghl")
    running.run_due("ghl")
    assert Handover.objects.values_list("status", "error_kind").get() == ("withheld", "restricted")


def test_what_is_past_its_retention_is_handed_to_nobody():
    assert not is_deliverable(EnrichedLeadFactory(retention_until=timezone.now()), "ghl")


def test_it_is_not_scored_until_it_is_released():
    lead = restricted(icp_score=1.0, icp_tier=3, scored_at=timezone.now())
    assert scoring.apply(lead) is False
    assert (lead.icp_score, lead.icp_tier) == (1.0, 3)
    restriction.release([lead.pk], Ground.RESTRICTION)
    assert Lead.objects.get().icp_score != 1.0


def test_a_late_message_is_kept_and_not_applied(vendors):
    lead = restricted(clay_row_id="row_x", clay_table_id="tbl_test")
    body = {"event": "row.enriched", "row_id": "row_x", "timestamp": timezone.now().isoformat(), "data": {}}
    storing.store(json.dumps(body).encode(), {})
    reading.run_due()
    assert WebhookDelivery.objects.values_list("verdict", "lead").get() == ("restricted", lead.pk)
    row = ClayRow.read({"id": "row_x", "title": "CRO"})
    assert row is not None
    effect = applying.apply(lead.pk, row, event_at=timezone.now())
    assert effect.restricted
    assert Lead.objects.get().title == lead.title


def test_it_is_not_given_out(client, sales_client):
    lead, other = restricted(), EnrichedLeadFactory()
    lines = "".join(exporting.rows(Lead.objects.order_by("pk"), COLUMNS, unmasked=True))
    assert URL not in lines
    assert other.linkedin_url in lines
    _, key = ApiKey.issue(name="reader", scopes=["leads:read"], by=None)
    listed = client.get("/api/leads", headers={"X-API-Key": key}).json()
    assert [each["id"] for each in listed["leads"]] == [other.pk]
    refused = client.get(f"/api/leads/{lead.pk}", headers={"X-API-Key": key})
    assert (refused.status_code, "only be stored" in refused.json()["error"]) == (403, True)
    assert "Restricted" in sales_client.get("/leads/").content.decode()
    assert "only be stored" in sales_client.get(f"/leads/{lead.pk}/").content.decode()


def test_staff_are_told_why_nothing_can_be_done_with_it():
    lead = restricted()
    for check in (actions.check_can_retry, redeliver.check_can_deliver):
        with pytest.raises(ActionNotAllowed, match="only be stored"):
            check(lead)


@pytest.mark.parametrize(
    ("values", "of_system", "of_any"),
    [
        ({"status": "in_flight"}, True, True),
        # Our own tables wait for running calls alone; what never told is looked for at its system.
        ({"status": "unknown"}, True, False),
        ({"status": "unknown", "error_kind": NOTICE_OUTSTANDING}, False, False),
        ({"status": "planned"}, False, False),
        ({"status": "done"}, False, False),
    ],
)
def test_what_may_be_on_its_way_to_a_system(values, of_system, of_any):
    lead = EnrichedLeadFactory()
    Handover.objects.create(lead=lead, system="ghl", **values)
    assert restriction.being_delivered([lead.pk], "ghl") is of_system
    assert restriction.being_delivered([lead.pk]) is of_any
    assert not restriction.being_delivered([lead.pk], "instantly")
