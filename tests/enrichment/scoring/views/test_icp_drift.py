"""The drift of scores on the screen: groups, their leads, the file, and who sees what."""

from typing import Any

import pytest
from django.test import Client

from enrichment.models import Lead, ScorecardVersion
from gdpr.models import AuditEvent
from tests.factories import EnrichedLeadFactory

pytestmark = pytest.mark.django_db
URL = "/icp/drift/"


def make(clay_score: float | None, **values: Any) -> Lead:
    """A lead with 85 points by the published scorecard, which Clay's row holds as we do."""
    scored = {"icp_score": 85.0, "scorecard": ScorecardVersion.objects.get(), "tech_stack": ["Salesforce"]}
    lead: Lead = EnrichedLeadFactory(**(scored | {"clay_score": clay_score} | values))
    names = ("company_size", "company_industry", "title", "tech_stack", "funding_stage")
    lead.raw = lead.values(*names)
    lead.save(update_fields=["raw"])
    return lead


def page(client: Client, address: str = "") -> str:
    answer = client.get(URL + address)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("address", ["", "unexplained/"])
def test_looking_needs_the_right_to_see_leads(address: str, nobody_client: Client, sales_client: Client) -> None:
    make(87)
    assert Client().get(URL + address).status_code == 302
    assert nobody_client.get(URL + address).status_code == 403
    assert sales_client.get(URL + address).status_code == 200


@pytest.mark.parametrize("address", ["unexplained/export/", "count-again/"])
def test_writes_are_posts_of_people_who_see_leads(address: str, nobody_client: Client, sales_client: Client) -> None:
    assert Client().post(URL + address).status_code == 302
    assert nobody_client.post(URL + address).status_code == 403
    assert sales_client.get(URL + address).status_code == 405


def test_nothing_to_compare(sales_client: Client) -> None:
    assert "Nothing to compare yet" in page(sales_client)


def test_no_drift(sales_client: Client) -> None:
    make(85)
    assert "All scores match" in page(sales_client)


def test_groups_with_their_counts_lead_to_their_leads(sales_client: Client) -> None:
    odd, missing = make(87), make(None)
    shown = page(sales_client)
    assert "1 lead scores differently in Clay" in shown
    assert f'href="{URL}unexplained/"' in shown
    assert f'href="{URL}not_computed/"' in shown
    listed = page(sales_client, "unexplained/")
    assert f'href="/leads/{odd.pk}/"' in listed
    assert f'href="/leads/{missing.pk}/"' not in listed
    assert "+2" in listed


def test_the_fields_clay_had_otherwise_are_named_and_no_value(sales_client: Client) -> None:
    lead = make(65)
    lead.raw = {**lead.raw, "title": "Wizard of Oz"}
    lead.save(update_fields=["raw"])
    listed = page(sales_client, "other_values/")
    assert ">title</td>" in listed
    assert "Wizard" not in listed


def test_names_are_masked_for_people_who_may_not_see_them(admin_client: Client, sales_client: Client) -> None:
    lead = make(87)
    assert lead.last_name in page(sales_client, "unexplained/")
    assert lead.last_name not in page(admin_client, "unexplained/")


def test_a_group_that_is_empty_now_leads_back_and_one_that_never_was_is_not_found(
    sales_client: Client,
) -> None:
    assert sales_client.get(f"{URL}rounding/").status_code == 302
    assert sales_client.get(f"{URL}version-7/").status_code == 302
    assert sales_client.get(f"{URL}nonsense/").status_code == 404


def test_the_file_holds_every_lead_of_the_group_and_is_audited(
    sales_client: Client, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enrichment.scoring.views.icp_drift.CHUNK", 2)
    made = [make(87) for _ in range(5)]
    answer = sales_client.post(f"{URL}unexplained/export/")
    lines = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert lines[0] == "\ufeffLead,Name,Company,Title,Our score,Clay's score,Score difference"
    assert [line.split(",")[0] for line in lines[1:]] == [str(lead.pk) for lead in made]
    assert lines[1].endswith(",85,87,2")
    assert made[0].last_name in lines[1]
    masked = admin_client.post(f"{URL}unexplained/export/")
    assert made[0].last_name.encode() not in b"".join(masked.streaming_content)  # type: ignore[attr-defined]
    events = AuditEvent.objects.filter(verb="export_score_drift").order_by("pk")
    assert [(event.counts, event.reason) for event in events] == [
        ({"leads": 5}, "unexplained"),
        ({"leads": 5}, "unexplained, masked"),
    ]


def test_counting_again_sees_what_came_since(sales_client: Client) -> None:
    make(87)
    assert "1 lead scores" in page(sales_client)
    make(88)
    assert "1 lead scores" in page(sales_client)
    sales_client.post(f"{URL}count-again/")
    assert "2 leads score differently" in page(sales_client)
