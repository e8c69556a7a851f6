"""Connections, by persona, against the sandbox."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from enrichment.connections import health, setup
from enrichment.models import ClaySource, Connection, ServiceHold
from enrichment.vendors import connections as clients
from enrichment.vendors import limiter, registry, vendor_health
from enrichment.vendors.clay.table import TABLE_NAME
from enrichment.vendors.gohighlevel.record import GOHIGHLEVEL
from gdpr.models import AuditEvent
from tests.plugins.sandbox import KEYS, Sandbox

WRITES = ("/connections/clay/test/", "/connections/clay/set-up/", "/connections/holds/1/resume/")


def forget_clients() -> None:
    """The next call reads the settings anew; no connection is left open."""
    clients.close_clients()


@pytest.fixture
def vendors(sandbox: Sandbox, settings: object) -> Sandbox:
    """The sandbox, as this process is configured to call it, with no table yet."""
    settings.CLAY_API_BASE_URL = f"{sandbox.url}/clay/v1"
    settings.GHL_API_BASE_URL = f"{sandbox.url}/ghl"
    settings.INSTANTLY_API_BASE_URL = f"{sandbox.url}/instantly/api/v2"
    settings.CLAY_TABLE_ID = ""
    for name in ("CLAY_API_KEY", "CLAY_WORKSPACE_ID", "GHL_API_KEY", "GHL_LOCATION_ID", "INSTANTLY_API_KEY"):
        setattr(settings, name, KEYS[name.lower()])
    forget_clients()
    yield sandbox
    forget_clients()


def told(client: Client) -> str:
    """The message that waits for the next page."""
    return client.get("/connections/").content.decode()


def test_who_may_look(
    sales_client: Client, compliance_client: Client, admin_client: Client, nobody_client: Client
) -> None:
    clients = (sales_client, compliance_client, admin_client, nobody_client)
    assert [c.get("/connections/").status_code for c in clients] == [200, 200, 200, 403]
    assert Client().get("/connections/").status_code == 302


@pytest.mark.parametrize("address", WRITES)
def test_who_may_not_change(sales_client: Client, nobody_client: Client, address: str) -> None:
    assert [c.post(address).status_code for c in (sales_client, nobody_client)] == [403, 403]
    assert Client().post(address).status_code == 302
    assert sales_client.get(address).status_code == 405


def test_a_disabled_button_says_why(sales_client: Client, admin_client: Client) -> None:
    assert "have permission to manage connections" in told(sales_client)
    assert 'action="/connections/clay/test/"' not in told(sales_client)
    assert 'action="/connections/clay/test/"' in told(admin_client)


def test_keys_are_never_shown(admin_client: Client, settings: object) -> None:
    settings.CLAY_API_KEY = "clay-key-nobody-should-see"
    settings.GHL_API_KEY = ""
    page = told(admin_client)
    assert "clay-key-nobody-should-see" not in page
    assert "Missing: set GHL_API_KEY" in page


@pytest.mark.parametrize("system", ["clay", "ghl", "instantly"])
def test_a_test_call_shows_its_result(admin_client: Client, vendors: Sandbox, system: str) -> None:
    admin_client.post(f"/connections/{system}/test/")
    assert f"{registry.name_of(system)} responded in" in told(admin_client)
    assert Connection.objects.get(system=system).last_ok_at
    [vendor] = [each for each in health.all_vendors() if each.system == system]
    assert vendor.state == "ok"


def test_a_refused_key_is_shown_with_what_to_do(admin_client: Client, vendors: Sandbox, settings: object) -> None:
    settings.CLAY_API_KEY = "wrong"
    forget_clients()
    admin_client.post("/connections/clay/test/")
    page = told(admin_client)
    assert "Clay returned an error" in page
    assert "Renew it with the vendor" in page
    assert health.all_vendors()[0].state == "error"


def test_an_unknown_system_is_not_found(admin_client: Client) -> None:
    assert admin_client.post("/connections/hubspot/test/").status_code == 404


def test_set_up_makes_table_and_webhook_once(admin_client: Client, vendors: Sandbox) -> None:
    admin_client.post("/connections/clay/set-up/")
    assert "created the table" in told(admin_client)
    connection = Connection.objects.get(system="clay")
    assert connection.webhook_url == setup.webhook_url()
    admin_client.post("/connections/clay/set-up/")
    assert "the table already exists" in told(admin_client)
    tables = vendors.clay.get("/tables").json()["tables"]
    assert [(t["id"], t["name"]) for t in tables if t["name"] == TABLE_NAME] == [(connection.table_id, TABLE_NAME)]
    events = AuditEvent.objects.filter(verb__startswith="set_up_clay")
    assert sorted(events.values_list("verb", flat=True)) == ["set_up_clay_table", "set_up_clay_webhook"]
    assert all(event.actor_id for event in events)


def test_set_up_takes_the_table_that_has_the_name(vendors: Sandbox, db: None) -> None:
    made = vendors.clay.post(
        "/tables", json={"name": TABLE_NAME, "columns": [{"name": "linkedin_url", "type": "url"}]}
    ).json()
    done = setup.clay_setup(by=None)
    assert (done.table_id, done.table_made, done.webhook_made) == (made["id"], False, True)


def test_set_up_again_after_the_address_changed(vendors: Sandbox, db: None, settings: object) -> None:
    first = setup.clay_setup(by=None)
    settings.BASE_URL = "https://elsewhere.example"
    second = setup.clay_setup(by=None)
    assert second.webhook_made
    assert second.webhook_id != first.webhook_id


def test_set_up_refuses_a_table_that_is_not_there(admin_client: Client, vendors: Sandbox, settings: object) -> None:
    settings.CLAY_TABLE_ID = "tbl_gone"
    admin_client.post("/connections/clay/set-up/")
    assert "CLAY_TABLE_ID is tbl_gone, but the workspace has no such table" in told(admin_client)


def test_set_up_refuses_two_at_once(vendors: Sandbox, db: None) -> None:
    setup.cache.add(setup.LOCK, "1", 5)
    with pytest.raises(setup.SetupError, match="already running"):
        setup.clay_setup(by=None)


def test_the_command_says_what_it_did(vendors: Sandbox, db: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("clay_setup")
    assert "Clay is set up: created the table" in capsys.readouterr().out


def test_resume_lifts_the_hold(admin_client: Client, sales_client: Client) -> None:
    hold = ServiceHold.objects.create(system="ghl", reason="refresh_key")
    assert "have permission to manage connections" in told(sales_client)
    admin_client.post(f"/connections/holds/{hold.pk}/resume/")
    hold.refresh_from_db()
    assert hold.lifted_at is not None
    assert hold.lifted_at <= timezone.now()
    assert AuditEvent.objects.filter(verb="resume_service").count() == 1
    admin_client.post(f"/connections/holds/{hold.pk}/resume/")
    assert "was already resumed" in told(admin_client)


def test_gauges_show_what_is_left(admin_client: Client, vendors: Sandbox) -> None:
    admin_client.post("/connections/ghl/test/")
    [ten_seconds, day] = health.budgets_of(GOHIGHLEVEL)
    assert (ten_seconds.window, day.used) == ("10 seconds", 1)
    assert f"{day.left:,} of {day.limit:,} left" in told(admin_client)


def vendor_after(**calls: tuple[float | None, float | None]) -> health.SystemHealth:
    """Clay with these calls: name → (seconds since the last good answer, since the last bad one)."""
    now = timezone.now()
    for name, (good, bad) in calls.items():
        key = f"vitals:clay:{name}"
        if good is not None:
            limiter.connection().hset(key, "last_good", (now - timedelta(seconds=good)).timestamp())
        if bad is not None:
            stamp = {"last_bad": (now - timedelta(seconds=bad)).timestamp(), "last_bad_status": "502"}
            limiter.connection().hset(key, mapping=stamp)
        limiter.connection().sadd("vitals:clay", name)
    return health.all_vendors()[0]


@pytest.mark.parametrize(
    ("calls", "state"),
    [
        ({"get_row": (5.0, None)}, "ok"),
        ({"get_row": (5.0, 60.0)}, "ok"),
        ({"get_row": (60.0, 5.0)}, "error"),
        ({"get_row": (7_200.0, 3_600.0)}, "error"),  # an hour ago, and never good since
        ({"get_row": (45.0, None), "probe": (None, 60.0)}, "ok"),  # not asked again once others ended the pause
        ({"get_row": (1.0, None), "create_rows": (None, 5.0)}, "error"),  # the others do not make up for it
        ({"create_rows": (1.0, None), "get_row": (None, 5.0)}, "ok"),
        ({"get_row": (5.0, None), "create_rows": (None, 1.0)}, "error"),
        ({"get_row": (1.0, None), "create_rows": (None, 3_600.0)}, "ok"),  # it may just not be made any more
        ({"get_row": (2 * 86_400.0, None)}, "stale"),
        ({}, "idle"),
    ],
)
def test_connected_is_only_what_answers(
    db: None, settings: object, calls: dict[str, tuple[float | None, float | None]], state: str
) -> None:
    settings.CLAY_API_KEY = "key"
    assert vendor_after(**calls).state == state


def test_a_vendor_that_answers_again_is_said_to_fail_nowhere(sales_client: Client, settings: object) -> None:
    """Its last error is the probe's, which nobody asks again once another call has ended the pause."""
    settings.CLAY_API_KEY = settings.GHL_API_KEY = settings.INSTANTLY_API_KEY = "key"
    vendor_after(get_row=(45.0, None), probe=(None, 60.0))
    for page in (told(sales_client), sales_client.get("/").content.decode()):
        assert "calls have failed since" not in page
        assert "Failing" not in page
        assert "Enrichment is interrupted" not in page
    assert "probe: 502" in told(sales_client)


def test_old_news_is_not_called_connected(sales_client: Client, settings: object) -> None:
    settings.CLAY_API_KEY = settings.GHL_API_KEY = settings.INSTANTLY_API_KEY = "key"
    vendor_after(get_row=(2 * 86_400.0, None))
    page = told(sales_client)
    assert "Not checked recently" in page
    assert "0 of 3 connected" in page
    assert "Not checked recently" in sales_client.get("/").content.decode()


# ---------------------------------------------------------------- a Clay table: nothing of it can be called


@pytest.fixture
def table(settings: object, db: None) -> ClaySource:
    """A Clay table is in use, with one source; no key is needed."""
    settings.CLAY_CONNECTOR = "table"
    settings.CLAY_API_KEY = ""
    return ClaySource.objects.create(name="Leads", url="http://127.0.0.1/clay/x", life=50_000, taken=31_204)


def test_what_a_table_cannot_do_is_said_where_it_is_looked_for(admin_client: Client, table: ClaySource) -> None:
    page = told(admin_client)
    assert "18,796 of 50,000 left" in page
    assert 'href="/connections/clay/table/#test"' in page
    assert 'action="/connections/clay/test/"' not in page
    assert 'action="/connections/clay/set-up/"' not in page
    assert "write IDs back" in page
    assert "Clay asks the providers by itself" in page
    assert ("Submissions" in page, "New rows" in page, "Enrichment triggers" in page) == (True, False, False)
    assert "/webhooks/clay/row" in page


@pytest.mark.parametrize("address", ["/connections/clay/set-up/", "/connections/clay/new-table/"])
def test_a_tables_set_up_leads_to_its_guide(admin_client: Client, table: ClaySource, address: str) -> None:
    answer = admin_client.post(address)
    assert answer["Location"] == "/connections/clay/table/"
    assert "takes no set-up from here" in admin_client.get(answer["Location"]).content.decode()


def test_a_tables_test_sends_nobody_anything(admin_client: Client, table: ClaySource) -> None:
    admin_client.post("/connections/clay/test/")
    assert "Send a test row instead" in told(admin_client)
    assert not Connection.objects.filter(system="clay").exists()


def test_a_table_is_as_well_as_its_last_row(table: ClaySource) -> None:
    def state() -> str:
        return health.all_vendors()[0].state

    assert state() == "idle"
    vendor_health.count_call("clay", "submit_row", 200, 0.1)
    assert state() == "idle"
    ClaySource.objects.update(last_callback_at=timezone.now() - timedelta(days=2))
    assert state() == "stale"
    ClaySource.objects.update(last_callback_at=timezone.now())
    assert state() == "ok"
    ClaySource.objects.update(closed_at=timezone.now())
    assert state() == "no_key"


def test_a_routine_is_tested_by_its_key(admin_client: Client, vendors: Sandbox, settings: object) -> None:
    settings.CLAY_CONNECTOR = "routine"
    settings.CLAY_PUBLIC_API_BASE_URL = f"{vendors.url}/clay/public/v0"
    admin_client.post("/connections/clay/test/")
    assert "The key is of workspace" in told(admin_client)
    settings.CLAY_API_KEY = "wrong"
    forget_clients()
    admin_client.post("/connections/clay/test/")
    assert "Clay returned an error" in told(admin_client)
