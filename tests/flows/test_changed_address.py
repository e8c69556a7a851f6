"""A lead whose e-mail has changed since it came into the campaign: deleted and added anew, or a person decides."""

import pytest
from django.urls import reverse

from enrichment.leases import hand_back_lapsed
from enrichment.models import CampaignMove, Handover, Lead
from enrichment.pipeline.deliver import planning, recording, running
from enrichment.states import HandoverStatus
from enrichment.vendors.instantly.client import InstantlyClient
from gdpr.identity import Identity
from gdpr.suppression import gate
from tests.factories import EnrichedLeadFactory

OLD, NEW = "old@acme.example", "new@acme.example"


def records(pipeline):
    return {each["email"]: each for each in pipeline.sandbox.state("instantly")["leads"]}


def ended(pipeline):
    pipeline.until(lambda: not Handover.objects.filter(status__in=["planned", "in_flight", "unknown"]).exists())
    return Handover.objects.latest("pk")


def planned(lead, email=NEW):
    Lead.objects.filter(pk=lead.pk).update(email_work=email)
    lead.refresh_from_db()
    planning.plan_deliveries(lead, systems=["instantly"])


@pytest.fixture
def lead(pipeline):
    """In the campaign under its first address, and written to there."""
    lead = EnrichedLeadFactory(email_work=OLD)
    planning.plan_deliveries(lead, systems=["instantly"])
    ended(pipeline)
    lead.refresh_from_db()
    mails(pipeline, lead, opened=2)
    return lead


def mails(pipeline, lead, **told):
    body = {"id": lead.instantly_lead_id, **told}
    pipeline.sandbox.http.post("/_instantly/mails", json=body).raise_for_status()


def killed_after(monkeypatch, method):
    """The worker dies as soon as this call has been answered."""
    real = getattr(InstantlyClient, method)

    def call(self, *args, **more):
        real(self, *args, **more)
        raise KeyboardInterrupt

    monkeypatch.setattr(InstantlyClient, method, call)
    with pytest.raises(KeyboardInterrupt):
        running.run_due("instantly")
    monkeypatch.setattr(InstantlyClient, method, real)


def lapsed(settings):
    settings.LEASE_SECONDS = 0
    assert hand_back_lapsed(Handover, HandoverStatus, recording.give_up_lost) == 1
    settings.LEASE_SECONDS = 120


def test_the_campaign_goes_on_with_the_new_address_alone(pipeline, lead, sales_client):
    old_id = lead.instantly_lead_id
    planned(lead)
    handover = ended(pipeline)
    assert (handover.status, handover.differences) == ("done", [])
    (after,) = records(pipeline).values()
    lead.refresh_from_db()
    assert (after["email"], after["id"]) == (NEW, lead.instantly_lead_id)
    move = CampaignMove.objects.get()
    assert (move.status, move.old_id, move.new_id, move.opens, move.old_email) == (
        "moved",
        old_id,
        after["id"],
        2,
        "",
    )
    assert move.contacted_at is not None
    page = sales_client.get(reverse("lead", args=[lead.pk])).content.decode()
    assert "This lead is in the campaign under an earlier e-mail address" in page
    assert "2 opened" in page


def test_it_moves_once_however_often_the_lead_changes(pipeline, lead):
    planned(lead)
    ended(pipeline)
    Lead.objects.update(title="CEO")
    lead.refresh_from_db()
    planning.plan_deliveries(lead, systems=["instantly"])
    ended(pipeline)
    (after,) = records(pipeline).values()
    assert (after["email"], after["job_title"]) == (NEW, "CEO")
    assert pipeline.sandbox.stats()["instantly"]["leads_created"] == 2


@pytest.mark.parametrize("told", [{"replied": 1}, {"unsubscribed": True}])
@pytest.mark.parametrize(("status", "left"), [("moving", NEW), ("stays", OLD)])
def test_who_answered_there_is_moved_by_a_person_alone(pipeline, lead, admin_client, told, status, left):
    mails(pipeline, lead, **told)
    before = records(pipeline)
    planned(lead)
    handover = ended(pipeline)
    assert (handover.status, handover.error_kind) == ("failed", "answered_before")
    assert records(pipeline) == before
    move = CampaignMove.objects.get()
    address = reverse("lead_campaign_decide", args=[lead.pk, move.pk])
    assert address in admin_client.get(reverse("lead", args=[lead.pk])).content.decode()
    admin_client.post(address, {"status": status})
    handover = ended(pipeline)
    assert handover.status == "done"
    assert list(records(pipeline)) == [left]
    assert handover.differences == ([] if left == NEW else ["email"])


@pytest.mark.parametrize("method", ["delete_lead", "add_lead"])
def test_a_worker_killed_in_between_loses_nobody_and_makes_nobody_twice(pipeline, lead, settings, monkeypatch, method):
    planned(lead)
    killed_after(monkeypatch, method)
    lapsed(settings)
    assert ended(pipeline).status == "done"
    assert list(records(pipeline)) == [NEW]
    assert pipeline.sandbox.stats()["instantly"]["leads_created"] == 2
    lead.refresh_from_db()
    assert lead.instantly_lead_id == records(pipeline)[NEW]["id"]
    assert CampaignMove.objects.get().old_email == ""


@pytest.mark.parametrize("call", ["leads.delete", "leads.create"])
@pytest.mark.parametrize("kind", ["reset_after_effect", "reset_before_effect", "502", "429"])
def test_a_lost_answer_loses_nobody_and_makes_nobody_twice(pipeline, lead, call, kind):
    pipeline.sandbox.fault("instantly", kind, call=call, times=1)
    planned(lead)
    assert ended(pipeline).status == "done"
    assert list(records(pipeline)) == [NEW]


@pytest.mark.parametrize("address", [OLD, NEW])
def test_who_is_suppressed_under_either_address_is_not_added(pipeline, lead, address):
    gate.suppress(Identity(emails=(address,)), reason="objection")
    before = records(pipeline)
    planned(lead)
    handover = ended(pipeline)
    assert (handover.status, handover.error_kind) == ("withheld", "suppressed")
    assert records(pipeline) == before


@pytest.mark.parametrize("address", [OLD, NEW])
def test_who_is_suppressed_between_the_deletion_and_the_adding_is_not_added(
    pipeline, lead, settings, monkeypatch, address
):
    planned(lead)
    killed_after(monkeypatch, "delete_lead")
    gate.suppress(Identity(emails=(address,)), reason="objection")
    lapsed(settings)
    handover = ended(pipeline)
    assert (handover.status, handover.error_kind) == ("withheld", "suppressed")
    assert records(pipeline) == {}
    if address == OLD:
        move = CampaignMove.objects.get()
        assert (move.status, move.old_email) == ("stopped", "")
        planning.plan_retry([handover.pk])
        assert ended(pipeline).status == "withheld"
        assert records(pipeline) == {}


@pytest.mark.parametrize("switch", [{"instantly_delete": "off405"}, {"instantly_delete_lies": True}])
def test_where_it_cannot_be_deleted_nobody_is_written_to_twice(pipeline, lead, switch):
    pipeline.sandbox.config(**switch)
    planned(lead)
    handover = ended(pipeline)
    assert (handover.status, handover.error_kind) == ("failed", "by_hand")
    assert list(records(pipeline)) == [OLD]


def test_another_lead_s_record_is_neither_changed_nor_deleted(pipeline, lead):
    other = EnrichedLeadFactory(email_work=NEW, first_name="Eve", instantly_lead_id=lead.instantly_lead_id)
    planning.plan_deliveries(other, systems=["instantly"])
    ended(pipeline)
    found = records(pipeline)
    assert {email: each["first_name"] for email, each in found.items()} == {OLD: "Ada", NEW: "Eve"}
    other.refresh_from_db()
    assert other.instantly_lead_id == found[NEW]["id"]
