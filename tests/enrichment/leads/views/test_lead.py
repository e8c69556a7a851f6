"""One lead: what is shown to whom, what is recorded of it, and the buttons."""

import pytest
from django.test import Client
from django.utils import timezone

from enrichment.models import Attempt, Disclosure, FieldConflict, FieldFact, Handover, Lead, WaterfallVersion
from enrichment.models import WebhookDelivery as Delivery
from enrichment.pipeline.score import apply
from gdpr.models import AuditEvent
from tests.factories import EnrichedLeadFactory, LeadFactory

pytestmark = pytest.mark.django_db
SECRETS = ("Kowalski", "jan.kowalski@acme.example", "+14155551234", "in/jan-kowalski")


@pytest.fixture
def lead() -> Lead:
    return EnrichedLeadFactory(
        first_name="Jan", last_name="Kowalski", linkedin_url="https://www.linkedin.com/in/jan-kowalski"
    )


@pytest.mark.parametrize("part", ["", "drawer/", "status/"])
def test_only_people_with_the_right_see_it(
    part: str, lead: Lead, client: Client, nobody_client: Client, sales_client: Client
) -> None:
    url = f"/leads/{lead.pk}/{part}"
    assert client.get(url).status_code == 302
    assert nobody_client.get(url).status_code == 403
    assert sales_client.get(url).status_code == 200
    assert sales_client.get(f"/leads/999999/{part}").status_code == 404


@pytest.mark.parametrize("part", ["", "drawer/"])
def test_personal_data_is_masked_without_the_right(part: str, lead: Lead, admin_client: Client) -> None:
    page = admin_client.get(f"/leads/{lead.pk}/{part}").content.decode()
    assert [secret for secret in SECRETS if secret in page] == []
    assert not AuditEvent.objects.filter(verb="view_lead").exists()


def test_an_unmasked_view_is_audited_once_an_hour(lead: Lead, sales_client: Client) -> None:
    for part in ("", "drawer/", ""):
        page = sales_client.get(f"/leads/{lead.pk}/{part}").content.decode()
    assert all(secret in page for secret in SECRETS)
    assert AuditEvent.objects.filter(verb="view_lead", object_id=str(lead.pk)).count() == 1


def test_revealing_needs_a_reason_and_holds_for_this_lead_alone(lead: Lead, admin_client: Client) -> None:
    other = EnrichedLeadFactory(last_name="Otherperson")
    admin_client.post(f"/leads/{lead.pk}/reveal/", {"reason": "  "})
    assert "Kowalski" not in admin_client.get(f"/leads/{lead.pk}/").content.decode()
    admin_client.post(f"/leads/{lead.pk}/reveal/", {"reason": "Call from the person"})
    assert "Kowalski" in admin_client.get(f"/leads/{lead.pk}/").content.decode()
    assert "Otherperson" not in admin_client.get(f"/leads/{other.pk}/").content.decode()
    assert AuditEvent.objects.get(verb="reveal_lead").reason == "Call from the person"


def test_a_reveal_ends(lead: Lead, admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enrichment.leads.unmask.SECONDS", -1)
    admin_client.post(f"/leads/{lead.pk}/reveal/", {"reason": "Call from the person"})
    assert "Kowalski" not in admin_client.get(f"/leads/{lead.pk}/").content.decode()


def test_fields_show_provider_cost_pin_and_conflict(lead: Lead, sales_client: Client) -> None:
    now = timezone.now()
    FieldFact.objects.create(lead=lead, field="phone", provider="cognism", observed_at=now, cost="0.1000")
    FieldConflict.objects.create(lead=lead, field="title", reason="pinned", value="Clerk", observed_at=now)
    Lead.objects.filter(pk=lead.pk).update(pinned_fields=["title"])
    page = sales_client.get(f"/leads/{lead.pk}/").content.decode()
    for words in ("Cognism", "$0.1000", "Pinned", "Clerk"):
        assert words in page


def test_the_score_is_explained_with_what_would_lift_it(lead: Lead, sales_client: Client) -> None:
    lead.company_size, lead.clay_score = 60.0, 87.0
    apply.apply(lead)
    lead.save()
    page = sales_client.get(f"/leads/{lead.pk}/").content.decode()
    assert lead.icp_tier == 2
    assert "How to reach the next tier" in page
    assert "→ Tier 1" in page
    assert "vs ours" in page


def test_the_timeline_holds_everything_newest_first(lead: Lead, sales_client: Client) -> None:
    now = timezone.now()
    Attempt.objects.create(lead=lead, waterfall=WaterfallVersion.active(), status="failed", finished_at=now)
    Delivery.objects.create(lead=lead, body=b"", body_hash="x", event="row.enriched", verdict="accepted")
    Handover.objects.create(lead=lead, system="ghl", status="done", finished_at=now)
    Disclosure.objects.create(lead=lead, system="ghl", action="create_contact", fields=["email"])
    happenings = sales_client.get(f"/leads/{lead.pk}/").context["happenings"]
    assert {"intake", "attempt", "webhook", "handover", "disclosure", "staff"} <= {h.kind for h in happenings}
    times = [happening.at for happening in happenings]
    assert times == sorted(times, reverse=True)


def test_retry_without_a_provider(sales_client: Client) -> None:
    lead = LeadFactory(enrichment_status="failed", dispatch_after=None)
    answer = sales_client.post(f"/leads/{lead.pk}/retry/", {"without": "apollo"}, follow=True)
    lead.refresh_from_db()
    assert (lead.enrichment_status, lead.skip_providers) == ("pending", ["apollo"])
    assert "without apollo" in answer.content.decode()


def test_a_button_that_cannot_be_used_says_why(sales_client: Client, compliance_client: Client) -> None:
    lead = LeadFactory()
    assert "Already waiting to be sent" in sales_client.get(f"/leads/{lead.pk}/").content.decode()
    assert "Ask an admin" in compliance_client.get(f"/leads/{lead.pk}/").content.decode()
    assert compliance_client.post(f"/leads/{lead.pk}/retry/").status_code == 403
    assert compliance_client.post(f"/leads/{lead.pk}/deliver/").status_code == 403


def test_deliver_again_plans_both_systems(lead: Lead, sales_client: Client) -> None:
    sales_client.post(f"/leads/{lead.pk}/deliver/")
    assert set(lead.handovers.values_list("system", flat=True)) == {"ghl", "instantly"}


def test_the_status_polls_until_it_is_final(sales_client: Client) -> None:
    lead = LeadFactory()
    part = sales_client.get(f"/leads/{lead.pk}/status/", headers={"HX-Request": "true"})
    assert "every 2s" in part.content.decode()
    assert "HX-Refresh" not in part
    Lead.objects.filter(pk=lead.pk).update(enrichment_status="completed", dispatch_after=None)
    part = sales_client.get(f"/leads/{lead.pk}/status/", headers={"HX-Request": "true"})
    assert "every 2s" not in part.content.decode()
    assert part["HX-Refresh"] == "true"


def test_both_pages_say_whose_number_it_is_too(sales_client):
    first, second = LeadFactory(pk=17_808, phone="+14155551234"), LeadFactory(phone="+14155551234")
    alone = LeadFactory(phone="+14155550134", email_work="alone@acme.example")
    for lead, other in ((first, second), (second, first)):
        page = sales_client.get(f"/leads/{lead.pk}/").content.decode()
        assert "Also on 1 other lead: " in page
        assert f'<a href="/leads/{other.pk}/">lead {other.pk}</a>' in page
        assert "A phone number alone never identifies a person" in page
    assert "Also on" not in sales_client.get(f"/leads/{alone.pk}/").content.decode()


def test_an_address_that_two_leads_have_and_an_office_are_told(sales_client):
    first = LeadFactory(email_work="kim@acme.example")
    second = LeadFactory(email_personal="kim@acme.example", email_work="info@acme.example")
    page = sales_client.get(f"/leads/{first.pk}/").content.decode()
    assert f"lead {second.pk}</a>" in page
    assert "Suppressing this address applies to all of these leads" in page
    assert "A shared mailbox never identifies a person" in sales_client.get(f"/leads/{second.pk}/").content.decode()
