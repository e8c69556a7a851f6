"""Sent against stored, and replays, through the whole pipeline against the sandbox."""

import hashlib
import json

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from enrichment.deliveries import redelivery
from enrichment.models import Handover, Lead, WebhookDelivery
from enrichment.pipeline.deliver import planning
from enrichment.pipeline.mirror import applying, preview
from enrichment.pipeline.receive import storing
from enrichment.vendors.connections import clay
from enrichment.webhooks import replay
from gdpr.models import AuditEvent
from swarm_admin.access.models import User
from swarm_admin.access.roles import SALES_OPS


def enriched(pipeline, slug="johndoe"):
    lead = pipeline.lead(slug)
    pipeline.settle()
    lead.refresh_from_db()
    return lead


CHANGED = [{"key": "icp_score", "field_value": 1}]


def upsert(pipeline, **fields):
    answer = pipeline.sandbox.ghl.post("/contacts/upsert", json={"locationId": "location", **fields})
    return answer.json()["contact"]["id"]


@pytest.fixture
def browser_of_sales(db):
    user = User.objects.create_user("sales@example.com")
    user.groups.add(Group.objects.get(name=SALES_OPS))
    client = Client()
    client.force_login(user)
    return client


def test_all_that_was_sent_came_back(pipeline):
    enriched(pipeline)
    assert {h.system: h.differences for h in Handover.objects.all()} == {"ghl": [], "instantly": []}


def test_a_phone_that_belongs_to_another_contact_is_not_sent_and_the_lead_says_so(pipeline, browser_of_sales):
    lead = pipeline.lead("johndoe")
    pipeline.until(lambda: Lead.objects.get(pk=lead.pk).phone)
    Lead.objects.filter(pk=lead.pk).update(ghl_contact_id="")
    lead.refresh_from_db()
    Handover.objects.all().delete()
    for contact in pipeline.sandbox.state("ghl")["contacts"]:
        pipeline.sandbox.ghl.delete(f"/contacts/{contact['id']}?locationId=location")
    upsert(pipeline, email=lead.email, firstName="By hand")
    upsert(pipeline, email="somebody.else@example.com", phone=lead.phone)
    planning.plan_deliveries(lead, force=True)
    pipeline.settle()
    handover = Handover.objects.get(system="ghl")
    assert (handover.status, handover.differences) == ("done", [])
    page = browser_of_sales.get(f"/leads/{lead.pk}/").content.decode()
    assert "already has a contact with this e-mail" in page
    assert "already has a contact with this phone number" in page
    pipeline.sandbox.ghl.put(f"/contacts/{handover.external_id}", json={"customFields": CHANGED}).raise_for_status()
    read = browser_of_sales.post(f"/deliveries/{handover.pk}/read-back/").content.decode()
    assert "1 field differs" in read
    assert AuditEvent.objects.filter(verb="read_back_delivery", object_id=str(lead.pk)).count() == 1


def test_a_lost_tag_and_a_changed_custom_field_are_read_back(pipeline):
    lead = enriched(pipeline)
    handover = Handover.objects.get(system="ghl")
    pipeline.sandbox.ghl.request(
        "DELETE", f"/contacts/{lead.ghl_contact_id}/tags?locationId=location", json={"tags": ["swarm"]}
    )
    upsert(pipeline, email=lead.email, customFields=[{"key": "icp_score", "field_value": 1}])
    sides = redelivery.read_back(handover, by=None)
    assert {side.name for side in sides if not side.same} == {"tags", "icp_score"}


def test_a_record_that_is_gone_is_said_to_be_gone(pipeline):
    lead = enriched(pipeline)
    pipeline.sandbox.ghl.delete(f"/contacts/{lead.ghl_contact_id}?locationId=location")
    assert redelivery.read_back(Handover.objects.get(system="ghl"), by=None) is None


def test_an_entry_that_was_in_the_campaign_keeps_its_values_and_is_shown(pipeline):
    lead = pipeline.lead("johndoe")
    pipeline.until(lambda: Lead.objects.get(pk=lead.pk).email_work)
    lead.refresh_from_db()
    if lead.instantly_lead_id:
        pipeline.sandbox.instantly.delete(f"/leads/{lead.instantly_lead_id}")
    Handover.objects.all().delete()
    Lead.objects.filter(pk=lead.pk).update(instantly_lead_id="")
    lead.refresh_from_db()
    campaign = {"campaign": "campaign", "email": lead.email, "job_title": "Intern"}
    pipeline.sandbox.instantly.post("/leads", json=campaign).raise_for_status()
    planning.plan_deliveries(lead, force=True)
    pipeline.settle()
    differences = Handover.objects.get(system="instantly").differences
    assert {"job_title", "icp_score", "linkedin_url"} <= set(differences)
    assert "email" not in differences


def test_a_failed_delivery_is_retried(pipeline):
    lead = pipeline.lead("johndoe")
    pipeline.sandbox.fault("ghl", "400", call="contacts.upsert")
    pipeline.settle()
    pipeline.sandbox.no_faults()
    failed = Handover.objects.filter(system="ghl").latest("id")
    assert failed.status == "failed"
    redelivery.retry_deliveries([failed], by=None)
    pipeline.settle()
    failed.refresh_from_db()
    assert (failed.status, failed.differences) == ("done", [])
    assert len(pipeline.sandbox.state("ghl")["contacts"]) == 1
    assert Lead.objects.get(pk=lead.pk).ghl_contact_id == failed.external_id


# ---------------------------------------------------------------- replay


def change_row(pipeline, lead, **values):
    """Clay's row changes without a webhook."""
    path = f"/tables/{lead.clay_table_id}/rows/{lead.clay_row_id}"
    pipeline.sandbox.clay.patch(path, json=values).raise_for_status()


def test_a_replay_shows_its_effect_first_and_then_has_it(pipeline, browser_of_sales):
    lead = enriched(pipeline)
    delivery = WebhookDelivery.objects.get()
    assert replay.forecast(delivery).changes_nothing
    change_row(pipeline, lead, title="Chief Revenue Officer", company_size=90_000)
    before = Lead.objects.filter(pk=lead.pk).values().get()
    page = browser_of_sales.get(f"/webhooks/{delivery.pk}/replay/")
    told = {change["field"]: change["after"] for change in page.context["changes"]}
    assert (told["title"], told["company_size"]) == ("Chief Revenue Officer", "90,000")
    assert Lead.objects.filter(pk=lead.pk).values().get() == before
    browser_of_sales.post(f"/webhooks/{delivery.pk}/replay/")
    pipeline.settle()
    delivery.refresh_from_db()
    lead.refresh_from_db()
    assert (lead.title, lead.company_size) == ("Chief Revenue Officer", 90_000)
    assert delivery.verdict == "accepted"
    assert set(told) - {"icp_tier"} == set(delivery.changed_fields)


def test_what_a_preview_says_is_what_applying_does(pipeline):
    lead = enriched(pipeline)
    change_row(pipeline, lead, title="Intern", email_work=None, phone="not a phone", company_size=3)
    Lead.objects.filter(pk=lead.pk).update(pinned_fields=["title"])
    lead.refresh_from_db()
    row = clay().get_row(lead.clay_table_id, lead.clay_row_id)
    seen = preview.preview(lead, row)
    applying.apply(lead.pk, row, event_at=lead.clay_seen_at)
    now = Lead.objects.get(pk=lead.pk)
    assert {change.field for change in seen.changes} >= {"company_size", "icp_score"}
    for change in seen.changes:
        assert getattr(now, change.field) == change.after
    kept = set(now.conflicts.values_list("field", "reason"))
    assert {field for field, _ in kept} == {conflict.field for conflict in seen.conflicts}
    assert ("title", "pinned") in kept


def test_a_failed_delivery_is_replayed_although_its_copy_came_through(pipeline, monkeypatch):
    lead = enriched(pipeline)
    copy = WebhookDelivery.objects.get()
    body = bytes(copy.body)
    WebhookDelivery.objects.all().delete()
    values = {"body": body, "body_hash": hashlib.sha256(body).hexdigest(), "lead": lead}
    failed = WebhookDelivery.objects.create(**values, status="failed", error_kind="internal_error")
    copy = WebhookDelivery.objects.create(**values, status="processed", verdict="accepted")
    change_row(pipeline, lead, title="Chief Revenue Officer")
    assert replay.forecast(failed).verdict == "accepted"
    assert replay.forecast(copy).verdict == "accepted"
    replay.replay(failed, by=None)
    pipeline.settle()
    failed.refresh_from_db()
    assert (failed.status, failed.verdict) == ("processed", "accepted")
    assert Lead.objects.get(pk=lead.pk).title == "Chief Revenue Officer"
    assert replay.forecast(copy).verdict == "duplicate"


def test_a_row_that_clay_no_longer_has(pipeline):
    lead = enriched(pipeline)
    event = json.loads(bytes(WebhookDelivery.objects.get().body))
    pipeline.sandbox.clay.delete(f"/tables/{lead.clay_table_id}/rows/{event['row_id']}")
    found = replay.forecast(WebhookDelivery.objects.get())
    assert (found.verdict, found.changes_nothing) == ("unknown_row", True)


def test_a_vendor_that_does_not_answer_is_told_as_that(pipeline):
    enriched(pipeline)
    pipeline.sandbox.fault("clay", "401", call="rows.get")
    found = replay.forecast(WebhookDelivery.objects.get())
    assert found.error
    assert not found.changes_nothing


def test_a_delivery_whose_row_could_not_be_read_keeps_what_was_said(pipeline):
    lead = enriched(pipeline)
    pipeline.sandbox.fault(vendor="clay", kind="400", call="rows.get", times=1)
    body = json.dumps(
        {
            "event": "row.enriched",
            "row_id": lead.clay_row_id,
            "table_id": lead.clay_table_id,
            "timestamp": timezone.now().isoformat(),
        }
    ).encode()
    storing.store(body, {})
    pipeline.settle()
    failed = WebhookDelivery.objects.get(status="failed")
    assert failed.error_kind == "set_aside"
    assert failed.error_message.startswith("clay get_row: 400")
