"""The ICP's pages about Clay where its tables are made by people: formulas are pasted, scores come with results."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from enrichment.models import ClayFormula, ClaySource, Connection, ScorecardVersion
from enrichment.pipeline.mirror import applying
from enrichment.scoring import drift
from enrichment.scoring.clay_formula import check_can_create_table, formula_of, formula_place
from enrichment.vendors.clay.wire import ClayRow
from swarm_admin.core.errors import why_not_allowed
from tests.factories import EnrichedLeadFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("table_connector")]
URL = "/icp/javascript/"


def source(name: str, position: int = 0, **values: Any) -> ClaySource:
    url = f"https://api.clay.com/v3/sources/webhook/{name}"
    made: ClaySource = ClaySource.objects.create(name=name, url=url, life=50_000, position=position, **values)
    return made


def test_the_formulas_stand_in_the_table_that_rows_go_into(settings: Any) -> None:
    settings.CLAY_TABLE_ID = "tbl_api"
    assert formula_place() == ""
    source("Later", 2)
    source("Closed", 0, closed_at=timezone.now())
    source("Leads A", 1)
    assert formula_place() == "Leads A"
    settings.CLAY_CONNECTOR = "routine"
    assert formula_place() == ""
    Connection.objects.create(system="clay", routine_id="function:t_1")
    assert formula_place() == "function:t_1"
    settings.CLAY_CONNECTOR = "rows-api"
    assert formula_place() == "tbl_api"


def test_the_page_offers_pasting_and_says_why_no_table_is_created(admin_client: Client) -> None:
    source("Leads A")
    page = admin_client.get(URL).content.decode()
    assert "<code>Leads A</code>" in page
    assert "Duplicate the table in Clay and paste the formulas there." in page
    assert "Each row that then calls back costs one action." in page
    assert "nears 50,000 rows" not in page
    assert "creates no tables" in why_not_allowed(check_can_create_table)
    assert admin_client.get(f"{URL}table/", follow=True).redirect_chain


def test_what_was_pasted_is_known_of_that_table(admin_client: Client) -> None:
    source("Leads A")
    live = ScorecardVersion.objects.get()
    at = timezone.now().strftime("%Y-%m-%dT%H:%M")
    form = {"version": "1", "table": "Leads A", "fingerprint": formula_of(live).fingerprint, "at": at}
    assert "uses scorecard version 1" in admin_client.post(f"{URL}pasted/", form, follow=True).content.decode()
    assert ClayFormula.objects.get().table_id == "Leads A"
    assert "Clay uses this formula." in admin_client.get(URL).content.decode()


def test_with_the_rows_api_a_table_is_still_created(admin_client: Client, settings: Any) -> None:
    settings.CLAY_CONNECTOR = "rows-api"
    page = admin_client.get(URL).content.decode()
    assert "nears 50,000 rows" in page
    assert "one action" not in page


# ---------------------------------------------------------------- the scores


def test_a_score_that_comes_with_a_result_is_compared(sales_client: Client) -> None:
    lead = EnrichedLeadFactory(clay_score=None)
    row = ClayRow.read({"id": lead.clay_row_id, "linkedin_url": lead.linkedin_url, "icp_score": "12.5"})
    assert row is not None
    applying.apply(lead.pk, row, event_at=timezone.now())
    lead.refresh_from_db()
    assert lead.clay_score == 12.5
    report = drift.count_drift()
    assert (report.compared, report.differ) == (1, 1)
    page = sales_client.get("/icp/drift/").content.decode()
    assert "1 lead scores differently in Clay." in page


def test_without_scores_the_report_says_where_they_come_from(sales_client: Client) -> None:
    page = sales_client.get("/icp/drift/").content.decode()
    assert "comes with each result that carries <code>icp_score</code>" in page
