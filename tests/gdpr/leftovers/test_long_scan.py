"""A search that lasts longer than a lease: renewed meanwhile, gone on with after a killed worker, and bounded."""

import datetime

import pytest
from django.db import connection
from django.utils import timezone

from gdpr.kinds import Action
from gdpr.leftovers import database, progress, tables
from gdpr.leftovers import scan as leftovers
from gdpr.leftovers.search_patterns import patterns_for
from gdpr.models import RequestStep
from gdpr.requests.pipeline import execute, leftover_step, step_handlers
from gdpr.stores import RetryLater
from tests.gdpr.fake_stores import ADA

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(120)]
SCAN, TIDY = leftovers.scan, leftovers.tidy
EMAIL = ADA.emails[0]


class Killed(BaseException):
    """The worker is gone."""


@pytest.fixture
def large(monkeypatch):
    """A table of many statements, each of a page or so."""
    monkeypatch.setattr(tables, "FIRST_PAGES", 2)
    monkeypatch.setattr(tables, "MOST_PAGES", 2)
    monkeypatch.setattr(tables, "BLOCK", 4_096)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE large (id serial PRIMARY KEY, body text)")
        cursor.execute("INSERT INTO large (body) SELECT repeat(md5(n::text), 40) FROM generate_series(1, 200) n")


def plant(statement: str, *parameters: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def only_large(monkeypatch) -> None:
    every = tables.tables
    monkeypatch.setattr(tables, "tables", lambda: [table for table in every() if table.name.startswith("large")])


@pytest.fixture
def house(desk, large, monkeypatch, tmp_path):
    """A desk whose last look is the real one, renewing its lease whenever it may."""
    monkeypatch.setattr(leftovers, "scan", lambda *a, **k: SCAN(*a, **{**k, "roots": [tmp_path]}))
    monkeypatch.setattr(step_handlers, "RENEWED_AFTER", datetime.timedelta(0))
    only_large(monkeypatch)
    return desk


def scan_step(request) -> RequestStep:
    return request.steps.get(action=Action.SCAN)


def test_a_search_that_lasts_longer_than_its_renewal_ends(house):
    request = house.finished("erasure")
    step = scan_step(request)
    assert step.status == "done"
    assert step.tries == 1
    assert step.result["is_clean"] is True


def test_a_lease_is_renewed_while_one_table_is_searched(house, monkeypatch):
    seen = []
    renewed = step_handlers.renew_lease

    def renew(step, document):
        renewed(step, document)
        seen.append((document["table"], document["page"], step.in_flight_since))

    monkeypatch.setattr(step_handlers, "renew_lease", renew)
    house.finished("erasure")
    within = [since for table, page, since in seen if table == "large" and page]
    assert len(within) > 10
    assert within == sorted(set(within))


def test_whoever_lost_the_lease_stops(house, monkeypatch):
    request = house.approved("erasure")
    renewed = step_handlers.renew_lease

    def robbed(step, document):
        if document["page"] > 10:
            RequestStep.objects.filter(pk=step.pk).update(in_flight_since=timezone.now())
        renewed(step, document)

    monkeypatch.setattr(step_handlers, "renew_lease", robbed)
    house.work(house.tell_partner(house.work(request)))
    step = scan_step(request)
    assert step.status == "in_flight", "it is the other's"
    assert step.result["page"] <= 12


def test_an_attempt_after_a_killed_worker_goes_on_where_it_was(house, monkeypatch, settings):
    plant("INSERT INTO large (id, body) VALUES (-1, %s)", EMAIL)  # on the last page
    plant("CREATE TABLE large_before (id int PRIMARY KEY, body text)")
    request = house.approved("erasure")
    renewed, killed = step_handlers.renew_lease, []

    def deadly(step, document):
        renewed(step, document)
        if document["page"] > 20 and not killed:
            killed.append(document["page"])
            raise Killed

    monkeypatch.setattr(step_handlers, "renew_lease", deadly)
    with pytest.raises(Killed):
        house.work(house.tell_partner(house.work(request)))
    assert scan_step(request).result["page"] == killed[0]

    first = []
    monkeypatch.setattr(step_handlers, "renew_lease", lambda step, document: first.append(document["page"]))
    settings.LEASE_SECONDS = 0
    execute.hand_back_lapsed()
    house.work(request)
    assert min(page for page in first if page) >= killed[0]
    step = scan_step(request)
    assert step.status == "manual"
    assert [(hit["place"], hit["where"]) for hit in step.result["rows"]] == [("large.body", ["-1"])]


def test_an_attempt_is_bounded_and_the_next_goes_on(house, monkeypatch):
    monkeypatch.setattr(leftover_step, "LONGEST_ATTEMPT", datetime.timedelta(0))
    request = house.approved("erasure")
    house.work(house.tell_partner(house.work(request)), rounds=100)
    step = scan_step(request)
    assert step.status == "done"
    assert step.attempts.filter(outcome="later", message__contains="still searching").count() > 3


def test_a_retry_by_an_officer_begins_anew(house):
    plant("INSERT INTO large (id, body) VALUES (-1, %s)", EMAIL)
    request = house.approved("erasure")
    house.work(house.tell_partner(house.work(request)))
    step = scan_step(request)
    assert "progress" not in step.result
    assert progress.resume(step.result, "anything").done == {}


# ---------------------------------------------------------------- tables that change meanwhile


def search(heartbeat=lambda: None, so_far=None):
    found = database.scan(patterns_for([("email", EMAIL)]), heartbeat=heartbeat, progress=so_far)
    return {hit.place: (hit.count, hit.where) for hit in found.rows}


def test_a_row_that_moves_to_a_page_behind_us_is_found(large, monkeypatch):
    only_large(monkeypatch)
    plant("DELETE FROM large WHERE id < 20")
    beats = []

    def move():
        beats.append(1)
        if len(beats) == 5:
            plant("INSERT INTO large (id, body) VALUES (-7, %s)", EMAIL)

    assert search(move) == {"large.body": (1, ("-7",))}


def test_a_row_is_counted_once_however_often_it_is_read(large, monkeypatch):
    only_large(monkeypatch)
    plant("UPDATE large SET body = body || %s WHERE id %% 2 = 0", EMAIL)
    count, where = search()["large.body"]
    assert count == 100
    assert len(where) == database.ROWS_NAMED


def test_a_table_that_is_rewritten_is_searched_from_its_beginning(large, monkeypatch):
    only_large(monkeypatch)
    beats = []

    def rewrite():
        beats.append(1)
        if len(beats) == 10:
            plant("INSERT INTO large (id, body) VALUES (-7, %s)", EMAIL)
            plant("CLUSTER large USING large_pkey")

    assert search(rewrite)["large.body"][1] == ("-7",)


def test_a_table_that_is_rewritten_again_and_again_is_searched_later(large, monkeypatch):
    only_large(monkeypatch)
    with pytest.raises(RetryLater, match="The table large keeps being rewritten"):
        search(lambda: plant("CLUSTER large USING large_pkey"))


def test_a_table_that_goes_meanwhile_holds_nothing(large, monkeypatch):
    only_large(monkeypatch)
    beats = []

    def drop():
        beats.append(1)
        if len(beats) == 3:
            plant("DROP TABLE large")

    assert search(drop) == {}


@pytest.mark.django_db(transaction=True)
def test_a_search_that_fails_in_the_middle_leaves_a_usable_connection(large, monkeypatch):
    only_large(monkeypatch)
    monkeypatch.setattr(database._Search, "_identified", lambda *a: 1 / 0)
    monkeypatch.setattr(database.Finder, "may_be_in", lambda *a: True)
    with pytest.raises(ZeroDivisionError):
        search()
    plant("DROP TABLE large")


@pytest.mark.django_db(transaction=True)
def test_a_locked_table_is_searched_later(large, monkeypatch):
    only_large(monkeypatch)
    monkeypatch.setattr(tables, "LOCK_SECONDS", 1)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            other.set_autocommit(False)
            cursor.execute("LOCK TABLE large IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(RetryLater, match="large is locked"):
                search()
    finally:
        other.close()
        plant("DROP TABLE large")
