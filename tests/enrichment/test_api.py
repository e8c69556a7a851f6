"""The API: what comes in, what goes out, who may, and that every error is JSON with a sentence."""

import datetime
import json
import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from enrichment.models import Lead
from enrichment.pipeline import intake
from gdpr.identity import Identity
from gdpr.models import AuditEvent
from gdpr.suppression.gate import suppress
from swarm_admin.access.models import ApiKey, Scope
from tests.factories import EnrichedLeadFactory, FieldFactFactory, LeadFactory, lead_row, lead_rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def key() -> str:
    return ApiKey.issue(name="Hunter Agent", scopes=list(Scope.values), by=None)[1]


@pytest.fixture
def post(key: str, client: Client) -> Callable[..., HttpResponse]:
    def send(body: Any, **headers: str) -> HttpResponse:
        data = body if isinstance(body, bytes | str) else json.dumps(body)
        headers = {"X-API-Key": key} | headers
        return client.post("/api/leads", data, content_type="application/json", headers=headers)

    return send


@pytest.fixture
def get(key: str, client: Client) -> Callable[..., HttpResponse]:
    return lambda path: client.get(path, headers={"Authorization": f"Bearer {key}"})


@pytest.mark.parametrize("shape", [lambda row: row, lambda row: [row], lambda row: {"leads": [row]}])
def test_a_lead_a_list_and_an_object_are_taken(post: Callable, shape: Callable) -> None:
    response = post(shape(lead_row()))
    assert response.status_code == 202
    assert response.json() == {
        "accepted": [{"index": 0, "id": Lead.objects.get().pk}],
        "known": [],
        "rejected": [],
        "suppressed": 0,
        "ignored_fields": [],
    }


def test_each_row_is_answered(post: Callable) -> None:
    known = LeadFactory()
    suppress(Identity(linkedin_url="https://www.linkedin.com/in/gone"), reason="erasure")
    rows = [
        lead_row(),
        lead_row(linkedin_url=known.linkedin_url),
        lead_row(source_type="webinar", note="x"),
        lead_row(linkedin_url="https://www.linkedin.com/in/gone"),
    ]
    answer = post(rows).json()
    assert answer["accepted"] == [{"index": 0, "id": Lead.objects.exclude(pk=known.pk).get().pk}]
    assert answer["known"] == [{"index": 1, "id": known.pk}]
    assert [(r["index"], r["field"]) for r in answer["rejected"]] == [(2, "source_type")]
    assert answer["suppressed"] == 1
    assert answer["ignored_fields"] == ["note"]
    event = AuditEvent.objects.get(verb="api_intake")
    assert event.counts == {"accepted": 1, "known": 1, "rejected": 1, "suppressed": 1}


def test_nothing_usable_is_422_with_the_reasons(post: Callable) -> None:
    response = post([lead_row(source_name=None)])
    assert response.status_code == 422
    assert response.json()["rejected"] == [{"index": 0, "field": "source_name", "sentence": "source_name is required."}]


def test_a_thousand_are_taken_and_one_more_is_not(post: Callable) -> None:
    assert len(post(lead_rows(1000)).json()["accepted"]) == 1000
    response = post(lead_rows(1001))
    assert response.status_code == 413
    assert "1,000 leads" in response.json()["error"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{not json", 400),
        (" ", 400),
        (b"\xff\xfe", 400),
        ("[" * 100_000, 400),
        ("1" * 5000, 400),
        ("5", 422),
        ("null", 422),
        ('"text"', 422),
        ("[]", 422),
        ('{"leads": 5}', 422),
        ('{"leads": null}', 422),
    ],
)
def test_what_is_no_leads_is_refused_with_a_sentence(post: Callable, body: Any, status: int) -> None:
    response = post(body)
    assert response.status_code == status
    assert response.json()["error"].endswith(".")
    assert not Lead.objects.exists()


def test_other_content_types_are_415(key: str, client: Client) -> None:
    response = client.post("/api/leads", {"linkedin_url": "x"}, headers={"X-API-Key": key})
    assert response.status_code == 415
    assert "application/json" in response.json()["error"]


def test_too_large_a_body_is_413(post: Callable, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    response = post([lead_row()])
    assert response.status_code == 413
    assert "100 bytes" in response.json()["error"]


@pytest.mark.parametrize(
    "headers",
    [{}, {"X-API-Key": "swarm_wrong"}, {"Authorization": "Bearer nonsense"}, {"X-API-Key": "ü\x01"}],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_without_a_good_key_401(client: Client, headers: dict[str, str], method: str) -> None:
    response = getattr(client, method)("/api/leads", headers=headers)
    assert response.status_code == 401
    assert "API key" in response.json()["error"]


def test_revoked_key_is_401(client: Client) -> None:
    key, plaintext = ApiKey.issue(name="old", scopes=["leads:read"], by=None)
    key.revoke()
    assert client.get("/api/leads", headers={"X-API-Key": plaintext}).status_code == 401


@pytest.mark.parametrize(("scope", "method"), [("leads:read", "post"), ("leads:write", "get")])
def test_the_wrong_scope_is_403(client: Client, scope: str, method: str) -> None:
    _, plaintext = ApiKey.issue(name="narrow", scopes=[scope], by=None)
    response = getattr(client, method)("/api/leads", headers={"Authorization": f"Bearer {plaintext}"})
    assert response.status_code == 403
    assert "scope" in response.json()["error"]


def test_a_session_opens_nothing(sales_client: Client) -> None:
    assert sales_client.get("/api/leads").status_code == 401


@pytest.mark.parametrize("path", ["/api/leads/999999", f"/api/leads/{10**30}", "/api/nothing", "/api", "/api/leads/x"])
def test_what_is_not_there_is_404(get: Callable, path: str) -> None:
    response = get(path)
    assert response.status_code == 404
    assert response.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("delete", "/api/leads", "GET, HEAD, POST"),
        ("options", "/api/leads", "GET, HEAD, POST"),
        ("options", "/api/leads/1", "GET, HEAD"),
        ("trace", "/api/leads/1", "GET, HEAD"),
        ("put", "/api/leads/1", "GET, HEAD"),
        ("post", "/api/leads/1", "GET, HEAD"),
        ("get", "/api/requests", "POST"),
    ],
)
def test_other_methods_are_405_in_json_and_name_those_there_are(
    client: Client, method: str, path: str, allowed: str
) -> None:
    response = getattr(client, method)(path)
    assert (response.status_code, list(response.json())) == (405, ["error"])
    assert response["Allow"] == allowed


@pytest.mark.parametrize("with_key", [True, False])
@pytest.mark.parametrize(
    "path", ["/api/leads", "/api/leads?limit=0", "/api/leads/1", "/api/requests", "/api/nothing", "/api/docs"]
)
def test_head_is_answered_as_get_without_the_body(client: Client, key: str, path: str, with_key: bool) -> None:
    LeadFactory()
    headers = {"X-API-Key": key} if with_key else {}
    got, head = client.get(path, headers=headers), client.head(path, headers=headers)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert got.content
    told = {name for name in got.headers if name != "Content-Security-Policy"}  # which has a nonce
    assert {name: head.headers.get(name) for name in told} == {name: got.headers[name] for name in told}


@pytest.mark.parametrize("path", ["/api/leads", "/api/leads/1"])
def test_an_unknown_parameter_is_named(get: Callable, path: str) -> None:
    response = get(f"{path}?statsu=failed&{'x' * 300}=1&provenance=full")
    assert response.status_code == 422
    assert [fault["field"] for fault in response.json()["faults"]] == ["statsu", "x" * 100]
    assert response.json()["faults"][0]["sentence"] == "Unknown parameter statsu."


@pytest.mark.parametrize("path", ["/api/leads", "/api/requests"])
def test_what_is_handed_in_takes_no_parameter(client: Client, key: str, path: str) -> None:
    response = client.post(
        f"{path}?dry_run=1", [lead_row()], content_type="application/json", headers={"X-API-Key": key}
    )
    assert (response.status_code, response.json()["faults"][0]["field"]) == (422, "dry_run")
    assert not Lead.objects.exists()


@pytest.mark.parametrize("number", ["1_0", "+1", " 1", "1.0", "\u0661", "\uff11", "1e1", "9" * 5_000, "-0", ""])
@pytest.mark.parametrize("name", ["cursor", "limit", "tier"])
def test_a_number_is_plain_digits(client: Client, key: str, name: str, number: str) -> None:
    response = client.get("/api/leads", {name: number}, headers={"X-API-Key": key})
    assert response.status_code == 422
    assert [fault["field"] for fault in response.json()["faults"]] == [name]


def test_the_list_and_one_lead_tell_the_same(get: Callable) -> None:
    due = timezone.now() + datetime.timedelta(hours=1)
    leads = [
        LeadFactory(),
        EnrichedLeadFactory(only_providers=["builtwith"], dispatch_after=due),
        EnrichedLeadFactory(icp_score=61.5, icp_tier=2),
    ]
    FieldFactFactory(lead=leads[1])
    for provenance in ("flat", "full"):
        listed = get(f"/api/leads?provenance={provenance}").json()["leads"]
        alone = [get(f"/api/leads/{lead.pk}?provenance={provenance}").json() for lead in leads]
        assert listed == alone
    assert alone[1]["fill_in_providers"] == ["builtwith"]
    assert alone[1]["fill_in_due_at"]


def test_our_own_failure_is_500_without_a_value_anywhere(
    post: Callable, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(rows: Any) -> None:
        raise RuntimeError(f"secret {rows}")

    monkeypatch.setattr(intake, "accept", fail)
    with caplog.at_level(logging.DEBUG, logger="enrichment"):
        response = post(lead_row())
    assert response.status_code == 500
    assert response.json()["error"]
    assert "RuntimeError" in caplog.text
    assert "johndoe" not in caplog.text + response.content.decode()


# ---------------------------------------------------------------- reading

SPECIFIED = """linkedin_url first_name last_name email email_personal phone title company_name company_domain
    company_industry company_size company_revenue company_location tech_stack funding_stage funding_amount icp_score
    icp_tier source_type source_name source_url engagement_action engagement_content provenance enriched_at
    clay_record_id""".split()
OWN = ["id", "enrichment_status", "updated_at", "fill_in_providers", "fill_in_due_at"]


def test_one_lead_is_the_output_payload_to_the_letter(get: Callable) -> None:
    moment = datetime.datetime(2026, 1, 15, 10, 0, tzinfo=datetime.UTC)
    lead = EnrichedLeadFactory(
        linkedin_url="https://www.linkedin.com/in/johndoe",
        first_name="John",
        last_name="Doe",
        email_work="john.doe@acme.com",
        email_personal="johnd@gmail.com",
        company_domain="acme.com",
        company_revenue="$10M-$50M",
        company_location="San Francisco, CA",
        tech_stack=["Salesforce", "Outreach", "Gong", "HubSpot"],
        funding_amount="$35M",
        icp_score=95.0,
        source_url="https://www.linkedin.com/company/gong-io/followers/",
        engagement_action="follows",
        scraped_at=moment,
        enriched_at=moment + datetime.timedelta(minutes=10),
        clay_row_id="row_abc123xyz",
    )
    FieldFactFactory(lead=lead, observed_at=moment + datetime.timedelta(minutes=6))
    answer = get(f"/api/leads/{lead.pk}").json()
    assert list(answer) == [*OWN, *SPECIFIED]
    assert {name: answer[name] for name in SPECIFIED} == {
        "linkedin_url": "https://www.linkedin.com/in/johndoe",
        "first_name": "John",
        "last_name": "Doe",
        "email": "john.doe@acme.com",
        "email_personal": "johnd@gmail.com",
        "phone": "+14155551234",
        "title": "VP of Revenue Operations",
        "company_name": "Acme Inc",
        "company_domain": "acme.com",
        "company_industry": "SaaS",
        "company_size": 250,
        "company_revenue": "$10M-$50M",
        "company_location": "San Francisco, CA",
        "tech_stack": ["Salesforce", "Outreach", "Gong", "HubSpot"],
        "funding_stage": "Series B",
        "funding_amount": "$35M",
        "icp_score": 95,
        "icp_tier": "Tier 1",
        "source_type": "competitor_follower",
        "source_name": "Gong.io",
        "source_url": "https://www.linkedin.com/company/gong-io/followers/",
        "engagement_action": "follows",
        "engagement_content": None,
        "provenance": {
            "sources": [{"provider": "apollo", "field": "email", "timestamp": "2026-01-15T10:06:00Z"}],
            "consent_basis": "legitimate_interest",
            "retention_until": "2028-01-15",
        },
        "enriched_at": "2026-01-15T10:10:00Z",
        "clay_record_id": "row_abc123xyz",
    }


def test_a_pending_lead_has_every_field_and_no_value(get: Callable) -> None:
    answer = get(f"/api/leads/{LeadFactory().pk}").json()
    assert list(answer) == [*OWN, *SPECIFIED]
    assert answer["tech_stack"] == []
    assert {name for name in SPECIFIED if answer[name] is None} >= {
        "email",
        "icp_score",
        "icp_tier",
        "enriched_at",
    }


def test_full_provenance_is_the_nested_document(get: Callable) -> None:
    lead = LeadFactory()
    full = get(f"/api/leads/{lead.pk}?provenance=full").json()["provenance"]
    assert list(full) == ["collection", "enrichment", "processing", "access_log"]
    assert get(f"/api/leads/{lead.pk}?provenance=other").status_code == 422


def test_a_read_is_audited_without_a_value(get: Callable) -> None:
    lead = LeadFactory()
    get(f"/api/leads/{lead.pk}")
    get("/api/leads")
    listed, single = AuditEvent.objects.filter(verb="api_read")
    assert (single.object_type, single.object_id, single.counts) == ("lead", str(lead.pk), {"leads": 1})
    assert (listed.object_id, listed.counts) == ("", {"leads": 1})
    assert re.fullmatch(r"API key \d+", single.reason)


def pages(get: Callable, query: str) -> list[list[int]]:
    found, cursor = [], 0
    while cursor is not None:
        answer = get(f"/api/leads?{query}&cursor={cursor}").json()
        found.append([lead["id"] for lead in answer["leads"]])
        cursor = answer["next_cursor"]
    return found


def test_pages_hold_under_inserts(get: Callable) -> None:
    leads = [lead.pk for lead in LeadFactory.create_batch(5)]
    first = get("/api/leads?limit=2").json()
    later = LeadFactory().pk
    rest = get(f"/api/leads?limit=10&cursor={first['next_cursor']}").json()
    assert [lead["id"] for lead in first["leads"] + rest["leads"]] == [*leads, later]
    assert rest["next_cursor"] is None
    assert pages(get, "limit=3") == [leads[:3], [*leads[3:], later]]


def test_filters(get: Callable) -> None:
    old, done = LeadFactory(), EnrichedLeadFactory(icp_tier=2)
    Lead.objects.filter(pk=old.pk).update(updated_at=timezone.now() - datetime.timedelta(days=2))
    since = (timezone.now() - datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for query in ("status=completed", "tier=2", f"updated_since={since}"):
        assert pages(get, query) == [[done.pk]]
    assert pages(get, "tier=1") == [[]]
    listed = get("/api/leads").json()["leads"][1]
    assert listed["enrichment_status"] == "completed"
    assert set(SPECIFIED) < set(listed)


def test_the_list_says_what_is_still_to_be_filled_in(get: Callable) -> None:
    due = timezone.now() + datetime.timedelta(hours=1)
    EnrichedLeadFactory(only_providers=["builtwith"], dispatch_after=due)
    EnrichedLeadFactory(only_providers=["builtwith"])
    EnrichedLeadFactory()
    LeadFactory(dispatch_after=due)
    leads = get("/api/leads").json()["leads"]
    assert [lead["fill_in_providers"] for lead in leads] == [["builtwith"], ["builtwith"], [], []]
    assert [bool(lead["fill_in_due_at"]) for lead in leads] == [True, False, False, False]
    assert [lead["enrichment_status"] for lead in leads] == ["completed"] * 3 + ["pending"]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=1&limit=2",
        "cursor=x",
        "status=new",
        "tier=4",
        "updated_since=2026-01-15T10:00:00",
        "updated_since=2026",
        "updated_since=1768471200",
        "updated_since=2026-01-15",
    ],
)
def test_a_wrong_filter_is_422_and_named(get: Callable, query: str) -> None:
    response = get(f"/api/leads?{query}")
    assert response.status_code == 422
    assert query.split("=")[0] in response.json()["error"]


def test_a_page_costs_the_same_for_any_number_of_leads(get: Callable) -> None:
    get("/api/leads")  # notes the key's use
    counts = []
    for _ in range(2):
        for lead in LeadFactory.create_batch(5):
            FieldFactFactory(lead=lead)
        with CaptureQueriesContext(connection) as queries:
            assert len(get("/api/leads").json()["leads"]) in (5, 10)
        counts.append(len(queries))
    assert counts[0] == counts[1]


# ---------------------------------------------------------------- documentation


def test_documentation_needs_no_other_host_and_no_inline_script(client: Client) -> None:
    response = client.get("/api/docs")
    page = response.content.decode()
    assert response.status_code == 200
    assert "script-src 'unsafe-inline'" not in response["Content-Security-Policy"]
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)
    scripts = re.findall(r"<script([^>]*)>([^<]*)</script>", page)
    assert scripts
    assert all("src=" in attributes or "application/json" in attributes for attributes, _ in scripts)
    assert not re.search(r"<style|\sstyle=|\son\w+=", page)


def test_documentation_has_a_language_landmarks_and_a_way_back(client: Client) -> None:
    page = client.get("/api/docs").content.decode()
    assert '<html lang="en-GB">' in page
    assert page.count("<h1>") == page.count("<main") == 1
    assert '<a href="/">Back to Swarm Admin</a>' in page


def test_openapi_describes_body_and_keys(client: Client) -> None:
    document = client.get("/api/openapi.json").json()
    assert set(document["paths"]) == {"/api/leads", "/api/leads/{lead_id}", "/api/requests"}
    body = document["paths"]["/api/leads"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert "linkedin_url" in body["oneOf"][0]["required"]
    assert set(document["components"]["securitySchemes"]) == {"BearerKey", "HeaderKey"}
