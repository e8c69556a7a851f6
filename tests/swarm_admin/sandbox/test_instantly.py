from typing import Any

import pytest

from tests.plugins.sandbox import Sandbox

LEAD = {
    "campaign": "camp",
    "email": "a@example.com",
    "first_name": "Ann",
    "custom_variables": {"icp_score": 95},
}


def create(sandbox: Sandbox, **fields: Any) -> dict[str, Any]:
    answer = sandbox.instantly.post("/leads", json={**LEAD, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_wrong_key_is_401(sandbox: Sandbox) -> None:
    answer = sandbox.instantly.get("/leads/x", headers={"Authorization": "Bearer x"})
    assert (answer.status_code, answer.json()["error"]) == (401, "Unauthorized")


def test_a_lead_is_created_with_its_variables_under_payload(sandbox: Sandbox) -> None:
    lead = create(sandbox)
    assert (lead["campaign"], lead["payload"]) == ("camp", {"icp_score": 95})
    assert sandbox.instantly.get(f"/leads/{lead['id']}").json() == lead


@pytest.mark.parametrize(
    "fields",
    [
        {"campaign_id": "camp"},
        {"campaign": ""},
        {"email": "nobody"},
        {"custom_variables": {"stack": ["a"]}},
        {"first_name": 3},
        {"skip_if_in_workspace": "yes"},
    ],
)
def test_what_the_schema_does_not_know_is_400(sandbox: Sandbox, fields: dict[str, Any]) -> None:
    answer = sandbox.instantly.post("/leads", json={**LEAD, **fields})
    assert (answer.status_code, answer.json()["statusCode"]) == (400, 400)


def test_an_unknown_campaign_is_404(sandbox: Sandbox) -> None:
    sandbox.config(instantly_campaign_id="known")
    assert sandbox.instantly.post("/leads", json=LEAD).status_code == 404
    assert sandbox.instantly.get("/campaigns/camp").status_code == 404
    assert sandbox.instantly.get("/campaigns/known").json()["id"] == "known"


def test_without_a_skip_flag_a_lead_is_doubled(sandbox: Sandbox) -> None:
    first = create(sandbox)
    assert create(sandbox, skip_if_in_campaign=True)["id"] == first["id"]
    assert create(sandbox, campaign="other", skip_if_in_workspace=True)["id"] == first["id"]
    assert create(sandbox, campaign="other", skip_if_in_campaign=True)["id"] != first["id"]
    assert sandbox.stats()["instantly"]["duplicates_by_email"] == 0
    assert create(sandbox)["id"] != first["id"]
    assert sandbox.stats()["instantly"]["duplicates_by_email"] == 1


def test_leads_are_added_in_bulk_with_counters(sandbox: Sandbox) -> None:
    create(sandbox)
    sandbox.instantly.post("/block-lists-entries", json={"bl_value": "no@example.com"})
    emails = ["a@example.com", "b@example.com", "B@example.com", "nobody", "no@example.com", "c@example.com"]
    leads = [{"email": email} for email in emails]
    body = {"campaign_id": "camp", "skip_if_in_campaign": True, "leads": leads}
    answer = sandbox.instantly.post("/leads/add", json=body).json()
    assert [(each["index"], each["email"]) for each in answer["created_leads"]] == [
        (1, "b@example.com"),
        (5, "c@example.com"),
    ]
    counters = ("skipped_count", "duplicate_email_count", "invalid_email_count", "in_blocklist")
    assert [answer[name] for name in counters] == [1, 1, 1, 1]
    too_many = {"campaign_id": "camp", "leads": [{"email": "a@example.com"}] * 1001}
    assert sandbox.instantly.post("/leads/add", json=too_many).status_code == 400
    assert sandbox.instantly.post("/leads/add", json={"campaign": "camp", "leads": leads}).status_code == 400


def test_leads_are_found_by_email_page_by_page(sandbox: Sandbox) -> None:
    ids = [create(sandbox)["id"] for _ in range(4)]
    create(sandbox, email="b@example.com")
    seen, after = [], None
    while True:
        body = {"contacts": ["A@example.com"], "limit": 2, "starting_after": after}
        page = sandbox.instantly.post("/leads/list", json=body).json()
        if not page["items"]:
            break
        seen += [lead["id"] for lead in page["items"]]
        after = page["next_starting_after"]
    assert seen == ids
    assert sandbox.instantly.post("/leads/list", json={"limit": 101}).status_code == 400


def test_delete_wants_no_content_type(sandbox: Sandbox) -> None:
    lead = create(sandbox)
    path = f"/leads/{lead['id']}"
    refused = sandbox.instantly.delete(path, headers={"Content-Type": "application/json"})
    assert refused.status_code == 400
    assert sandbox.instantly.delete(path).json()["id"] == lead["id"]
    assert sandbox.instantly.delete(path).status_code == 404


def test_deleting_the_collection_deletes_everything(sandbox: Sandbox) -> None:
    create(sandbox)
    create(sandbox, email="b@example.com")
    assert sandbox.instantly.delete("/leads").json() == {"count": 2}
    assert sandbox.stats()["instantly"]["calls"]["leads.delete_all"]["requests"] == 1


def test_the_email_cannot_be_patched(sandbox: Sandbox) -> None:
    path = f"/leads/{create(sandbox)['id']}"
    assert sandbox.instantly.patch(path, json={"email": "b@example.com"}).status_code == 400
    changed = sandbox.instantly.patch(path, json={"job_title": "CEO", "custom_variables": {"tier": "1"}}).json()
    assert (changed["job_title"], changed["payload"]) == ("CEO", {"icp_score": 95, "tier": "1"})


def test_a_blocked_address_is_refused(sandbox: Sandbox) -> None:
    entry = sandbox.instantly.post("/block-lists-entries", json={"bl_value": "example.com"}).json()
    assert entry["is_domain"] is True
    assert sandbox.instantly.post("/leads", json=LEAD).status_code == 400
    assert sandbox.instantly.delete(f"/block-lists-entries/{entry['id']}").status_code == 200
    create(sandbox)
