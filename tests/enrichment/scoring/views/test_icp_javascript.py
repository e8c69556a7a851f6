"""The JavaScript screen: the formula, what changed, who may say it was pasted, and the new table."""

import html
import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from enrichment.documents.first_scorecard import PUBLISHED
from enrichment.models import ClayFormula, Connection, Placement, ScorecardVersion
from enrichment.models.version import forget_active
from enrichment.scoring.clay_formula import formula_of
from enrichment.vendors.connections import close_clients

pytestmark = pytest.mark.django_db
URL = "/icp/javascript/"


@pytest.fixture(autouse=True)
def table(settings: Any) -> str:
    settings.CLAY_TABLE_ID = ""
    Connection.objects.update_or_create(system="clay", defaults={"table_id": "tbl_test"})
    return "tbl_test"


def publish(**changes: Any) -> ScorecardVersion:
    ScorecardVersion.objects.filter(status="published").update(status="superseded")
    number = ScorecardVersion.objects.count() + 1
    version = ScorecardVersion.objects.create(number=number, status="published", document=PUBLISHED | changes)
    forget_active()
    return version


def page(client: Client, query: str = "") -> str:
    answer = client.get(URL + query)
    assert answer.status_code == 200
    return answer.content.decode()


def form(version: ScorecardVersion, **changes: str) -> dict[str, str]:
    return {
        "version": str(version.number),
        "table": "tbl_test",
        "fingerprint": formula_of(version).fingerprint,
        "at": timezone.now().strftime("%Y-%m-%dT%H:%M"),
    } | changes


# ------------------------------------------------------------------ who may


def test_looking_needs_the_right_to_see_leads(nobody_client: Client, sales_client: Client) -> None:
    assert Client().get(URL).status_code == 302
    assert nobody_client.get(URL).status_code == 403
    assert sales_client.get(URL).status_code == 200


def test_saying_it_was_pasted_needs_the_right_to_edit(admin_client: Client, compliance_client: Client) -> None:
    live = ScorecardVersion.objects.get()
    assert Client().post(f"{URL}pasted/", form(live)).status_code == 302
    assert compliance_client.post(f"{URL}pasted/", form(live)).status_code == 403
    assert admin_client.get(f"{URL}pasted/").status_code == 405
    assert "have permission to edit the scorecard" in page(compliance_client)
    assert not ClayFormula.objects.exists()
    assert admin_client.post(f"{URL}pasted/", form(live)).status_code == 302
    assert ClayFormula.objects.get().table_id == "tbl_test"


@pytest.mark.parametrize(("address", "method"), [("table/", "get"), ("table/create/", "post")])
def test_a_new_table_needs_the_right_to_manage_connections(
    address: str, method: str, compliance_client: Client
) -> None:
    assert getattr(Client(), method)(URL + address).status_code == 302
    assert getattr(compliance_client, method)(URL + address).status_code == 403
    assert "have permission to manage connections" in page(compliance_client)


# ------------------------------------------------------------------ what is shown


def test_the_formula_of_the_published_scorecard_is_there_to_copy(sales_client: Client) -> None:
    shown = page(sales_client)
    pres = dict(re.findall(r'<pre id="([a-z-]+)"[^>]*>(.*?)</pre>', shown, re.DOTALL))
    made = formula_of(ScorecardVersion.objects.get())
    assert html.unescape(pres["formula-score"]) == made.score
    assert html.unescape(pres["formula-tier"]) == made.tier
    assert "know which formula Clay uses" in shown


def test_what_changes_since_the_one_in_clay_is_shown_line_by_line(admin_client: Client) -> None:
    admin_client.post(f"{URL}pasted/", form(ScorecardVersion.objects.get()))
    assert "Clay uses this formula" in page(admin_client)
    publish(cap=90)
    shown = html.unescape(page(admin_client))
    assert "Clay still uses version 1" in shown
    assert "Changes in Clay: version 1 → 2" in shown
    changed = re.findall(r'<li class="line-(old|new)"><span>.*?</span><span>(.*?)</span></li>', shown)
    assert changed == [("old", "  return Math.min(score, 100);"), ("new", "  return Math.min(score, 90);")]


def test_a_draft_is_shown_and_cannot_be_confirmed(admin_client: Client) -> None:
    draft = ScorecardVersion.objects.create(number=2, status="draft", document=PUBLISHED | {"cap": 95})
    shown = page(admin_client, "?version=2")
    assert "This formula is from a draft" in shown
    assert "score, 95" in shown
    admin_client.post(f"{URL}pasted/", form(draft))
    assert not ClayFormula.objects.exists()


def test_an_invalid_draft_says_so(admin_client: Client) -> None:
    ScorecardVersion.objects.create(number=2, status="draft", document=PUBLISHED | {"cap": -1})
    assert "is a draft with errors" in page(admin_client, "?version=2")


@pytest.mark.parametrize("number", ["7", "x", "-1", "9" * 20])
def test_a_version_that_is_not_there(number: str, sales_client: Client) -> None:
    assert sales_client.get(f"{URL}?version={number}").status_code == 404


def test_a_column_that_clay_lacks_is_said(sales_client: Client) -> None:
    rules = [{"needles": ["demo"], "points": 5}]
    said = {
        "id": "said",
        "label": "Said",
        "kind": "rules",
        "field": "engagement_content",
        "cap": 5,
        "rules": rules,
    }
    publish(components=[*PUBLISHED["components"], said])
    assert "no column <code>engagement_content</code>" in page(sales_client)


def test_nothing_of_a_card_can_leave_its_place_in_the_page(sales_client: Client) -> None:
    rules = [{"needles": ["</pre><script>x"], "points": 5}]
    said = {"id": "t", "label": "<b>T</b>", "kind": "rules", "field": "title", "cap": 5, "rules": rules}
    publish(components=[said], tiers=[{"name": "<i>", "at_least": 5}, {"name": "Rest"}])
    shown = page(sales_client)
    assert "<script>x" not in shown
    assert "<b>T" not in shown
    assert "<i>" not in shown.split("<pre")[1]


# ------------------------------------------------------------------ writes


@pytest.mark.parametrize("at", ["", "yesterday", "2026-02-30T10:00"])
def test_a_time_that_cannot_be_read(at: str, admin_client: Client) -> None:
    live = ScorecardVersion.objects.get()
    answer = admin_client.post(f"{URL}pasted/", form(live, at=at), follow=True)
    assert "Enter the date and time you pasted it" in answer.content.decode()
    assert not ClayFormula.objects.exists()


def test_the_plan_of_a_new_table_says_what_stays(admin_client: Client) -> None:
    shown = admin_client.get(f"{URL}table/").content.decode()
    assert "Alpha Swarm Lead Enrichment (scorecard 1)" in shown
    assert "<code>tbl_test</code>" in shown
    assert not ClayFormula.objects.exists()


def test_where_the_environment_names_the_table_the_button_says_why(admin_client: Client, settings: Any) -> None:
    settings.CLAY_TABLE_ID = "tbl_fixed"
    assert "CLAY_TABLE_ID is set" in page(admin_client)
    answer = admin_client.get(f"{URL}table/", follow=True)
    assert "CLAY_TABLE_ID is set" in answer.content.decode()


def test_a_vendors_failure_is_said_and_nothing_recorded(admin_client: Client, settings: Any) -> None:
    settings.CLAY_API_KEY, settings.CLAY_API_BASE_URL = "key", "http://127.0.0.1:9/"
    close_clients()
    answer = admin_client.post(f"{URL}table/create/", {"version": "1"}, follow=True)
    assert "The table wasn&#x27;t created" in answer.content.decode()
    assert not ClayFormula.objects.filter(how=Placement.CREATED).exists()
    close_clients()


def test_what_was_put_where_stays_when_its_person_is_gone(sales_client: Client) -> None:
    live = ScorecardVersion.objects.get()
    ClayFormula.objects.create(table_id="tbl_test", scorecard=live, fingerprint="x", how=Placement.CREATED)
    shown = page(sales_client)
    assert "Created with the table" in shown
    assert '<td data-label="Who">\N{EN DASH}</td>' in shown


def test_every_version_listed_can_be_opened_past_the_999th(sales_client: Client) -> None:
    version = publish()
    ScorecardVersion.objects.filter(pk=version.pk).update(number=1_000)
    ClayFormula.objects.create(table_id="tbl_test", scorecard=version, how=Placement.PASTED, fingerprint="x")
    queries = re.findall(r'href="(\?version=[^"]*)"', page(sales_client))
    assert queries.count("?version=1000") == 2, "among the versions, and in the history of formulas"
    for query in set(queries):
        page(sales_client, query)
