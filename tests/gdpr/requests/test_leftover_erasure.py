"""One value that was found is erased: by an officer at the step that found it, or by whoever runs the product."""

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from enrichment.models import WebhookDelivery
from gdpr import audit
from gdpr.kinds import Action
from gdpr.leftovers import scan as leftovers
from gdpr.leftovers import tables
from gdpr.models import AuditContext, AuditEvent
from gdpr.requests import certificate, leftover_erasure, manual_steps
from swarm_admin.access.roles import COMPLIANCE
from swarm_admin.core.errors import ActionNotAllowed
from tests.gdpr.conftest import state
from tests.gdpr.fake_stores import ADA

pytestmark = pytest.mark.django_db
EMAIL, WHY = ADA.emails[0], "A copy nobody needs"
SCAN = leftovers.scan


def run(statement: str, *parameters: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def notes():
    run(
        "CREATE TABLE notes (id int PRIMARY KEY, plain text NOT NULL, maybe text, doc jsonb NOT NULL, "
        "list jsonb NOT NULL, words text[] NOT NULL, raw bytea NOT NULL, age int NOT NULL, "
        "one text UNIQUE NOT NULL, CHECK (one <> ''), twice text GENERATED ALWAYS AS (plain || plain) STORED)"
    )
    for number in (7, 8):
        run(
            "INSERT INTO notes VALUES (%s, 'a', 'a', '{\"a\": 1}', '[1]', '{a}', 'a', 1, %s)",
            number,
            str(number),
        )


@pytest.mark.parametrize(
    ("column", "empty"),
    [("plain", ""), ("maybe", None), ("doc", "{}"), ("list", "[]"), ("words", "{}"), ("raw", "\\x")],
)
def test_a_column_of_one_row_is_emptied(notes, column, empty):
    leftover_erasure.erase_value("notes", column, "7", by=None, reason=WHY)
    rows = run("SELECT id, plain, maybe, doc::text, list::text, words::text, raw::text FROM notes ORDER BY id")
    before = {"plain": "a", "maybe": "a", "doc": '{"a": 1}', "list": "[1]", "words": "{a}", "raw": "\\x61"}
    assert [row[1:] for row in rows] == [tuple({**before, column: empty}.values()), tuple(before.values())]
    event = AuditEvent.objects.get(verb="erase_leftover")
    assert (event.fields, event.reason) == ([column], f"notes 7: {WHY}")


@pytest.mark.parametrize(
    ("table", "column", "row", "why_not"),
    [
        ("notes", "age", "7", "requires a value"), ("notes", "id", "7", "requires a value"),
        ("notes", "one", "7", "another record depends on this value"), ("notes", "twice", "7", "computed from others"),
        ("notes", "plain", "9", "row no longer exists"), ("notes", "colour", "7", "No such table and column"),
        ("nothing", "plain", "7", "No such table and column"), ("notes", "plain", "(0,1)", "have no ID"),
        ("gdpr_auditevent", "reason", "1", (
            "Proof records can't "
            "be changed"
        )), ("gdpr_auditseal", "digest", "1", "Proof records can't be changed"),
        ("gdpr_suppression", "reason", "1", "Proof records can't be changed"),
    ],
)  # fmt: skip
def test_what_cannot_be_erased_is_said(notes, table, column, row, why_not):
    with pytest.raises(ActionNotAllowed, match=why_not):
        leftover_erasure.erase_value(table, column, row, by=None, reason=WHY)
    assert not AuditEvent.objects.filter(verb="erase_leftover").exists()


def test_a_reason_is_needed(notes):
    with pytest.raises(ActionNotAllowed, match="a reason without personal data"):
        leftover_erasure.erase_value("notes", "plain", "7", by=None, reason=" ")


def test_a_raw_body_goes_with_all_it_said(db):
    delivery = WebhookDelivery.objects.create(body=EMAIL.encode(), body_hash="h", row_id="r1", status="processed")
    other = WebhookDelivery.objects.create(body=b"other", body_hash="i", row_id="r2", status="processed")
    leftover_erasure.erase_value("enrichment_webhookdelivery", "body", str(delivery.pk), by=None, reason=WHY)
    delivery.refresh_from_db()
    assert (bytes(delivery.body), delivery.body_hash, delivery.row_id) == (b"", "", "")
    other.refresh_from_db()
    assert bytes(other.body) == b"other"


def test_a_message_that_is_being_read_waits(db):
    delivery = WebhookDelivery.objects.create(body=b"x", body_hash="h", status="processing")
    with pytest.raises(ActionNotAllowed, match="being processed right now"):
        leftover_erasure.erase_value("enrichment_webhookdelivery", "body", str(delivery.pk), by=None, reason=WHY)


def test_a_context_of_the_ledger_goes(db):
    audit.record("search_email", context={"words": EMAIL})
    context = AuditContext.objects.get()
    leftover_erasure.erase_value("gdpr_auditcontext", "document", str(context.pk), by=None, reason=WHY)
    assert not AuditContext.objects.exists()


def test_the_command_erases_one_value(notes, capsys):
    call_command("erase_leftover", "notes.maybe", "7", "--reason", WHY)
    assert "Erased: notes.maybe of row 7." in capsys.readouterr().out
    with pytest.raises(CommandError, match="row no longer exists"):
        call_command("erase_leftover", "notes.maybe", "70", "--reason", WHY)


# ---------------------------------------------------------------- at the step


@pytest.fixture
def found(desk, notes, monkeypatch, tmp_path):
    """An erasure whose search found a neighbour's note, and the name in another."""
    run("UPDATE notes SET maybe = %s WHERE id = 7", f"write to {EMAIL}")
    run("UPDATE notes SET maybe = 'says Ada Lovelace' WHERE id = 8")
    every = tables.tables
    monkeypatch.setattr(tables, "tables", lambda: [table for table in every() if table.name == "notes"])
    monkeypatch.setattr(leftovers, "scan", lambda *a, **k: SCAN(*a, **{**k, "roots": [tmp_path]}))
    request = desk.approved("erasure", name="Ada Lovelace")
    desk.work(desk.tell_partner(desk.work(request)))
    return request


@pytest.fixture
def page(desk):
    desk.officer.groups.add(Group.objects.get(name=COMPLIANCE))
    client = Client()
    client.force_login(desk.officer)
    return client


def step_of(request):
    return request.steps.get(action=Action.SCAN)


def test_the_step_names_rows_and_tells_names_apart(found):
    step = step_of(found)
    assert step.status == "manual"
    assert "This person's identifiers were found in: notes.maybe: 1 (email), row 7." in step.instructions
    assert (
        "The name was found in: notes.maybe: 1 (name in a text), row 8. It may be another person" in step.instructions
    )
    assert EMAIL not in step.instructions


def test_an_officer_erases_what_was_found_row_by_row_and_the_erasure_ends(found, desk, page):
    step = step_of(found)
    shown = page.get(f"/requests/{found.pk}/").content.decode()
    assert shown.count('name="row"') == 2
    for row in ("7", "8"):
        told = {"id": step.pk, "place": "notes.maybe", "row": row, "reason": WHY}
        assert page.post(f"/requests/{found.pk}/do/leftover-erase/", told).status_code == 302
    assert run("SELECT maybe FROM notes") == [(None,), (None,)]
    events = AuditEvent.objects.filter(verb="erase_leftover", object_id=str(found.pk))
    assert {event.actor_id for event in events} == {desk.officer.pk}
    assert 'name="row"' not in page.get(f"/requests/{found.pk}/").content.decode()
    page.post(f"/requests/{found.pk}/do/step-retry/", {"id": step.pk})
    desk.work(found)
    assert step_of(found).status == "done"
    assert "The name was not found in rows or files." in step_of(found).proof


@pytest.fixture
def kept(desk, notes, monkeypatch, tmp_path):
    """An erasure whose search found the person in the cache."""
    cache.set("words", f"write to {EMAIL}", 600)
    every = tables.tables
    monkeypatch.setattr(tables, "tables", lambda: [table for table in every() if table.name == "notes"])
    monkeypatch.setattr(leftovers, "scan", lambda *a, **k: SCAN(*a, **{**k, "roots": [tmp_path]}))
    request = desk.approved("erasure", name="Ada Lovelace")
    desk.work(desk.tell_partner(desk.work(request)))
    return request


def test_an_officer_deletes_a_key_of_the_cache_that_is_named_and_the_erasure_ends(kept, desk, page):
    step = step_of(kept)
    assert "were found in: Redis cache: 1 (email), key :1:words." in step.instructions
    shown = page.get(f"/requests/{kept.pk}/").content.decode()
    assert "Delete this key" in shown
    assert '<option value=":1:words">' in shown
    told = {"id": step.pk, "place": "Redis cache", "row": ":1:words", "reason": WHY}
    assert page.post(f"/requests/{kept.pk}/do/leftover-erase/", told).status_code == 302
    assert cache.get("words") is None
    event = AuditEvent.objects.get(verb="erase_leftover", object_id=str(kept.pk))
    assert (event.actor_id, event.reason) == (desk.officer.pk, f"Redis cache :1:words: {WHY}")
    page.post(f"/requests/{kept.pk}/do/step-retry/", {"id": step.pk})
    desk.work(kept)
    assert step_of(kept).status == "done"


def test_a_certificate_lists_what_was_found_and_left(kept, desk):
    manual_steps.complete(step_of(kept), evidence="It goes by itself within hours", by=desk.officer)
    desk.work(desk.tell_partner(desk.work(kept)))
    assert kept.status == "completed", state(kept)
    (said,) = [each for each in certificate.compose(kept)["remains"] if "last search" in each]
    assert said.startswith("The last search for leftovers found Redis cache: 1 (email). Staff completed it by")
    assert EMAIL not in said


def test_a_key_that_is_gone_and_one_outside_the_cache_are_not_deleted(db, redis_server):
    redis_server.rpush("queue", EMAIL)
    for name in ("queue", ":1:nothing"):
        with pytest.raises(ActionNotAllowed, match="cache key no longer exists"):
            leftover_erasure.erase_value("Redis cache", "", name, by=None, reason=WHY)
    assert redis_server.llen("queue") == 1
    assert not AuditEvent.objects.filter(verb="erase_leftover").exists()


@pytest.mark.parametrize(("place", "row"), [("notes.plain", "7"), ("notes.maybe", "9"), ("auth_user.email", "1")])
def test_what_the_search_did_not_find_is_not_erased_there(found, page, place, row):
    told = {"id": step_of(found).pk, "place": place, "row": row, "reason": WHY}
    answer = page.post(f"/requests/{found.pk}/do/leftover-erase/", told)
    assert answer.status_code == 422
    assert "This row isn&#x27;t in the search results." in answer.content.decode()
    assert run("SELECT count(*) FROM notes WHERE maybe IS NULL") == [(0,)]


def test_a_name_may_stay_where_an_officer_says_why(found, desk, page):
    told = {"id": step_of(found).pk, "evidence": "Another person, asked on the phone"}
    page.post(f"/requests/{found.pk}/do/step-done/", told)
    assert step_of(found).status == "done"
