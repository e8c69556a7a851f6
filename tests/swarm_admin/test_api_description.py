"""The API does what its own description says, for whatever the description allows and forbids."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    missing_required_header,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from swarm_admin.access.models import ApiKey, Scope
from swarm_admin.core.numbers import HIGHEST
from tests.factories import DisclosureFactory, EnrichedLeadFactory, FieldFactFactory, LeadFactory

pytestmark = pytest.mark.django_db
OPERATIONS = ["POST /api/leads", "GET /api/leads", "GET /api/leads/{lead_id}", "POST /api/requests"]
EXAMPLES = 25  # of each operation, valid and invalid ones; some twenty seconds in all
# Not that everything the description forbids is refused: a row is, and the call goes on with the others.
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    missing_required_header,
]


@pytest.fixture
def key() -> str:
    return ApiKey.issue(name="fuzzer", scopes=list(Scope.values), by=None)[1]


@pytest.fixture
def operations() -> Iterator[dict[str, Any]]:
    """{"METHOD /path": operation}, which call the product within this test's transaction."""
    for signal in (request_started, request_finished):  # as Django's own test client does
        signal.disconnect(close_old_connections)
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", get_wsgi_application())
    yield {found.label: found for found in (each.ok() for each in schema.get_all_operations())}
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def document(client: Client) -> dict[str, Any]:
    return json.loads(client.get("/api/openapi.json").content)


def test_these_are_all_operations(operations):
    assert sorted(operations) == sorted(OPERATIONS)


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("label", OPERATIONS)
@pytest.mark.timeout(180)
def test_every_answer_is_described(operations, key, label, mode):
    strategy = operations[label].as_strategy(generation_mode=mode)

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def check(case: Any) -> None:
        response = case.call(headers={"X-API-Key": key})
        case.validate_response(response, checks=CHECKS)
        if response.status_code >= 400:
            assert response.json()["error"].endswith(".")

    check()


@pytest.fixture
def leads() -> list[int]:
    """One of each look: just received, enriched with its ledger, to be filled in, kept only."""
    plain, done = LeadFactory(), EnrichedLeadFactory(icp_score=61.5, clay_row_id="row_1")
    FieldFactFactory(lead=done)
    DisclosureFactory(lead=done)
    waits = EnrichedLeadFactory(only_providers=["builtwith"], dispatch_after=timezone.now())
    return [each.pk for each in (plain, done, waits, LeadFactory(restriction="objection"))]


@pytest.mark.parametrize("provenance", ["flat", "full"])
def test_what_is_told_of_leads_is_described_to_the_field(document, operations, key, leads, provenance):
    """With leads in the answers, and every field of them described: none is "any object"."""
    one, many = operations["GET /api/leads/{lead_id}"], operations["GET /api/leads"]
    cases = [one.Case(path_parameters={"lead_id": pk}, query={"provenance": provenance}) for pk in leads]
    cases.append(many.Case(query={"provenance": provenance, "limit": 2}))
    answers = []
    for case in cases:
        response = case.call(headers={"X-API-Key": key})
        case.validate_response(response, checks=CHECKS)
        answers.append(response)
    assert [each.status_code for each in answers] == [200, 200, 200, 403, 200]
    assert len(answers[-1].json()["leads"]) == 2
    described = [
        answer["content"]["application/json"]["schema"]
        for path in document["paths"].values()
        for operation in path.values()
        for answer in operation["responses"].values()
    ]
    assert [each for schema in described for each in vague(resolved(schema, document))] == []


def vague(schema: Any) -> Iterator[Any]:
    """The objects in it of which no field is described."""
    if isinstance(schema, list):
        for each in schema:
            yield from vague(each)
    elif isinstance(schema, dict):
        if schema.get("type") == "object" and not schema.get("properties"):
            yield schema
        for each in schema.values():
            yield from vague(each)


def test_an_answer_with_another_field_is_not_as_described(operations, key, leads):
    """So the check above can fail."""
    case = operations["GET /api/leads/{lead_id}"].Case(path_parameters={"lead_id": leads[0]})
    response = case.call(headers={"X-API-Key": key})
    response.content = json.dumps({**json.loads(response.content), "surprise": 1}).encode()
    with pytest.raises(FailureGroup):
        case.validate_response(response, checks=[response_schema_conformance])


def resolved(part: Any, document: dict[str, Any]) -> Any:
    """The schema with every reference replaced by what it leads to."""
    if isinstance(part, list):
        return [resolved(each, document) for each in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return resolved(document["components"]["schemas"][part["$ref"].rsplit("/", 1)[1]], document)
    return {name: resolved(each, document) for name, each in part.items()}


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for each in part.values():
            yield from references(each)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def test_every_reference_leads_somewhere(document):
    found = set(references(document))
    assert found
    for reference in found:
        at = document
        assert reference.startswith("#/")
        for step in reference.removeprefix("#/").split("/"):
            assert step in at, reference
            at = at[step]


def test_every_bound_of_a_number_is_described(document):
    """By the names that JSON Schema has for bounds: a client checks by those, and knows nothing of Python's."""
    listed = document["components"]["schemas"]["ListQuery"]["properties"]
    limits = [(each["minimum"], each["maximum"]) for each in (listed["limit"], listed["tier"]["anyOf"][0])]
    assert limits == [(1, 500), (1, 3)]
    assert (listed["cursor"]["minimum"], listed["cursor"]["maximum"]) == (0, HIGHEST)
    request = document["paths"]["/api/requests"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    concerns = request["properties"]["concerns"]["anyOf"][0]
    assert (concerns["minimum"], concerns["maximum"]) == (1, HIGHEST)


def test_every_refusal_has_the_one_shape(document):
    for path in document["paths"].values():
        for operation in path.values():
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    schema = answer["content"]["application/json"]["schema"]
                    shapes = {each["$ref"].rsplit("/", 1)[1] for each in schema.get("anyOf", [schema])}
                    assert shapes <= {"Problem", "IntakeRefused"}


@pytest.mark.parametrize("path", ["/api/leads", "/api/leads/1", "/api/requests", "/api/nothing"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY", "x" * 300])
def test_whatever_is_refused_is_refused_in_json(client, path, method):
    answer = client.generic(method, path, b"\xff", content_type="text/plain")
    assert answer.status_code >= 400
    assert answer["Content-Type"].startswith("application/json")
    assert answer.json()["error"]
    assert answer.status_code != 405 or answer["Allow"]


@pytest.mark.parametrize("path", ["/api/leads", "/api/requests"])
@pytest.mark.parametrize(
    ("body", "type_", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"{}", "text/plain", 415),
        (b"{}", "", 415),
        (b"kind=access", "application/x-www-form-urlencoded", 415),
        (b'"' + b"x" * 21_000_000 + b'"', "application/json", 413),
    ],
    ids=["half", "no text", "deep", "plain", "no type", "form", "21 MB"],
)
def test_a_body_that_is_no_json_is_refused(client, key, path, body, type_, status):
    answer = client.generic("POST", path, body, content_type=type_, headers={"X-API-Key": key})
    assert answer.status_code == status
    assert answer.json()["error"].endswith(".")


def test_an_unknown_host_is_refused_in_json(client):
    answer = client.get("/api/leads", headers={"Host": "elsewhere.example"})
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


ENDS_OF_TIME = [
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-14:00",
]


@pytest.mark.parametrize("moment", ENDS_OF_TIME)
def test_either_end_of_time_is_no_error_of_ours(client, key, moment):
    headers = {"X-API-Key": key}
    read = client.get("/api/leads", {"updated_since": moment}, headers=headers)
    assert read.status_code in (200, 422)
    if read.status_code == 422:
        assert read.json()["faults"][0]["field"] == "updated_since"
    body = {"kind": "access", "emails": ["kim@example.com"], "received_at": moment}
    asked = client.post("/api/requests", body, content_type="application/json", headers=headers)
    assert asked.status_code == 422
    assert asked.json()["faults"][0]["field"] == "received_at"


@pytest.mark.parametrize(
    ("moment", "status"),
    [("1850-01-01T00:00:00Z", 422), ("2018-05-24T23:59:59Z", 422), ("2018-05-25T00:00:00z", 201)],
)
def test_a_request_was_not_received_before_there_was_a_right_to_ask(client, key, moment, status):
    body = {"kind": "access", "emails": ["kim@example.com"], "received_at": moment}
    answer = client.post("/api/requests", body, content_type="application/json", headers={"X-API-Key": key})
    assert answer.status_code == status
    if status == 422:
        assert "25 May 2018" in answer.json()["faults"][0]["sentence"]


def test_a_page_beyond_every_id_is_refused_by_its_name(client, key):
    answer = client.get("/api/leads", {"cursor": 10**30}, headers={"X-API-Key": key})
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["faults"]] == ["cursor"]


def test_keys_beside_leads_are_told(client, key):
    body = {"leads": [{}], "dry_run": True, "x" * 5_000: 1}
    answer = client.post("/api/leads", body, content_type="application/json", headers={"X-API-Key": key})
    assert answer.json()["ignored_fields"] == ["dry_run", "x" * 100]
    assert answer.json()["error"] == "No valid rows."
