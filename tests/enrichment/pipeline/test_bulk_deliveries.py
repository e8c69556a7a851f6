"""Deliveries of a whole round: Instantly in one call, recorded together, and never made twice."""

import pytest

from enrichment.leases import hand_back_lapsed
from enrichment.models import Disclosure, Handover
from enrichment.pipeline import hand_instantly
from enrichment.pipeline.deliver import planning, recording, running
from enrichment.pipeline.deliver import recording as deliver_recording
from enrichment.pipeline.delivery_outcomes import DeliveryRequest, Sent
from enrichment.states import HandoverStatus
from enrichment.vendors import limiter
from enrichment.vendors.errors import VendorError
from enrichment.vendors.gohighlevel import fields as contact_fields
from enrichment.vendors.instantly import fields as campaign_fields
from tests.factories import EnrichedLeadFactory

FOREVER = float("inf")


def planned(count, systems=("ghl", "instantly")):
    leads = [EnrichedLeadFactory(phone=f"+1415555{number:04}") for number in range(count)]
    planning.plan_all(leads, systems=systems)
    return leads


def calls(pipeline, vendor):
    return {name: told["requests"] for name, told in pipeline.sandbox.stats()[vendor]["calls"].items()}


def test_new_leads_are_added_to_the_campaign_in_one_call(pipeline):
    leads = planned(5, ["instantly"])
    assert running.run_due("instantly") == 5
    assert calls(pipeline, "instantly") == {"leads.add": 1}
    stored = {lead["email"]: lead["id"] for lead in pipeline.sandbox.state("instantly")["leads"]}
    for lead in leads:
        lead.refresh_from_db()
        assert lead.instantly_lead_id == stored[lead.email]
        assert lead.write_back_after is not None
    assert Disclosure.objects.filter(action="add_to_campaign").count() == 5


def test_what_one_call_does_not_tell_is_answered_for_each_alone(pipeline):
    new, present, blocked, invalid, twin, other = (EnrichedLeadFactory() for _ in range(6))
    other.email_work = twin.email_work
    invalid.email_work = "no.address@nowhere"
    pipeline.sandbox.instantly.post("/leads", json={"campaign": "campaign", "email": present.email})
    pipeline.sandbox.instantly.post("/block-lists-entries", json={"bl_value": blocked.email})
    leads = [new, present, blocked, invalid, twin, other]
    answers = hand_instantly.send_all([DeliveryRequest(lead) for lead in leads], FOREVER)
    ids = {lead["email"]: lead["id"] for lead in pipeline.sandbox.state("instantly")["leads"]}
    assert [type(answer) for answer in answers if isinstance(answer, Sent)] == [Sent] * 4
    assert answers[0].external_id == ids[new.email]
    assert answers[1].external_id == ids[present.email]
    assert "job_title" in answers[1].differences
    assert isinstance(answers[2], VendorError)
    assert isinstance(answers[3], VendorError)
    assert answers[4].external_id == answers[5].external_id == ids[twin.email]
    assert pipeline.sandbox.stats()["instantly"]["duplicates_by_email"] == 0


@pytest.mark.parametrize("kind", ["reset_after_effect", "502", "429", "400"])
def test_a_common_call_that_fails_adds_each_once(pipeline, kind):
    planned(4, ["instantly"])
    pipeline.sandbox.fault("instantly", kind, call="leads.add", times=1)
    pipeline.settle()
    assert Handover.objects.filter(status="done").count() == 4
    assert len(pipeline.sandbox.state("instantly")["leads"]) == 4


@pytest.mark.parametrize("system", ["ghl", "instantly"])
def test_a_worker_killed_between_the_calls_and_their_record_makes_none_twice(pipeline, settings, monkeypatch, system):
    planned(4, [system])

    def killed(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(recording, "record_sent", killed)
    with pytest.raises(KeyboardInterrupt):
        running.run_due(system)
    monkeypatch.undo()
    assert set(Handover.objects.values_list("status", flat=True)) == {"in_flight"}
    settings.LEASE_SECONDS = 0
    assert hand_back_lapsed(Handover, HandoverStatus, deliver_recording.give_up_lost) == 4
    pipeline.settle()
    assert set(Handover.objects.values_list("status", flat=True)) == {"done"}
    records = pipeline.sandbox.state(system)["contacts" if system == "ghl" else "leads"]
    assert len(records) == 4
    assert Disclosure.objects.filter(system=system).count() == 4


def test_one_that_cannot_be_recorded_does_not_take_the_others_with_it(pipeline, monkeypatch):
    leads = planned(3, ["ghl"])
    real = recording.payload

    def poisoned(lead, system):
        if lead.pk == leads[1].pk:
            raise RuntimeError
        return real(lead, system)

    monkeypatch.setattr(recording, "payload", poisoned)
    running.run_due("ghl")
    told = Handover.objects.order_by("lead_id").values_list("status", flat=True)
    assert list(told) == ["done", "in_flight", "done"]


def test_a_lead_that_changed_under_way_is_due_again(pipeline, monkeypatch):
    leads = planned(2, ["ghl"])
    real = recording.record_sent

    def late(channel, done):
        type(leads[0]).objects.filter(pk=leads[0].pk).update(title="CEO")
        real(channel, done)

    monkeypatch.setattr(recording, "record_sent", late)
    pipeline.sandbox.fault("ghl", "401", call="*", times=0)
    running.run_due("ghl")
    monkeypatch.undo()
    assert Handover.objects.filter(lead=leads[0], status="done").count() >= 1
    running.run_due("ghl")
    told = {contact["email"]: contact for contact in pipeline.sandbox.state("ghl")["contacts"]}
    titles = {field["key"]: field["value"] for field in told[leads[0].email]["customFields"]}
    assert titles["title"] == "CEO"


def test_the_limit_is_obeyed_and_what_it_refuses_waits_uncounted(pipeline, settings):
    settings.GHL_PER_TEN_SECONDS, settings.CLOCK_SPEED = 12, 1.0
    planned(5, ["ghl"])
    assert running.run_due("ghl") == 3
    assert calls(pipeline, "ghl") == {"contacts.search": 6, "contacts.upsert": 3, "tags.add": 3}
    assert set(Handover.objects.filter(status="planned").values_list("tries", flat=True)) == {0}
    assert 0 < running.seconds_until_slot("ghl") <= 10.1
    assert limiter.free_slots("ghl.calls", "location") == 0


@pytest.mark.parametrize("system", ["ghl", "instantly"])
def test_a_lead_that_breaks_our_own_code_does_not_take_the_round_with_it(pipeline, monkeypatch, system):
    leads = planned(4, [system])
    poison = leads[1].pk
    module, name = (contact_fields, "contact_of") if system == "ghl" else (campaign_fields, "lead_of")
    real = getattr(module, name)

    def told(lead):
        if lead.pk == poison:
            raise ValueError("a secret@person.example")
        return real(lead)

    monkeypatch.setattr(module, name, told)
    running.run_due(system)
    done = Handover.objects.filter(status=HandoverStatus.DONE).values_list("lead_id", flat=True)
    assert sorted(done) == sorted(lead.pk for lead in leads if lead.pk != poison)
    left = Handover.objects.get(lead=poison)
    assert left.status == HandoverStatus.UNKNOWN
    assert "person.example" not in left.error_message
