"""CONTRIBUTING's recipes, walked with something made up: what it says is enough, and what is left out is noticed."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import clear_url_caches, path

from enrichment import personal
from enrichment.labels import LABELS
from enrichment.models import Lead
from enrichment.vendors.clay import fields as clay
from enrichment.vendors.gohighlevel import fields as gohighlevel
from enrichment.vendors.reading import whole_number
from swarm_admin import urls
from swarm_admin.core.screens import screen
from tests.swarm_admin import test_every_address
from tests.test_personal_declarations import test_every_field_is_declared_once as declarations

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
PATHS = sorted(set(re.findall(r"`([a-z_.-]+/[\w./-]*|[\w.-]+\.(?:py|toml|yaml|md))`", TEXT)))


# ---------------------------------------------------------------- what the text names


@pytest.mark.parametrize("named", PATHS)
def test_what_is_named_is_there(named: str) -> None:
    """As a path from the root, or the end of one ("a room's `views.py`")."""
    assert (ROOT / named).exists() or any(ROOT.glob(f"enrichment/**/{named}")) or any(ROOT.glob(f"gdpr/**/{named}"))


def test_much_is_named() -> None:
    assert len(PATHS) > 15


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(test_\w+)`", TEXT))))
def test_a_test_that_is_named_is_there(name: str) -> None:
    assert any(f"def {name}(" in each.read_text() for each in (ROOT / "tests").rglob("test_*.py"))


def test_make_targets_that_are_named_are_there() -> None:
    targets = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text()))
    assert set(re.findall(r"`make (\w+)`", TEXT)) <= targets


# ---------------------------------------------------------------- a column of the lead


@pytest.fixture
def column(monkeypatch: pytest.MonkeyPatch) -> str:
    """A field of the lead that nobody has declared."""
    field = models.CharField(max_length=30, blank=True)
    field.set_attributes_from_name("shoe_size")
    field.concrete = True
    known = Lead._meta.get_fields()
    monkeypatch.setattr(Lead._meta, "get_fields", lambda: (*known, field))
    return "shoe_size"


def test_a_column_is_declared(column: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match=r"(?s)declare these in personal.py.*shoe_size"):
        declarations(Lead)
    monkeypatch.setitem(personal.PERSONAL, "Lead", personal.PERSONAL["Lead"] | {column})
    declarations(Lead)


def test_a_column_is_declared_once(column: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for declared in (personal.PERSONAL, personal.NOT_PERSONAL):
        monkeypatch.setitem(declared, "Lead", declared["Lead"] | {column})
    with pytest.raises(AssertionError):
        declarations(Lead)


def test_a_column_is_read_named_and_sent(column: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = clay.readers
    monkeypatch.setattr(clay, "readers", lambda country: {**known(country), column: whole_number})
    assert clay.normalise({column: "43"}, "DE") == ({column: 43}, {})
    assert clay.normalise({column: "large"}, "DE") == ({}, {column: "large"})
    monkeypatch.setitem(LABELS, column, "Shoe size")
    lead = Lead(first_name="Ada")
    lead.shoe_size = 43  # type: ignore[attr-defined]
    monkeypatch.setattr(gohighlevel, "CUSTOM", (*gohighlevel.CUSTOM, column))
    assert {"key": column, "field_value": 43} in gohighlevel.contact_of(lead)["custom_fields"]


# ---------------------------------------------------------------- a screen


@pytest.fixture
def at_an_address(settings: Any) -> Callable[[Any], None]:
    """Puts a view at /made-up/, beside all others."""

    def put(view: Any) -> None:
        changed = ModuleType("made_up_urls")
        changed.urlpatterns = [*urls.urlpatterns, path("made-up/", view, name="made_up")]  # type: ignore[attr-defined]
        settings.ROOT_URLCONF = changed
        clear_url_caches()

    return put


def unguarded(request: HttpRequest) -> HttpResponse:
    return HttpResponse("made up")


def test_a_screen_that_asks_nobody_who_is_there_is_found(
    at_an_address: Callable[[Any], None], client: Client, nobody_client: Client
) -> None:
    at_an_address(unguarded)
    with pytest.raises(AssertionError, match="made_up"):
        test_every_address.test_nobody_who_is_not_signed_in_gets_past_the_login("get", client, None)
    with pytest.raises(AssertionError, match="made_up"):
        test_every_address.test_somebody_without_a_role_sees_and_does_nothing("get", nobody_client)


def test_a_screen_is_for_who_may_see_it(
    at_an_address: Callable[[Any], None], client: Client, nobody_client: Client, sales_client: Client
) -> None:
    at_an_address(screen("enrichment.view_lead")(unguarded))
    assert "/login/" in client.get("/made-up/")["Location"]
    assert nobody_client.get("/made-up/").status_code == 403
    assert sales_client.post("/made-up/").status_code == 405
    assert sales_client.get("/made-up/").content == b"made up"


# ---------------------------------------------------------------- a release


def test_the_version_is_that_of_the_newest_release_in_the_changelog() -> None:
    headings = re.findall(r"(?m)^## (.+)$", (ROOT / "CHANGELOG.md").read_text())
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert headings[0] == "Unreleased"
    assert re.fullmatch(rf"{re.escape(version)} \(\d{{4}}-\d\d-\d\d\)", headings[1])
