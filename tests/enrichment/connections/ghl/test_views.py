"""Connect GoHighLevel, by persona, against the sandbox."""

import datetime
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from enrichment.connections import checks
from enrichment.connections.ghl import setup
from enrichment.models import Connection, ConnectionCheck
from enrichment.vendors import limiter
from enrichment.vendors.connections import close_clients
from enrichment.vendors.gohighlevel import known_fields
from enrichment.vendors.gohighlevel.fields import CUSTOM
from enrichment.vendors.gohighlevel.record import GOHIGHLEVEL
from gdpr.models import AuditEvent
from tests.plugins.sandbox import Sandbox

PAGE = "/connections/ghl/"
WRITES = (f"{PAGE}scopes/", f"{PAGE}fields/", f"{PAGE}fields/create/")


def post(client: Client, address: str) -> str:
    """The page that follows."""
    return client.post(address, follow=True).content.decode()


def fields_of(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    """{key without its model: field} of the location."""
    listed = sandbox.state("ghl")["custom_fields"]
    return {field["fieldKey"].removeprefix("contact."): field for field in listed}


def test_who_may_look(
    sales_client: Client, compliance_client: Client, admin_client: Client, nobody_client: Client
) -> None:
    clients = (sales_client, compliance_client, admin_client, nobody_client)
    assert [each.get(PAGE).status_code for each in clients] == [200, 200, 200, 403]
    assert Client().get(PAGE).status_code == 302


@pytest.mark.parametrize("address", WRITES)
def test_who_may_not_change(sales_client: Client, nobody_client: Client, admin_client: Client, address: str) -> None:
    assert [each.post(address).status_code for each in (sales_client, nobody_client)] == [403, 403]
    assert Client().post(address).status_code == 302
    assert admin_client.get(address).status_code == 405


def test_who_may_not_is_told_why(sales_client: Client, admin_client: Client, crm: Sandbox) -> None:
    page = sales_client.get(PAGE).content.decode()
    assert "have permission to manage connections" in page
    assert '<form method="post" action="/connections/ghl/' not in page
    assert 'action="/connections/ghl/scopes/"' in admin_client.get(PAGE).content.decode()
    assert 'href="/connections/ghl/"' in sales_client.get("/connections/").content.decode()


def test_nothing_is_claimed_before_it_was_checked(admin_client: Client, crm: Sandbox) -> None:
    page = admin_client.get(PAGE).content.decode()
    assert "0 of 3 steps done." in page
    assert "Present, not tested" in page
    assert "Works" not in page
    assert not crm.stats()["ghl"]["requests"]


def test_without_a_token_the_page_says_where_to_get_one(admin_client: Client, crm: Sandbox, settings: Any) -> None:
    settings.GHL_API_KEY = ""
    page = admin_client.get(PAGE).content.decode()
    assert "Private Integrations" in page
    assert "Set GHL_API_KEY in the environment and restart first." in page
    assert "Set GHL_API_KEY in the environment" in post(admin_client, WRITES[0])
    assert not ConnectionCheck.objects.exists()


@pytest.mark.parametrize("key", ["kéy", "two\nlines"])
def test_a_token_that_cannot_be_sent_is_said_to_be_wrong(
    admin_client: Client, crm: Sandbox, settings: Any, key: str
) -> None:
    settings.GHL_API_KEY = key
    close_clients()
    for address in WRITES:
        assert "bad_key" in post(admin_client, address)
    assert not crm.stats()["ghl"]["requests"]


@pytest.mark.parametrize("location", ["", " ", ".."])
def test_without_a_location_nothing_is_called(admin_client: Client, crm: Sandbox, settings: Any, location: str) -> None:
    settings.GHL_LOCATION_ID = location
    close_clients()
    for address in WRITES:
        assert "Set GHL_LOCATION_ID in the environment and restart first." in post(admin_client, address)


def test_every_scope_works(admin_client: Client, crm: Sandbox) -> None:
    page = post(admin_client, WRITES[0])
    assert "GoHighLevel: 5 of 5 scopes work." in page
    assert "Alpha Swarm Sales" in page
    assert page.count("</i> Works") == 5
    assert not crm.state("ghl")["contacts"]
    assert not fields_of(crm)


def test_a_missing_scope_says_how_to_add_it(admin_client: Client, crm: Sandbox) -> None:
    crm.config(ghl_missing_scopes=["contacts.write", "locations.readonly"])
    page = post(admin_client, WRITES[0])
    assert "Add contacts.write to the private integration token" in page
    assert "1 missing" in page  # the other one is optional
    assert "Needs attention: Scopes." in page
    crm.config(ghl_missing_scopes=[])
    assert "All work" in post(admin_client, WRITES[0])


def test_a_rejected_token_is_one_trouble(admin_client: Client, crm: Sandbox, settings: Any) -> None:
    settings.GHL_API_KEY = "wrong"
    close_clients()
    page = post(admin_client, WRITES[0])
    assert "GoHighLevel rejected the key." in page
    assert "Renew it, update GHL_API_KEY and restart" in page
    assert "wrong" not in page.replace("Wrong", "")


def test_another_location_is_named(admin_client: Client, crm: Sandbox, settings: Any) -> None:
    settings.GHL_LOCATION_ID = "elsewhere"
    close_clients()
    assert "The token has no access to location elsewhere." in post(admin_client, WRITES[0])


def test_a_429_is_no_result(admin_client: Client, crm: Sandbox) -> None:
    crm.fault("ghl", "429", call="contacts.search", seconds=1)
    page = post(admin_client, WRITES[0])
    assert "No result (ghl test_scope: 429" in page
    assert "Not tested" in page


def test_a_used_up_limit_calls_nobody(admin_client: Client, crm: Sandbox, settings: Any) -> None:
    limiter.penalise("ghl.calls", GOHIGHLEVEL.limits[0].scope(), 30)
    assert "GoHighLevel wasn&#x27;t called: its rate limit is reached" in post(admin_client, WRITES[0])
    assert not crm.stats()["ghl"]["requests"]


def test_results_of_another_key_are_void(admin_client: Client, crm: Sandbox, settings: Any) -> None:
    post(admin_client, WRITES[0])
    assert "All work" in admin_client.get(PAGE).content.decode()
    settings.GHL_API_KEY = "renewed"
    assert "0 of 3 steps done." in admin_client.get(PAGE).content.decode()
    assert not checks.current(GOHIGHLEVEL)


# ---------------------------------------------------------------- custom fields


def test_the_missing_fields_are_created_once(admin_client: Client, crm: Sandbox) -> None:
    assert "0 of 18 fields are ready." in post(admin_client, WRITES[1])
    page = post(admin_client, WRITES[2])
    assert "Created 18 fields." in page
    assert "All there" in page
    there = fields_of(crm)
    assert there.keys() == set(CUSTOM)
    assert there["company_size"]["dataType"] == "NUMERICAL"
    assert known_fields.field_ids() == {key: field["id"] for key, field in there.items()}
    assert "Nothing to create: no field is missing." in post(admin_client, WRITES[2])
    assert fields_of(crm) == there
    event = AuditEvent.objects.get(verb="create_custom_fields")
    assert (event.counts, event.fields) == ({"created": 18}, sorted(CUSTOM))


def test_only_the_missing_ones_are_created(admin_client: Client, crm: Sandbox) -> None:
    body = {"name": "LinkedIn URL", "dataType": "TEXT", "model": "contact"}
    crm.ghl.post("/locations/location/customFields", json=body).raise_for_status()
    before = fields_of(crm)["linkedin_url"]
    assert "Created 17 fields." in post(admin_client, WRITES[2])
    assert fields_of(crm)["linkedin_url"] == before


def test_a_second_press_meanwhile_is_refused(admin_client: Client, crm: Sandbox) -> None:
    cache.add(setup.LOCK, "1", 60)
    assert "being created already" in post(admin_client, WRITES[2])
    assert not fields_of(crm)


def test_what_was_just_created_is_not_created_again_though_the_list_lags(admin_client: Client, crm: Sandbox) -> None:
    post(admin_client, WRITES[2])
    for field in fields_of(crm).values():
        crm.ghl.delete(f"/locations/location/customFields/{field['id']}").raise_for_status()
    page = post(admin_client, WRITES[2])
    assert not fields_of(crm)
    assert "GoHighLevel doesn&#x27;t list it yet" in page
    check = ConnectionCheck.objects.get(name="fields")
    check.seen["created"] = dict.fromkeys(
        CUSTOM, (check.checked_at - setup.LISTED_WITHIN - datetime.timedelta(seconds=1)).isoformat()
    )
    check.save()
    assert "Created 18 fields." in post(admin_client, WRITES[2])


def test_a_lost_answer_stops_and_the_next_press_makes_no_second_field(admin_client: Client, crm: Sandbox) -> None:
    crm.fault("ghl", "reset_after_effect", call="custom_fields.create", times=1)
    page = post(admin_client, WRITES[2])
    assert "No field was created. The outcome of the next one is unknown" in page
    assert len(fields_of(crm)) == 1
    assert "Created 17 fields." in post(admin_client, WRITES[2])
    assert len(crm.state("ghl")["custom_fields"]) == 18


def test_without_the_scope_nothing_is_created_and_the_page_says_so(admin_client: Client, crm: Sandbox) -> None:
    crm.config(ghl_missing_scopes=["locations/customFields.write"])
    page = post(admin_client, WRITES[2])
    assert "No field was created. Then GoHighLevel returned an error" in page
    crm.config(ghl_missing_scopes=["locations/customFields.readonly"])
    assert "The fields weren&#x27;t read" in post(admin_client, WRITES[1])
    assert "read the fields: ghl list_custom_fields: 401" in admin_client.get(PAGE).content.decode()


def test_wrong_types_and_doubles_are_said(admin_client: Client, crm: Sandbox) -> None:
    for name, data_type in (("ICP tier", "NUMERICAL"), ("Title", "TEXT"), ("title", "TEXT")):
        body = {"name": name, "dataType": data_type, "model": "contact"}
        crm.ghl.post("/locations/location/customFields", json=body).raise_for_status()
    page = post(admin_client, WRITES[1])
    assert "Its type is Number, which can&#x27;t hold what we send." in page
    assert "Another field is like it: title." in page
    assert known_fields.field_ids().keys() == {"title"}
    post(admin_client, WRITES[2])
    assert len(crm.state("ghl")["custom_fields"]) == 19


def test_ids_of_another_location_are_not_used(admin_client: Client, crm: Sandbox, settings: Any) -> None:
    post(admin_client, WRITES[2])
    assert Connection.objects.get(system="ghl").fields_location == "location"
    settings.GHL_LOCATION_ID = "elsewhere"
    assert known_fields.field_ids() == {}
