import json
from typing import Any

import httpx
import pytest

from tests.plugins.sandbox import Sandbox, wait_for

T = "/tables/tbl_test"
JOHN = {
    "linkedin_url": "https://www.linkedin.com/in/johndoe",
    "first_name": "John",
    "last_name": "Doe",
    "company_name": "Acme Inc",
    "source_type": "competitor_follower",
    "source_name": "Gong.io",
    "scraped_at": "2026-01-15T10:00:00Z",
}


def urls(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [{"linkedin_url": f"https://www.linkedin.com/in/lead-{n}"} for n in range(start, start + count)]


def create(sandbox: Sandbox, rows: list[dict[str, Any]]) -> list[str]:
    answer = sandbox.clay.post(f"{T}/rows", json={"rows": rows})
    assert answer.status_code == 201, answer.text
    return [row["id"] for row in answer.json()["rows"]]


def enriched(sandbox: Sandbox, rows: list[dict[str, Any]], **more: Any) -> list[dict[str, Any]]:
    """The rows after a whole run."""
    ids = create(sandbox, rows)
    answer = sandbox.clay.post(f"{T}/enrich", json={"row_ids": ids, **more})
    assert answer.status_code == 202, answer.text
    assert answer.json() == {"accepted": ids}
    wait_for(lambda: sandbox.stats()["clay"]["running"] == 0)
    return [sandbox.clay.get(f"{T}/rows/{row_id}").json() for row_id in ids]


def error(answer: httpx.Response) -> dict[str, Any]:
    return answer.json()["error"]


@pytest.mark.parametrize(
    "headers",
    [{"Authorization": "Bearer wrong"}, {"Authorization": ""}, {"X-Workspace-Id": "other"}],
)
def test_a_wrong_key_or_workspace_is_401(sandbox: Sandbox, headers: dict[str, str]) -> None:
    answer = sandbox.clay.get("/tables", headers=headers)
    assert (answer.status_code, error(answer)["code"]) == (401, "unauthorized")


def test_a_table_is_created_and_listed(sandbox: Sandbox) -> None:
    columns = [{"name": "linkedin_url", "type": "url", "required": True}, {"name": "title", "type": "text"}]
    made = sandbox.clay.post("/tables", json={"name": "Leads", "columns": columns})
    assert made.status_code == 201
    assert made.json() in sandbox.clay.get("/tables").json()["tables"]


def test_rows_come_back_in_the_order_sent(sandbox: Sandbox) -> None:
    rows = urls(100)
    answer = sandbox.clay.post(f"{T}/rows", json={"rows": rows}).json()["rows"]
    assert [row["linkedin_url"] for row in answer] == [row["linkedin_url"] for row in rows]
    assert len({row["id"] for row in answer}) == 100


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"{T}/rows", {"rows": urls(101)}),
        ("POST", f"{T}/rows", {"rows": []}),
        ("POST", f"{T}/rows", {"leads": []}),
        ("PATCH", f"{T}/rows", {"rows": [{"id": "x"}] * 201}),
        ("POST", f"{T}/enrich", {"row_ids": ["x"] * 51}),
        ("POST", f"{T}/enrich", {"row_ids": ["x"], "waterfalls": {"waterfall_fax": {"providers": []}}}),
        (
            "POST",
            f"{T}/enrich",
            {"row_ids": ["x"], "waterfalls": {"waterfall_email": {"providers": "apollo"}}},
        ),
        ("POST", f"{T}/export", {"format": "json", "limit": 5001}),
        ("POST", f"{T}/export", {"format": "csv", "limit": 1}),
        ("POST", f"{T}/export", {"format": "json", "updated_since": "2026-01-01T00:00:00"}),
        ("POST", f"{T}/rows/search", {"query": {}}),
        ("POST", f"{T}/rows/search", {"query": {"shoe_size": 44}}),
        ("POST", "/webhooks", {"webhook_url": "ftp://x", "events": ["row.enriched"]}),
        ("POST", "/webhooks", {"webhook_url": "http://x", "events": ["row.sold"]}),
    ],
)
def test_what_the_contract_forbids_is_400(sandbox: Sandbox, method: str, path: str, body: Any) -> None:
    answer = sandbox.clay.request(method, path, json=body)
    assert (answer.status_code, error(answer)["code"]) == (400, "invalid_input")


@pytest.mark.parametrize(
    "bad",
    [
        {"linkedin_url": "https://linkedin.com.example.org/in/x"},
        {"first_name": "No URL"},
        {**urls(1)[0], "source_url": "https://example.org"},
        {**urls(1)[0], "icp_score": 100},
    ],
)
def test_a_bad_row_is_named_and_none_is_created(sandbox: Sandbox, bad: dict[str, Any]) -> None:
    answer = sandbox.clay.post(f"{T}/rows", json={"rows": [*urls(3), bad, *urls(2, 3)]})
    assert (answer.status_code, error(answer)["row_index"]) == (400, 3)
    assert sandbox.stats()["clay"]["rows"] == 0


def test_rows_are_updated_one_and_many(sandbox: Sandbox) -> None:
    first, second = create(sandbox, urls(2))
    one = sandbox.clay.patch(f"{T}/rows/{first}", json={"ghl_contact_id": "c1"})
    assert (one.status_code, one.json()["ghl_contact_id"]) == (200, "c1")
    many = sandbox.clay.patch(f"{T}/rows", json={"rows": [{"id": second, "ghl_contact_id": "c2"}]})
    assert [row["ghl_contact_id"] for row in many.json()["rows"]] == ["c2"]
    sandbox.config(patch_many=False)
    assert sandbox.clay.patch(f"{T}/rows", json={"rows": [{"id": second}]}).status_code == 405


def test_a_row_is_deleted_or_seems_to_be(sandbox: Sandbox) -> None:
    first, second = create(sandbox, urls(2))
    assert sandbox.clay.delete(f"{T}/rows/{first}").status_code == 204
    assert sandbox.clay.delete(f"{T}/rows/{first}").status_code == 404
    sandbox.config(delete_lies=True)
    assert sandbox.clay.delete(f"{T}/rows/{second}").status_code == 204
    assert sandbox.clay.get(f"{T}/rows/{second}").status_code == 200
    sandbox.config(row_delete=False)
    assert sandbox.clay.delete(f"{T}/rows/{second}").status_code == 405


def test_search_means_and_and_may_be_absent(sandbox: Sandbox) -> None:
    rows = [{**row, "source_name": f"S{n % 2}", "source_type": "group_member"} for n, row in enumerate(urls(6))]
    ids = create(sandbox, rows)
    query = {"query": {"source_type": "group_member", "source_name": "S1"}, "limit": 2}
    first = sandbox.clay.post(f"{T}/rows/search", json=query).json()
    rest = sandbox.clay.post(f"{T}/rows/search", json={**query, "cursor": first["next_cursor"]}).json()
    assert [row["id"] for row in first["rows"] + rest["rows"]] == ids[1::2]
    assert rest["next_cursor"] is None
    sandbox.config(row_search="off501")
    assert sandbox.clay.post(f"{T}/rows/search", json=query).status_code == 501


def test_the_search_index_lags(sandbox: Sandbox) -> None:
    sandbox.config(search_lag_seconds=100_000.0)
    create(sandbox, urls(1))
    query = {"query": urls(1)[0]}
    assert sandbox.clay.post(f"{T}/rows/search", json=query).json()["rows"] == []
    sandbox.config(search_lag_seconds=0.0)
    assert len(sandbox.clay.post(f"{T}/rows/search", json=query).json()["rows"]) == 1


def test_export_goes_page_by_page(sandbox: Sandbox) -> None:
    ids = create(sandbox, urls(5))
    seen, cursor = [], None
    for _ in range(3):
        page = sandbox.clay.post(f"{T}/export", json={"format": "json", "limit": 2, "cursor": cursor}).json()
        seen += [row["id"] for row in page["rows"]]
        cursor = page["next_cursor"]
    assert (seen, cursor) == (ids, None)
    late = {"format": "json", "limit": 5, "updated_since": "2126-01-01T00:00:00Z"}
    assert sandbox.clay.post(f"{T}/export", json=late).json()["rows"] == []


def test_rows_beyond_the_capacity_are_silently_lost(sandbox: Sandbox) -> None:
    sandbox.config(table_capacity=2)
    ids = create(sandbox, urls(3))
    assert [sandbox.clay.get(f"{T}/rows/{each}").status_code for each in ids] == [200, 200, 404]


def test_the_same_person_twice_is_counted(sandbox: Sandbox) -> None:
    ids = create(sandbox, [JOHN, {"linkedin_url": "https://linkedin.com/in/JohnDoe/"}])
    assert sandbox.stats()["clay"]["duplicates_by_linkedin_url"] == 1
    sandbox.clay.delete(f"{T}/rows/{ids[0]}")
    assert sandbox.stats()["clay"]["duplicates_by_linkedin_url"] == 0


def test_the_example_lead_is_the_specifications(sandbox: Sandbox) -> None:
    (row,) = enriched(sandbox, [JOHN])
    assert (
        row.items()
        >= {
            "email_work": "john.doe@acme.com",
            "email_personal": "johnd@gmail.com",
            "phone": "+14155551234",
            "title": "VP of Revenue Operations",
            "company_domain": "acme.com",
            "company_size": 250,
            "company_revenue": "$10M-$50M",
            "funding_stage": "Series B",
            "funding_amount": "$35M",
            "icp_score": 95,
            "icp_tier": "Tier 1",
            "enrichment_status": "completed",
        }.items()
    )
    assert row["tech_stack"] == ["Salesforce", "Outreach", "Gong", "HubSpot"]
    assert row["provenance"]["processing"]["retention_until"].startswith("2028-01-15")
    assert {"name", "fields_enriched", "timestamp", "cost"} >= set(row["providers_used"][1])


def test_clay_answers_the_score_it_is_told(sandbox: Sandbox) -> None:
    sandbox.config(clay_scores={"https://linkedin.com/in/johndoe": 87})
    (row,) = enriched(sandbox, [JOHN])
    assert (row["icp_score"], row["icp_tier"]) == (87, "Tier 1")


def test_the_formula_follows_a_corrected_value(sandbox: Sandbox) -> None:
    (row,) = enriched(sandbox, [JOHN])
    corrected = sandbox.clay.patch(f"{T}/rows/{row['id']}", json={"company_size": "75"}).json()
    assert corrected["icp_score"] == 75


def test_the_same_leads_give_the_same_people(sandbox: Sandbox) -> None:
    def known(rows: list[dict[str, Any]]) -> str:
        kept = [{name: value for name, value in row.items() if name not in moving} for row in rows]
        return json.dumps(kept, sort_keys=True)

    moving = {"enriched_at", "provenance", "providers_used"}
    first = known(enriched(sandbox, urls(20)))
    sandbox.reset()
    assert known(enriched(sandbox, urls(20))) == first
    sandbox.reset()
    sandbox.config(seed=2)
    assert known(enriched(sandbox, urls(20))) != first


def test_everybody_has_an_email_unless_told_otherwise(sandbox: Sandbox) -> None:
    sandbox.config(misses={urls(1)[0]["linkedin_url"]: []})
    rows = enriched(sandbox, urls(50))
    emails = [row["email_work"] or row["email_personal"] for row in rows]
    assert emails[0] is None
    assert rows[0]["enrichment_status"] == "unenrichable"
    assert len(set(emails[1:])) == 49
    assert None not in emails[1:]


def test_triggers_skip_rows_that_are_gone(sandbox: Sandbox) -> None:
    first, second = create(sandbox, urls(2))
    sandbox.clay.delete(f"{T}/rows/{first}")
    answer = sandbox.clay.post(f"{T}/enrich", json={"row_ids": [first, second]})
    assert answer.json() == {"accepted": [second]}
    assert sandbox.clay.post(f"{T}/enrich", json={"row_ids": [first]}).status_code == 404
