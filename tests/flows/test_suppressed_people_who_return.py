"""A suppressed person comes back through another profile: the row we made goes, the money stays, and it is known."""

from decimal import Decimal

import pytest
from django.db.models import Sum
from django.urls import reverse
from django.utils import timezone

from enrichment.drift import reconcile
from enrichment.models import Alert, Attempt, Drift, Handover, Lead, WebhookDelivery
from enrichment.monitoring import compliance_alarms
from enrichment.pipeline.deliver import planning, redeliver, running
from gdpr import compliance_alerts
from gdpr.identity import Identity
from gdpr.models import AuditEvent, Purge, Suppression
from gdpr.requests.intake import read
from gdpr.requests.pipeline.open import open_request
from gdpr.retention import retention
from gdpr.suppression import gate
from swarm_admin.sandbox import people


def rows(pipeline):
    return pipeline.sandbox.state("clay")["tables"]["tbl_test"]


def address_of(slug):
    """What the sandbox's providers will find of this profile."""
    row = {"linkedin_url": f"https://www.linkedin.com/in/{slug}"}
    return people.person(row, 1)["email_work"]


def comes_back(pipeline, slug="another-profile", **values):
    """An erased person's address, told of a profile that nobody had heard of."""
    lead = pipeline.lead(slug, dispatch_priority=20, **values)
    gate.suppress(Identity(emails=(address_of(slug),)), reason="erasure")
    return lead


def told(pipeline):
    return pipeline.until(lambda: Purge.objects.first())


def spent(pipeline):
    sandbox = sum(each["cost"] for each in pipeline.sandbox.stats()["clay"]["providers"].values())
    books = Attempt.objects.aggregate(cost=Sum("cost"))["cost"]
    assert sandbox > 0
    return books, Decimal(str(round(sandbox, 4)))


@pytest.mark.parametrize("webhook", ["comes", "is lost"])
def test_the_row_is_deleted_and_read_back_and_the_money_is_counted_without_the_person(pipeline, webhook):
    if webhook == "is lost":
        pipeline.sandbox.fault("clay", "drop_webhook")
    lead = comes_back(pipeline)
    told(pipeline)
    assert list(Drift.objects.values_list("kind", "resolved_at")) == [("suppressed", None)]
    assert [row["id"] for row in rows(pipeline)] == [Drift.objects.get().row_id]
    pipeline.until(lambda: retention.run_due() is not None and Purge.objects.filter(status="done").exists())
    assert rows(pipeline) == []
    assert not Lead.objects.exists()
    assert not Drift.objects.exists()
    books, sandbox = spent(pipeline)
    assert books == sandbox
    assert list(Attempt.objects.values_list("lead", "error_message")) == [(None, "")]
    assert AuditEvent.objects.get(verb="purge").reason == "returned"
    assert address_of("another-profile") not in str(list(WebhookDelivery.objects.values_list("body", flat=True)))
    # The profile is on the list now: it is not bought again.
    assert gate.look_up([Identity(lead.linkedin_url)]) == {0}


def test_where_clay_offers_no_deletion_an_officer_has_it_with_an_alert(pipeline):
    pipeline.sandbox.config(row_delete=False)
    comes_back(pipeline)
    told(pipeline)
    pipeline.until(lambda: retention.run_due() is not None and Purge.objects.filter(status="manual").exists())
    record = Purge.objects.get().records.get(status="manual")
    assert (record.store, bool(record.instructions)) == ("clay", True)
    compliance_alerts.subscribe(compliance_alarms.sync_alerts)
    compliance_alerts.publish()
    sentence = Alert.objects.get(kind="compliance", subject="purge_by_hand_returned:0").sentence
    assert sentence == "1 record of a suppressed person who came back must be removed by hand: see Retention."
    assert Drift.objects.get().kind == "suppressed"
    books, sandbox = spent(pipeline)
    assert books == sandbox


def test_where_clay_says_deleted_and_keeps_the_row_an_officer_has_it(pipeline):
    pipeline.sandbox.config(delete_lies=True)
    comes_back(pipeline)
    told(pipeline)
    pipeline.until(lambda: retention.run_due() is not None and Purge.objects.filter(status="manual").exists())
    assert len(rows(pipeline)) == 1


def test_a_lead_that_was_known_before_loses_the_row_and_a_person_looks_at_it(pipeline):
    lead = comes_back(pipeline, email_personal="ada@home.example")
    told(pipeline)
    pipeline.until(lambda: retention.run_due() is not None and Purge.objects.filter(status="done").exists())
    lead.refresh_from_db()
    assert rows(pipeline) == []
    assert (lead.email_personal, lead.email_work, lead.clay_row_id) == ("ada@home.example", "", None)
    assert (lead.needs_person, lead.error_kind) == (True, "named_suppressed")
    books, sandbox = spent(pipeline)
    assert books == sandbox == lead.enrichment_cost
    assert not Drift.objects.exists()


def written_to(pipeline):
    """The addresses that GoHighLevel and Instantly were told."""
    ghl = {contact.get("email") for contact in pipeline.sandbox.state("ghl")["contacts"]}
    return ghl | {lead["email"] for lead in pipeline.sandbox.state("instantly")["leads"]}


def undecided(pipeline):
    """A tier 1 lead with an address of its own whose answer named the erased person."""
    lead = comes_back(pipeline, email_personal="ada@home.example", icp_tier=1, icp_score=90)
    told(pipeline)
    for system in ("ghl", "instantly"):
        running.run_due(system)
    lead.refresh_from_db()
    assert (lead.enrichment_status, lead.needs_person, lead.error_kind) == (
        "partial", True, "named_suppressed",
    )  # fmt: skip
    return lead


def test_nobody_is_written_to_before_a_person_has_decided(pipeline, admin_client):
    lead = undecided(pipeline)
    assert written_to(pipeline) == set()
    assert not Handover.objects.exists()
    page = admin_client.get(reverse("lead", args=[lead.pk])).content.decode()
    assert "Delivery is blocked until you decide" in page
    assert reverse("lead_deliver_plan", args=[lead.pk]) not in page  # the button says why instead
    admin_client.post(reverse("lead_person_decide", args=[lead.pk]))
    for system in ("ghl", "instantly"):
        running.run_due(system)
    assert written_to(pipeline) == {"ada@home.example"}
    assert set(Handover.objects.values_list("system", "status")) == {("ghl", "done"), ("instantly", "done")}
    lead.refresh_from_db()
    assert (lead.needs_person, lead.error_kind) == (False, "")
    assert AuditEvent.objects.filter(verb="decide_person", object_id=str(lead.pk)).count() == 1


def test_what_was_planned_before_the_answer_is_withheld_and_goes_out_once_decided(pipeline, admin_client):
    lead = undecided(pipeline)
    planning.plan_deliveries(lead, force=True)
    for system in ("ghl", "instantly"):
        running.run_due(system)
    assert set(Handover.objects.values_list("status", "error_kind")) == {("withheld", "named_suppressed")}
    assert written_to(pipeline) == set()
    found = redeliver.sort_for_retry(list(Handover.objects.all()))
    assert (found.ready, list(found.left_out)) == ([], [redeliver.NOT_DECIDED])
    admin_client.post(reverse("lead_person_decide", args=[lead.pk]))
    for system in ("ghl", "instantly"):
        running.run_due(system)
    assert list(Handover.objects.values_list("status", flat=True)) == ["done", "done"]
    assert written_to(pipeline) == {"ada@home.example"}


def test_a_retry_that_names_nobody_any_more_delivers_what_was_withheld(pipeline, admin_client):
    lead = undecided(pipeline)
    planning.plan_deliveries(lead, force=True)
    running.run_due("ghl")
    Suppression.objects.update(released_at=timezone.now())
    admin_client.post(reverse("lead_retry", args=[lead.pk]))
    pipeline.settle()
    lead.refresh_from_db()
    assert (lead.needs_person, lead.email_work) == (False, address_of("another-profile"))
    assert Handover.objects.filter(system="ghl", status="done").exists()


def test_while_their_request_is_open_a_lead_with_an_address_of_its_own_waits_too(pipeline):
    lead = comes_back(pipeline, email_personal="ada@home.example")
    open_request(read({"kind": "erasure", "emails": [address_of("another-profile")]}), channel="form")
    pipeline.until(lambda: Attempt.objects.filter(error_kind="suppressed").exists())
    running.run_due("ghl")
    lead.refresh_from_db()
    assert (lead.needs_person, lead.error_kind) == (True, "named_suppressed")
    assert written_to(pipeline) == set()


def test_while_a_request_of_the_person_is_open_nothing_goes_before_it_is_approved(pipeline):
    lead = comes_back(pipeline)
    open_request(read({"kind": "erasure", "emails": [address_of("another-profile")]}), channel="form")
    pipeline.until(lambda: Attempt.objects.filter(error_kind="suppressed").exists())
    assert not Purge.objects.exists()
    assert len(rows(pipeline)) == 1
    assert Lead.objects.filter(pk=lead.pk, error_kind="suppressed").exists()
    books, sandbox = spent(pipeline)
    assert books == sandbox


def test_a_comparison_finds_a_row_that_names_them_since(pipeline, settings):
    """Somebody else's automation wrote the address into a row of ours: no webhook told."""
    lead = pipeline.lead("quiet", dispatch_priority=20)
    pipeline.settle()
    lead.refresh_from_db()
    gate.suppress(Identity(emails=("gone@home.example",)), reason="erasure")
    path = f"/tables/tbl_test/rows/{lead.clay_row_id}"
    pipeline.sandbox.clay.patch(path, json={"email_personal": "gone@home.example"}).raise_for_status()
    reconcile.start_run(full=True)
    pipeline.until(lambda: reconcile.run_due() is not None and Drift.objects.filter(kind="suppressed").exists())
    pipeline.until(lambda: retention.run_due() is not None and Purge.objects.filter(status="done").exists())
    assert rows(pipeline) == []
    assert Suppression.objects.filter(released_at=None).count() == 1  # the lead itself is not on the list
