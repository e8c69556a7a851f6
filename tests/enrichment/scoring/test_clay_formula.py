"""The formulas in Clay: what is recorded, and the new table that is created with them."""

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from enrichment.documents.first_scorecard import PUBLISHED
from enrichment.models import ClayFormula, Connection, Placement, ScorecardVersion
from enrichment.scoring import clay_formula
from enrichment.vendors import connections as clients
from enrichment.vendors.clay.table import clay_table
from gdpr.models import AuditEvent
from swarm_admin.access.models import User
from swarm_admin.core.errors import ActionNotAllowed
from tests.plugins.sandbox import KEYS, Sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def live() -> ScorecardVersion:
    return ScorecardVersion.objects.get(status="published")


@pytest.fixture
def person() -> User:
    return User.objects.create_user("ops@example.com")


def paste(version: ScorecardVersion, by: User, **changes: Any) -> ClayFormula:
    given = {
        "table": "tbl_test",
        "fingerprint": clay_formula.formula_of(version).fingerprint,
        "at": timezone.now() - datetime.timedelta(hours=1),
    }
    return clay_formula.confirm_pasted(version, by=by, **(given | changes))


def test_what_was_pasted_is_recorded_with_the_person_and_audited(live: ScorecardVersion, person: User) -> None:
    placement = paste(live, person)
    there = clay_formula.last_placement("tbl_test")
    assert there == placement
    assert (placement.how, placement.scorecard, placement.placed_by) == (Placement.PASTED, live, person)
    [event] = AuditEvent.objects.filter(verb="paste_clay_formula")
    assert event.counts == {"version": live.number}
    assert event.actor_id == person.pk


def test_the_newest_counts_and_another_table_is_another(live: ScorecardVersion, person: User) -> None:
    assert clay_formula.last_placement("") is None
    assert clay_formula.last_placement("tbl_test") is None
    newer = paste(live, person)
    paste(live, person, at=timezone.now() - datetime.timedelta(days=30))
    paste(live, person, table="tbl_old")
    assert clay_formula.last_placement("tbl_test") == newer


def test_pasted_in_this_minute_is_pasted_after_what_was_there(live: ScorecardVersion, person: User) -> None:
    before = ClayFormula.objects.create(table_id="tbl_test", scorecard=live, fingerprint="x", how=Placement.CREATED)
    assert clay_formula.last_placement("tbl_test") == before
    pasted = paste(live, person, at=timezone.now().replace(second=0, microsecond=0))
    assert clay_formula.last_placement("tbl_test") == pasted


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"table": ""}, "isn't set up"),
        ({"fingerprint": "of another text"}, "has changed since you copied"),
        ({"at": timezone.now() + datetime.timedelta(days=1)}, "not in the future"),
        ({"at": timezone.now() - datetime.timedelta(days=400)}, "within the last year"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(
    live: ScorecardVersion, person: User, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ActionNotAllowed, match=sentence):
        paste(live, person, **changes)
    assert not ClayFormula.objects.exists()


def test_a_draft_is_not_pasted(person: User) -> None:
    draft = ScorecardVersion.objects.create(number=2, status="draft", document=PUBLISHED)
    with pytest.raises(ActionNotAllowed, match="published"):
        paste(draft, person)


def test_fields_without_a_column_in_clay_are_named(live: ScorecardVersion) -> None:
    assert clay_formula.missing_columns(live) == []
    rules = [{"needles": ["demo"], "points": 5}]
    said = {
        "id": "said",
        "label": "Said",
        "kind": "rules",
        "field": "engagement_content",
        "cap": 5,
        "rules": rules,
    }
    other = ScorecardVersion(document=PUBLISHED | {"components": [*PUBLISHED["components"], said]})
    assert clay_formula.missing_columns(other) == ["engagement_content"]


def test_changes_are_lines_with_their_mark() -> None:
    old, new = "a\nb\nc\nd\ne\nf\ng\nh", "a\nB\nc\nd\ne\nf\ng\nh\ni"
    assert clay_formula.changes(old, new) == [
        (" ", "a"), ("-", "b"), ("+", "B"), (" ", "c"), (" ", "d"),
        ("…", ""), (" ", "g"), (" ", "h"), ("+", "i"),
    ]  # fmt: skip
    assert clay_formula.changes(old, old) == []


# ------------------------------------------------------------------ a new table


def test_no_new_table_where_the_environment_names_one_or_none_is_set_up(settings: Any, live: Any, person: User) -> None:
    settings.CLAY_TABLE_ID = "tbl_test"
    with pytest.raises(ActionNotAllowed, match="CLAY_TABLE_ID"):
        clay_formula.create_table(live, by=person)
    settings.CLAY_TABLE_ID = ""
    with pytest.raises(ActionNotAllowed, match="Set up Clay"):
        clay_formula.create_table(live, by=person)


@pytest.fixture
def with_table(sandbox: Sandbox, settings: Any, db: None) -> Iterator[Sandbox]:
    """Clay as it is after the set-up: the table is known by the connection alone."""
    settings.CLAY_TABLE_ID = ""
    settings.CLAY_API_BASE_URL = f"{sandbox.url}/clay/v1"
    settings.CLAY_API_KEY, settings.CLAY_WORKSPACE_ID = KEYS["clay_api_key"], KEYS["clay_workspace_id"]
    clients.close_clients()
    Connection.objects.update_or_create(system="clay", defaults={"table_id": "tbl_test"})
    yield sandbox
    clients.close_clients()


def names() -> list[str]:
    return [table.name for table in clients.clay().list_tables()]


def test_a_new_table_computes_with_the_published_scorecard(with_table: Any, live: Any, person: User) -> None:
    placement = clay_formula.create_table(live, by=person)
    assert clay_table() == placement.table_id != "tbl_test"
    assert names()[-1] == "Alpha Swarm Lead Enrichment (scorecard 1)"
    assert (placement.how, placement.scorecard) == (Placement.CREATED, live)
    [event] = AuditEvent.objects.filter(verb="create_clay_table")
    assert event.reason == f"tbl_test → {placement.table_id}"


def test_the_columns_are_the_specifications_with_the_formulas_in_two(live: ScorecardVersion) -> None:
    made = clay_formula.formula_of(live)
    columns = {column["name"]: column for column in clay_formula.columns_with(made)}
    assert len(columns) == 31
    assert (columns["icp_score"]["formula"], columns["icp_tier"]["formula"]) == (made.score, made.tier)
    assert [name for name, column in columns.items() if "formula" in column] == ["icp_score", "icp_tier"]


def test_a_table_whose_creation_was_not_heard_of_is_used(with_table: Any, live: Any, person: User) -> None:
    made = clay_formula.formula_of(live)
    lost = clients.clay().create_table(clay_formula.table_name(live), clay_formula.columns_with(made))
    assert clay_formula.create_table(live, by=person).table_id == lost.id
    assert len(names()) == 2


def test_a_second_table_of_a_version_has_another_name(with_table: Any, live: Any, person: User) -> None:
    first, second = (clay_formula.create_table(live, by=person) for _ in range(2))
    assert first.table_id != second.table_id
    assert names()[-1] == "Alpha Swarm Lead Enrichment (scorecard 1, 2)"


def test_only_the_published_version_goes_into_a_new_table(with_table: Any, live: Any, person: User) -> None:
    old = ScorecardVersion.objects.create(number=2, status="superseded", document=PUBLISHED)
    with pytest.raises(ActionNotAllowed, match="published"):
        clay_formula.create_table(old, by=person)
    assert names() == ["Lead Enrichment Pipeline"]
