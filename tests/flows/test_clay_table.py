"""Leads go through a Clay table all the way: out by its webhook, back as whole rows, on to both systems once."""

from typing import Any

import pytest
from django.utils import timezone

from enrichment.models import Attempt, ClaySource, Handover, Lead, WebhookDelivery
from enrichment.models.work import Batch
from swarm_admin.sample_leads import sample_leads
from tests.flows.table_way import TableWay, call_back
from tests.plugins.clay_table import add_source
from tests.plugins.pipeline import quiet
from tests.plugins.product import Product
from tests.plugins.sandbox import Sandbox, wait_for

LEADS = 60
WAYS = ("email", "phone", "company", "techstack")
FINAL = {"completed", "partial", "failed", "unenrichable"}


def test_many_leads_reach_both_systems_once_each(table: TableWay) -> None:
    table.source()
    for number in range(40):
        table.lead(f"person-{number}")
    table.settle()
    assert set(Lead.objects.values_list("enrichment_status", flat=True)) <= {"completed", "partial"}
    figures, stats = table.figures(), table.sandbox.stats()
    assert (figures["rows"], figures["duplicates_by_linkedin_url"]) == (40, 0)
    assert stats["clay"]["requests"] == 1, "but for the set-up of the fixture, no other way to Clay is asked anything"
    assert stats["ghl"]["contacts"] == 40
    assert stats["instantly"]["leads"] == Lead.objects.filter(icp_tier__in=[1, 2]).count() > 0
    assert ClaySource.objects.get().taken == 40
    assert len(set(Attempt.objects.exclude(reference="").values_list("reference", flat=True))) == 40
    assert set(table.verdicts()) == {"accepted"}
    table.assert_delivered_once()


def test_the_example_lead_comes_out_as_the_specification_says(table: TableWay) -> None:
    table.source()
    lead = table.lead("johndoe", first_name="John", last_name="Doe", company_name="Acme Inc")
    table.settle()
    lead.refresh_from_db()
    assert (lead.enrichment_status, lead.icp_score, lead.icp_tier) == ("completed", 95, 1)
    assert (lead.email, lead.phone, lead.company_size) == ("john.doe@acme.com", "+14155551234", 250)
    assert lead.tech_stack == ["Salesforce", "Outreach", "Gong", "HubSpot"]
    assert lead.clay_row_id is None, "no row of a table is named to us"
    assert lead.enrichment_cost == Attempt.objects.get().cost > 0
    cells = table.rows()[0]["cells"]
    answered = {name for way in WAYS for name in cells[f"{way}_provider"]["value"].split(", ")}
    assert {each["name"] for each in Attempt.objects.get().providers} == answered


def test_nobody_comes_in_without_the_secret(table: TableWay) -> None:
    assert table.post({"swarm_ref": "guessed", "linkedin_url": "https://www.linkedin.com/in/x"}, secret="wrong") == 401
    assert not WebhookDelivery.objects.exists()


# ---------------------------------------------------------------- the product as it runs


@pytest.fixture
def more_settings() -> dict[str, str]:
    return {"CLAY_CONNECTOR": "table", "CLAY_WEBHOOK_SECRET": "of-the-table"}


@pytest.fixture
def running(product: Product, sandbox: Sandbox) -> Product:
    """Real processes over a table with two sources, the first of which ends soon."""
    add_source(sandbox, "first", life=25)
    add_source(sandbox, "second", life=50_000)
    call_back(sandbox, f"{product.url}/webhooks/clay/row", "of-the-table")
    return product


def hand_in(product: Product, count: int = LEADS) -> None:
    leads = list(sample_leads(count, now=timezone.now()))
    product.http.post("/api/leads", json={"leads": leads}).raise_for_status()


def all_final(count: int = LEADS) -> bool:
    return Lead.objects.filter(enrichment_status__in=FINAL).count() == count and quiet()


def assert_nothing_is_double(sandbox: Sandbox) -> None:
    stats = sandbox.stats()
    assert {name: stats[name]["429"] for name in ("clay_table", "ghl", "instantly")} == {
        "clay_table": 0, "ghl": 0, "instantly": 0,
    }  # fmt: skip
    table: dict[str, Any] = stats["clay_table"]
    assert (table["rows"], table["duplicates_by_linkedin_url"], table["refs_twice"]) == (LEADS, 0, 0)
    assert stats["ghl"]["duplicates_by_email"] == stats["instantly"]["duplicates_by_email"] == 0
    delivered = Lead.objects.filter(enrichment_status__in=("completed", "partial"))
    assert stats["ghl"]["contacts"] == delivered.count() > 0
    assert (
        stats["instantly"]["leads"]
        == delivered.filter(icp_tier__in=[1, 2]).exclude(email_work="", email_personal="").count()
    )
    made = list(Handover.objects.filter(status="done").values_list("lead", "system"))
    assert len(made) == len(set(made))


@pytest.mark.flow
def test_sample_leads_go_all_the_way_within_the_limits_and_over_to_the_next_source(
    running: Product, sandbox: Sandbox
) -> None:
    hand_in(running)
    wait_for(all_final)
    assert_nothing_is_double(sandbox)
    taken = {source["slug"]: (source["taken"], source["ignored"]) for source in sandbox.state("clay_table")["sources"]}
    assert taken == {"first": (25, 0), "second": (LEADS - 25, 0)}
    assert list(ClaySource.objects.values_list("taken", "closed_because")) == [(25, "used_up"), (LEADS - 25, "")]


@pytest.mark.flow
def test_a_worker_killed_in_mid_batch_loses_and_doubles_nothing(running: Product, sandbox: Sandbox) -> None:
    hand_in(running)
    for threshold in (1, LEADS // 3):
        wait_for(lambda: Attempt.objects.exclude(triggered_at=None).count() >= threshold)  # noqa: B023
        running.kill("worker")
        running.processes["worker"] = running.start_worker()
    wait_for(all_final)
    assert_nothing_is_double(sandbox)
    assert not Batch.objects.exclude(kind="submit").exists()
    assert not WebhookDelivery.objects.filter(status="failed").exists()
