"""What a demo begins with, for each way to Clay."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from enrichment.models import ClaySource, Connection
from enrichment.vendors.clay import template
from swarm_admin.core.encryption import decrypt
from swarm_admin.management import demo_clay
from swarm_admin.management.commands import prepare_demo
from swarm_admin.sandbox.app import World
from swarm_admin.sandbox.clay_routine.routines import Routine
from swarm_admin.sandbox.config import Config


@pytest.fixture
def demo(settings: Settings, db: None, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A demo that was given no connector."""
    monkeypatch.delenv("CLAY_CONNECTOR", raising=False)
    settings.MODE = "demo"
    settings.BASE_URL, settings.SANDBOX_URL = "http://127.0.0.1:8000", "http://127.0.0.1:8100"
    settings.CLAY_WEBHOOK_SECRET = settings.CLAY_SIGNING_SECRET = "of-the-demo"
    settings.CLAY_ROUTINE_WEBHOOK_ID = "demo-webhook"
    return settings


def use(settings: Settings, connector: str) -> io.StringIO:
    """A start with that connector; what it says."""
    settings.CLAY_CONNECTOR = connector
    said = io.StringIO()
    demo_clay.prepare(said)
    return said


def test_the_stand_in_begins_with_what_the_product_is_told_of(demo: Settings) -> None:
    use(demo, "table")
    use(demo, "routine")
    world = World(Config(**demo_clay.stand_in()))
    for source in ClaySource.objects.all():
        there = world.clay_table.sources[source.url.removeprefix("http://127.0.0.1:8100/clay/v3/sources/webhook/")]
        assert (there.life, there.token) == (source.life, decrypt(source.token))
        column = world.clay_table.sheets[there.table].callback
        assert column is not None
        assert column.url == "http://127.0.0.1:8000/webhooks/clay/row"
        assert column.headers == {"X-Webhook-Secret": "of-the-demo"}
        assert set(column.body) >= {template.REFERENCE, template.PERSON, *template.COLUMNS}
    connection = Connection.objects.get(system="clay")
    routine = world.clay_routine.routines[connection.routine_id]
    assert set(connection.routine_inputs) == set(routine.inputs)
    assert set(connection.routine_outputs) <= set(Routine("any").outputs)
    hook = {"url": "http://127.0.0.1:8000/webhooks/clay/run", "secret": "of-the-demo"}
    assert world.clay_routine.pointers.registered == {"demo-webhook": hook}


def test_one_source_ends_within_the_sample_leads_and_another_goes_on(demo: Settings) -> None:
    use(demo, "table")
    first, second = ClaySource.objects.all()
    assert first.life < 500 < second.life


def test_a_second_start_changes_nothing_but_the_address(demo: Settings) -> None:
    use(demo, "table")
    ClaySource.objects.filter(position=0).update(taken=7, closed_because="by_hand")
    demo.SANDBOX_URL = "http://127.0.0.1:8109"
    use(demo, "table")
    first, second = ClaySource.objects.all()
    assert (first.taken, first.closed_because) == (7, "by_hand")
    assert {source.url.partition("/clay/")[0] for source in (first, second)} == {"http://127.0.0.1:8109"}
    assert decrypt(second.token) == demo_clay.SOURCE_TOKEN


def test_a_mapping_of_ones_own_is_kept(demo: Settings) -> None:
    Connection.objects.create(system="clay", routine_id="function:mine", routine_inputs={"name": "full_name"})
    use(demo, "routine")
    connection = Connection.objects.get(system="clay")
    assert (connection.routine_id, connection.routine_inputs) == ("function:mine", {"name": "full_name"})


@pytest.mark.parametrize(("named", "kept"), [("table", ""), ("", "routine")])
def test_a_connector_named_at_the_start_goes_before_the_one_chosen_on_connections(
    demo: Settings, monkeypatch: pytest.MonkeyPatch, named: str, kept: str
) -> None:
    Connection.objects.create(system="clay", connector="routine")
    monkeypatch.setenv("CLAY_CONNECTOR", named)
    use(demo, named or "rows-api")
    assert Connection.objects.get(system="clay").connector == kept


@pytest.mark.parametrize(
    ("connector", "sentence"),
    [
        ("rows-api", "This demo runs on the API of the integration specification"),
        ("table", "This demo runs on a Clay table (webhook in, HTTP API column out)."),
        ("routine", "This demo runs on a routine of Clay&#x27;s public API"),
    ],
)
def test_the_login_page_says_which_way_the_demo_goes(demo: Settings, connector: str, sentence: str) -> None:
    demo.CLAY_CONNECTOR = connector
    assert sentence in Client().get(reverse("account_login")).content.decode()


def test_only_a_demo_says_so(demo: Settings) -> None:
    demo.MODE = "production"
    assert "This demo" not in Client().get(reverse("account_login")).content.decode()


def test_sample_leads_come_once_and_another_connector_is_told_how_to_get_them(
    demo: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    demo.DATA_DIR = tmp_path
    calls: list[str] = []

    def load(name: str, **options: Any) -> None:
        calls.append(name)

    monkeypatch.setattr(prepare_demo, "call_command", load)
    said = []
    for connector in ("rows-api", "rows-api", "table"):
        demo.CLAY_CONNECTOR = connector
        command = prepare_demo.Command(stdout=io.StringIO())
        command._load_leads("key")
        said.append(command.stdout.getvalue())
    assert calls == ["load_sample_leads"]
    assert said[:2] == ["", ""]
    assert "`make demo CLAY=table RESET=1`" in said[2]
