from typing import Any

import pytest

from tests.plugins.sandbox import Sandbox

PERSON = {"locationId": "location", "email": "a@example.com", "phone": "+14155550101", "firstName": "Ann"}


def upsert(sandbox: Sandbox, **fields: Any) -> dict[str, Any]:
    answer = sandbox.ghl.post("/contacts/upsert", json={"locationId": "location", **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Authorization": "Bearer x"}, 401), ({"Version": "2020-01-01"}, 401), ({"Version": ""}, 401)],
)
def test_key_and_version_are_asked_for(sandbox: Sandbox, headers: dict[str, str], status: int) -> None:
    answer = sandbox.ghl.get("/contacts/x", headers=headers)
    assert (answer.status_code, answer.json()["statusCode"]) == (status, status)


def test_another_location_is_refused(sandbox: Sandbox) -> None:
    assert sandbox.ghl.post("/contacts/upsert", json={**PERSON, "locationId": "other"}).status_code == 403
    assert sandbox.ghl.post("/contacts/upsert", json={"email": "a@example.com"}).status_code == 403
    params = {"locationId": "other", "email": "a@example.com"}
    assert sandbox.ghl.get("/contacts/search/duplicate", params=params).status_code == 403


def test_upsert_creates_then_updates(sandbox: Sandbox) -> None:
    first = upsert(sandbox, **PERSON, companyName="Acme", customFields=[{"key": "icp", "field_value": 95}])
    second = upsert(sandbox, email="A@example.com", lastName="Lee")
    assert (first["new"], second["new"]) == (True, False)
    contact = sandbox.ghl.get(f"/contacts/{first['contact']['id']}").json()["contact"]
    assert contact == second["contact"]
    assert (contact["firstName"], contact["lastName"], contact["companyName"]) == ("Ann", "Lee", "Acme")
    assert contact["customFields"] == [{"id": "cf_icp", "key": "icp", "value": 95}]


def test_complaints_are_a_list_on_422(sandbox: Sandbox) -> None:
    answer = sandbox.ghl.post("/contacts/upsert", json={**PERSON, "email": "nobody", "title": "CEO"})
    assert (answer.status_code, answer.json()["message"]) == (
        422,
        ["email must be an email", "property title should not exist"],
    )


def test_tags_in_an_upsert_overwrite_all_tags_and_the_tag_calls_do_not(sandbox: Sandbox) -> None:
    contact = upsert(sandbox, **PERSON, tags=["owner's own"])["contact"]["id"]
    assert sandbox.ghl.post(f"/contacts/{contact}/tags", json={"tags": ["Tier 1"]}).json()["tags"] == [
        "owner's own",
        "tier 1",
    ]
    removed = sandbox.ghl.request("DELETE", f"/contacts/{contact}/tags", json={"tags": ["tier 1"]})
    assert removed.json() == {"tags": ["owner's own"]}
    assert upsert(sandbox, **PERSON, tags=["tier 2"])["contact"]["tags"] == ["tier 2"]
    assert sandbox.stats()["ghl"]["tags_overwritten"] == 1


def test_put_is_spelt_so_and_refuses_location_and_company(sandbox: Sandbox) -> None:
    contact = upsert(sandbox, **PERSON)["contact"]["id"]
    answer = sandbox.ghl.put(f"/contacts/{contact}", json={"firstName": "Bea"}).json()
    assert (answer["succeded"], answer["contact"]["firstName"]) == (True, "Bea")
    for name in ("locationId", "companyName"):
        refused = sandbox.ghl.put(f"/contacts/{contact}", json={name: "location"})
        assert (refused.status_code, refused.json()["message"]) == (
            422,
            [f"property {name} should not exist"],
        )


def test_the_phone_of_another_contact_is_silently_dropped(sandbox: Sandbox) -> None:
    upsert(sandbox, email="a@example.com", phone="+14155550101")
    upsert(sandbox, email="b@example.com", phone="+14155550102")
    answer = upsert(sandbox, email="b@example.com", phone="(415) 555-0101")
    assert (answer["new"], answer["contact"]["phone"]) == (False, "+14155550102")
    assert sandbox.stats()["ghl"]["contacts"] == 2


def test_a_phone_alone_finds_its_contact(sandbox: Sandbox) -> None:
    first = upsert(sandbox, phone="+14155550101")["contact"]["id"]
    answer = upsert(sandbox, email="a@example.com", phone="+1 415 555 0101")
    assert (answer["new"], answer["contact"]["id"]) == (False, first)


def test_creating_an_existing_contact_names_it(sandbox: Sandbox) -> None:
    contact = upsert(sandbox, **PERSON)["contact"]["id"]
    answer = sandbox.ghl.post("/contacts/", json=PERSON)
    assert (answer.status_code, answer.json()["meta"]) == (400, {"contactId": contact})
    assert isinstance(answer.json()["message"], str)


def test_search_reads_back_by_email_and_phone(sandbox: Sandbox) -> None:
    contact = upsert(sandbox, **PERSON)["contact"]

    def found(**query: str) -> Any:
        params = {"locationId": "location", **query}
        return sandbox.ghl.get("/contacts/search/duplicate", params=params).json()["contact"]

    assert found(email="A@EXAMPLE.COM") == contact
    assert found(number="+14155550101") == contact
    assert found(email="nobody@example.com") is None
    assert sandbox.ghl.get("/contacts/search/duplicate", params={"email": "a@x.de"}).status_code == 422


def test_a_deleted_contact_is_gone_until_its_owner_restores_it(sandbox: Sandbox) -> None:
    contact = upsert(sandbox, **PERSON)["contact"]["id"]
    assert sandbox.ghl.delete(f"/contacts/{contact}").json() == {"succeded": True}
    assert sandbox.ghl.get(f"/contacts/{contact}").status_code == 404
    assert sandbox.ghl.delete(f"/contacts/{contact}").status_code == 404
    assert sandbox.http.post("/_ghl/restore", json={"id": contact}).status_code == 200
    assert sandbox.ghl.get(f"/contacts/{contact}").status_code == 200
    assert upsert(sandbox, **PERSON)["new"] is False


def test_every_answer_tells_the_limits(sandbox: Sandbox) -> None:
    headers = sandbox.ghl.get("/contacts/x").headers
    assert headers["X-RateLimit-Max"] == "100"
    assert headers["X-RateLimit-Remaining"] == "99"
    assert headers["X-RateLimit-Limit-Daily"] == "200000"
    assert headers["X-RateLimit-Daily-Remaining"] == "199999"
    assert headers["X-RateLimit-Interval-Milliseconds"] == "10"
