"""Programs that send at once, and one that reads meanwhile: nobody fails, nobody waits, nothing is passed over."""

import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import connection, connections, transaction
from django.test import Client

from enrichment.models import Lead
from enrichment.pipeline import intake
from enrichment.pipeline.intake import accept
from gdpr.identity import Identity
from gdpr.models import Suppression
from gdpr.suppression import gate
from swarm_admin.access.models import ApiKey, Scope
from tests.factories import LeadFactory, lead_row, lead_rows

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 20


def at_once(*works: Callable[[], Any]) -> None:
    """Each in a thread with a connection of its own; the first error is raised here."""
    start, errors = threading.Barrier(len(works)), []

    def run(work: Callable[[], Any]) -> None:
        start.wait()
        try:
            work()
        except BaseException as error:  # told below
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def without_waiting(work: Callable[[], Any]) -> Any:
    """The result of `work` in a thread whose statements fail where they would wait for a lock."""
    found = []

    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        found.append(work())

    at_once(run)
    return found[0]


def test_two_programs_that_send_the_same_suppressed_people_do_not_deadlock():
    rows = lead_rows(PEOPLE)
    for row in rows:
        gate.suppress(Identity(linkedin_url=row["linkedin_url"]), reason="erasure")

    def send(mine: list[dict[str, Any]]) -> Callable[[], None]:
        # Each call refuses them in another order, and several of them in one transaction, as a batch does.
        def work() -> None:
            for _ in range(2):
                with transaction.atomic():
                    for row in mine:
                        gate.screen([Identity(linkedin_url=row["linkedin_url"])], "intake")
                assert accept(mine).suppressed == PEOPLE

        return work

    at_once(send(rows), send(rows[::-1]), send(rows[10:] + rows[:10]))
    assert set(Suppression.objects.values_list("blocked_count", flat=True)) == {3 * 2 * 2}


def test_a_person_whom_an_unfinished_intake_refused_holds_no_other_up():
    row = lead_row()
    gate.suppress(Identity(linkedin_url=row["linkedin_url"]), reason="erasure")
    with transaction.atomic():
        gate.screen([Identity(linkedin_url=row["linkedin_url"])], "mirror")
        assert without_waiting(lambda: accept([row]).suppressed) == 1
    assert Suppression.objects.get().blocked_count == 2


def test_a_refusal_that_is_rolled_back_is_not_counted():
    person = Identity(linkedin_url="https://www.linkedin.com/in/kim")
    gate.suppress(person, reason="erasure")
    with transaction.atomic():
        gate.screen([person], "delivery")
        transaction.set_rollback(True)
    assert Suppression.objects.get().blocked_count == 0


def test_known_people_in_opposite_orders_are_filled_in_without_a_deadlock():
    rows = lead_rows(PEOPLE)
    for _ in range(3):
        Lead.objects.all().delete()
        for row in rows:
            LeadFactory(linkedin_url=row["linkedin_url"], first_name="", last_name="", company_name="")
        at_once(lambda: accept(rows), lambda: accept(rows[::-1]))
    assert not Lead.objects.filter(company_name="").exists()


@pytest.fixture
def page() -> Callable[[int], dict[str, Any]]:
    _, key = ApiKey.issue(name="reader", scopes=[Scope.LEADS_READ], by=None)

    def get(cursor: int) -> dict[str, Any]:
        return Client().get(f"/api/leads?cursor={cursor}&limit=2", headers={"X-API-Key": key}).json()

    return get


def ids(answer: dict[str, Any]) -> list[int]:
    return [lead["id"] for lead in answer["leads"]]


def test_a_reader_neither_waits_for_an_intake_nor_passes_its_leads_over(page):
    before = accept(lead_rows(1)).accepted[0][1]
    with transaction.atomic():
        intake.announce_insert()
        late = LeadFactory().pk  # has its id, and cannot be seen yet
        newer = without_waiting(lambda: accept([lead_row(linkedin_url="https://www.linkedin.com/in/newer")]))
        (_, seen_later) = newer.accepted[0]
        assert late < seen_later
        assert ids(without_waiting(lambda: page(0))) == [before]  # not the newer one: the late one comes first
        assert without_waiting(lambda: ids(page(before))) == []
    assert ids(page(before)) == [late, seen_later]


def test_an_intake_does_not_wait_for_a_reader():
    settings_of = connection.get_connection_params()
    names = ("host", "port", "user", "password", "dbname")
    with psycopg.connect(**{n: settings_of[n] for n in names if settings_of.get(n)}) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM enrichment_lead")
        assert intake.visible_up_to() >= 0
        assert len(without_waiting(lambda: accept(lead_rows(2))).accepted) == 2


def test_an_intake_that_was_rolled_back_holds_no_reader_back(page):
    with transaction.atomic():
        intake.announce_insert()
        LeadFactory()
        transaction.set_rollback(True)
    (_, pk) = accept(lead_rows(1)).accepted[0]
    assert ids(page(0)) == [pk]


def test_every_lead_is_read_once_while_many_come_in(page):
    rows = lead_rows(120)
    done = threading.Event()
    read: list[int] = []

    def send(mine: list[dict[str, Any]]) -> Callable[[], None]:
        return lambda: [accept(mine[start : start + 8]) for start in range(0, len(mine), 8)] and None

    def follow() -> None:
        last = False
        while True:
            found = ids(page(read[-1] if read else 0))
            read.extend(found)
            if not found and last:
                return
            last = done.is_set() and not found

    def senders() -> None:
        try:
            at_once(send(rows[:60]), send(rows[60:]))
        finally:
            done.set()

    at_once(senders, follow)
    assert read == sorted(Lead.objects.values_list("pk", flat=True))
