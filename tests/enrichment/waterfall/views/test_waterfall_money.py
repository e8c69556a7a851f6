"""Spending, budget, economics and pilots on the screen: what they say, and who may."""

from decimal import Decimal

import pytest
from django.core.cache import cache
from django.utils import timezone

from enrichment import tasks, versions
from enrichment.models import BulkJob, Lead, ProviderService, SpendCap, WaterfallVersion
from enrichment.pilots import pilot
from enrichment.versions import EditStart
from enrichment.waterfall import enriched, spend_limits
from swarm_admin.access.models import User
from tests.enrichment.waterfall.test_editing import changed
from tests.enrichment.waterfall.test_spending import attempt
from tests.factories import EnrichedLeadFactory, LeadFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft():
    ada = User.objects.create_user("ada@example.com")
    dear_first = ["clearbit", "pdl", "apollo", "hunter", "snovio"]
    return versions.save_edit(WaterfallVersion, changed(providers=dear_first), EditStart(), by=ada)


def page(client, address, **headers):
    answer = client.get(address, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


# ---------------------------------------------------------------- spending and budget


def test_spending_by_everything(sales_client):
    attempt(EnrichedLeadFactory(), at=timezone.now(), cost="0.31")
    shown = page(sales_client, "/waterfall/spending/?period=today")
    assert "No budget set" in shown
    assert shown.count("$0.31") >= 4
    assert "Cost per Tier 1 lead" in shown
    for period in ("month", "30d", "nonsense"):
        assert "$0.31" in page(sales_client, f"/waterfall/spending/?period={period}")


def test_spending_says_that_leads_are_being_counted_and_asks_again(sales_client):
    attempt(EnrichedLeadFactory(), at=timezone.now(), cost="0.31")
    cache.set(enriched.SLOW, 1)
    shown = page(sales_client, "/waterfall/spending/?period=30d")
    assert "counting" in shown
    assert 'hx-select="#spent"' in shown
    assert shown.count("$0.31") >= 4
    tasks.count_spent_leads()
    shown = page(sales_client, "/waterfall/spending/?period=30d")
    assert "counting" not in shown
    assert "hx-select" not in shown
    assert "Leads counted" in shown


def test_a_budget_is_set_with_a_note_and_shown_everywhere(sales_client):
    data = {"period": "day", "source_type": "", "amount": "12.50", "note": "as agreed"}
    assert sales_client.post("/waterfall/spending/budget/", data).status_code == 302
    cap = SpendCap.objects.get()
    assert (cap.amount, cap.note) == (Decimal("12.50"), "as agreed")
    assert "of $12.50" in page(sales_client, "/")
    attempt(EnrichedLeadFactory(), at=timezone.now(), cost="25")
    assert "200 %" in page(sales_client, "/waterfall/spending/")
    spend_limits.mark_reached(cap)
    assert "New enrichment is paused" in page(sales_client, "/leads/")
    assert "New enrichment is paused" in page(sales_client, "/holds/")
    assert "New enrichment is paused:" in page(sales_client, "/waterfall/spending/")
    assert 'value="12.50"' in page(sales_client, "/waterfall/spending/budget/?of=day")
    sales_client.post("/waterfall/spending/budget/", {**data, "amount": "20", "note": "the fair is on"})
    assert SpendCap.objects.get().reached_at is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "0"},
        {"amount": "much"},
        {"note": ""},
        {"note": "abc"},
        {"period": "year"},
        {"source_type": "x"},
    ],
)
def test_a_wrong_budget_is_refused_at_its_field(sales_client, wrong):
    data = {"period": "day", "source_type": "", "amount": "12.50", "note": "as agreed", **wrong}
    assert 'role="alert"' in sales_client.post("/waterfall/spending/budget/", data).content.decode()
    assert not SpendCap.objects.exists()


def test_a_budget_is_removed_with_a_note(sales_client):
    cap = SpendCap.objects.create(period="day", amount=1)
    sales_client.post(f"/waterfall/spending/budget/{cap.pk}/remove/", {"note": ""})
    assert SpendCap.objects.exists()
    sales_client.post(f"/waterfall/spending/budget/{cap.pk}/remove/", {"note": "no longer needed"})
    assert not SpendCap.objects.exists()


# ---------------------------------------------------------------- economics


def test_the_panel_shows_the_draft_beside_what_is_published(sales_client, draft):
    shown = page(sales_client, "/waterfall/economics/", HX_Request="true")
    assert "draft vs published" in shown
    assert "This is an assumption" in shown
    assert "Apply to draft" in shown
    for query in (
        "?basis=tabled",
        "?basis=observed&segment=size",
        "?segment=country&value=Mars",
        "?basis=x&segment=y",
    ):
        page(sales_client, f"/waterfall/economics/{query}")


def test_a_suggested_order_goes_into_the_draft(sales_client, draft):
    order = "snovio,hunter,apollo,pdl,clearbit"
    data = {"draft": draft.pk, "revision": draft.revision, "kind": "email", "order": order}
    sales_client.post("/waterfall/economics/apply/", data)
    assert versions.draft_of(WaterfallVersion).document["waterfall_email"]["providers"] == order.split(",")
    sales_client.post("/waterfall/economics/apply/", {**data, "order": "apollo,hunter,clearbit,pdl,snovio"})
    assert versions.draft_of(WaterfallVersion).document["waterfall_email"]["providers"] == order.split(",")


@pytest.mark.parametrize(
    ("kind", "order"), [("email", "apollo"), ("fax", "apollo"), ("email", ""), ("phone", "lusha,zoominfo")]
)
def test_an_order_of_others_is_refused(sales_client, draft, kind, order):
    data = {"draft": draft.pk, "revision": draft.revision, "kind": kind, "order": order}
    sales_client.post("/waterfall/economics/apply/", data)
    assert versions.draft_of(WaterfallVersion).revision == draft.revision


# ---------------------------------------------------------------- pilots


def test_a_pilot_shows_its_plan_first(sales_client, draft):
    LeadFactory.create_batch(3)
    assert "3 waiting leads available" in page(sales_client, "/waterfall/pilots/new/")
    answer = sales_client.post("/waterfall/pilots/new/", {"count": "2", "source_type": ""}).content.decode()
    assert "Start pilot" in answer
    assert "2 leads" in answer
    assert not BulkJob.objects.exists()
    chosen = Lead.objects.first()
    data = {"ids": str(chosen.pk), "draft": draft.pk, "revision": draft.revision}
    answer = sales_client.post("/waterfall/pilots/start/", data)
    job = BulkJob.objects.get()
    assert answer["Location"] == f"/waterfall/pilots/{job.pk}/"
    shown = page(sales_client, f"/waterfall/pilots/{job.pk}/")
    assert "Measured vs forecast" in shown
    assert "Too little data" in shown
    assert f"Pilot {job.pk}" in page(sales_client, "/waterfall/pilots/")
    assert "Waterfall draft, tested on 1 lead" in page(sales_client, "/jobs/")
    assert sales_client.get(f"/jobs/{job.pk}/")["Location"] == f"/waterfall/pilots/{job.pk}/"
    assert 'hx-trigger="every 1s"' in page(sales_client, f"/waterfall/pilots/{job.pk}/", HX_Request="true")


def test_a_pilot_of_another_draft_is_not_started(sales_client, draft):
    lead = LeadFactory()
    for data in ({"draft": draft.pk, "revision": draft.revision - 1}, {"draft": draft.pk + 1, "revision": 1}):
        assert sales_client.post("/waterfall/pilots/start/", {"ids": str(lead.pk), **data}).status_code == 302
    assert not BulkJob.objects.exists()


def test_without_a_draft_there_is_nothing_to_try(sales_client):
    assert sales_client.get("/waterfall/pilots/new/")["Location"] == "/waterfall/"
    assert "There is no draft to test" in page(sales_client, "/waterfall/pilots/")


def test_what_was_tried_and_is_no_longer_the_draft_says_so(sales_client, draft):
    lead = LeadFactory()
    job = pilot.start_pilot(draft, [lead.pk], revision=draft.revision, by=draft.created_by)
    assert "Review and publish…" in page(sales_client, f"/waterfall/pilots/{job.pk}/")
    versions.save_edit(
        WaterfallVersion, changed(providers=["pdl"]), EditStart(draft.pk, draft.revision), by=draft.created_by
    )
    assert "has changed since this pilot" in page(sales_client, f"/waterfall/pilots/{job.pk}/")


# ---------------------------------------------------------------- who may


def test_who_may(compliance_client, nobody_client, client, draft):
    cap = SpendCap.objects.create(period="day", amount=1)
    lead = LeadFactory()
    job = pilot.start_pilot(draft, [lead.pk], revision=draft.revision, by=draft.created_by)
    read = [
        "/waterfall/spending/",
        "/waterfall/economics/",
        "/waterfall/pilots/",
        f"/waterfall/pilots/{job.pk}/",
    ]
    for address in read:
        page(compliance_client, address)
        assert nobody_client.get(address).status_code == 403
        assert client.get(address).status_code == 302
    change = [
        "/waterfall/spending/budget/",
        f"/waterfall/spending/budget/{cap.pk}/remove/",
        "/waterfall/economics/apply/",
        "/waterfall/pilots/new/",
        "/waterfall/pilots/start/",
        f"/jobs/{job.pk}/cancel/",
    ]
    for address in change:
        assert compliance_client.post(address, {"note": "let me in"}).status_code == 403
        assert nobody_client.post(address, {"note": "let me in"}).status_code == 403
        assert client.post(address).status_code == 302
    for address in ("/waterfall/spending/budget/", "/waterfall/pilots/new/"):
        assert compliance_client.get(address).status_code == 403
    assert SpendCap.objects.count() == 1
    assert "have permission to change budgets" in page(compliance_client, "/waterfall/spending/")
    assert ProviderService.objects.exists()


def test_a_pilot_on_the_leads_ticked_in_the_list(sales_client, compliance_client, draft):
    leads = [LeadFactory(dispatch_after=timezone.now()) for _ in range(2)]
    shown = page(sales_client, "/leads/")
    assert 'formaction="/waterfall/pilots/new/"' in shown
    answer = sales_client.post("/waterfall/pilots/new/", {"query": "", "id": [leads[0].pk]})
    assert [lead.pk for lead in answer.context["found"].leads] == [leads[0].pk]
    other = page(compliance_client, "/leads/")
    assert 'formaction="/waterfall/pilots/new/"' not in other
    assert "have permission to change the waterfalls" in other
