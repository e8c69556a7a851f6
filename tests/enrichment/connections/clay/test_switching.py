"""Which way to Clay is in use: chosen by an admin, at once, and nothing on its way gets lost or is sent twice."""

from typing import Any

import pytest
from django.test import Client

from enrichment.connections import health
from enrichment.connections.clay import choosing, overdue, switching
from enrichment.models import Attempt, Batch, BatchItem, ClaySource, Connection, Lead, ServiceHold, WaterfallVersion
from enrichment.models.connection import CLAY_ROWS
from enrichment.models.work import BatchKind
from enrichment.states import AttemptStatus, BatchStatus, EnrichmentStatus, ItemStatus
from enrichment.vendors import vendor_health
from enrichment.vendors.capabilities import Capability
from enrichment.vendors.clay import chosen
from gdpr.models import AuditEvent
from tests.factories import LeadFactory

CHOOSE = "/connections/clay/choose/"


@pytest.fixture(autouse=True)
def configured(settings: Any, db: None) -> None:
    settings.CLAY_CONNECTOR = "rows-api"
    settings.CLAY_API_KEY = "key"


def batch(kind: BatchKind, status: BatchStatus, **lead: Any) -> tuple[Batch, Lead]:
    """A batch of one lead, that is due no longer."""
    one = LeadFactory(**{"dispatch_after": None, **lead})
    made = Batch.objects.create(kind=kind, status=status, table_id="t")
    BatchItem.objects.create(batch=made, lead=one, position=0)
    return made, one


def attempt(lead: Lead) -> Attempt:
    return Attempt.objects.create(lead=lead, waterfall=WaterfallVersion.active(), status=AttemptStatus.RUNNING)


# ---------------------------------------------------------------- the choice


def test_who_may_choose(sales_client: Client, admin_client: Client, nobody_client: Client):
    assert [c.get("/connections/clay/").status_code for c in (sales_client, nobody_client)] == [200, 403]
    assert sales_client.post(CHOOSE, {"connector": "table"}).status_code == 403
    assert "?connector=table" not in sales_client.get("/connections/clay/").content.decode()
    assert admin_client.post(CHOOSE, {"connector": "table"}).status_code == 302
    assert chosen.connector_slug() == "table"
    assert admin_client.get(f"{CHOOSE}?connector=hubspot").status_code == 404
    assert admin_client.post(CHOOSE, {"connector": "hubspot"}).status_code == 404
    assert chosen.connector_slug() == "table"


def test_a_choice_is_audited_and_taken_back(admin_client: Client):
    admin_client.post(CHOOSE, {"connector": "table"})
    admin_client.post(CHOOSE, {"connector": ""})
    assert chosen.connector_slug() == "rows-api"
    events = AuditEvent.objects.filter(verb="choose_clay_connector").order_by("pk")
    assert [event.reason for event in events] == ["rows-api → table", "table → rows-api"]
    assert all(event.actor_id for event in events)


def test_a_choice_that_cannot_be_audited_is_none(admin_client: Client, monkeypatch: pytest.MonkeyPatch):
    _, lead = batch(BatchKind.ROWS, BatchStatus.PLANNED)

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(switching.audit, "record", refuse)
    with pytest.raises(RuntimeError):
        switching.choose("table", by=None)
    lead.refresh_from_db()
    assert (chosen.connector_slug(), lead.dispatch_after) == ("rows-api", None)


def test_the_table_of_capabilities_is_that_of_the_connectors(sales_client: Client):
    for card in choosing.cards():
        can = {line.label for line in card.lines if line.can}
        assert (choosing.LINES[Capability.SEARCH][0] in can) == (card.slug == "rows-api")
        assert all(line.can or line.instead for line in card.lines)
    assert {*choosing.LINES} == {*Capability}
    page = sales_client.get("/connections/clay/").content.decode().replace("&#x27;", "'")
    lacking = [line.instead for card in choosing.cards() for line in card.lines if not line.can]
    assert lacking
    assert all(instead in page for instead in lacking)
    assert page.count("way-in-use") == 1


def test_a_missing_key_is_said(admin_client: Client, settings: Any):
    settings.CLAY_API_KEY = ""
    assert {card.slug: card.lacks for card in choosing.cards()} == {
        "table": "", "routine": "CLAY_API_KEY", "rows-api": "CLAY_API_KEY",
    }  # fmt: skip


# ---------------------------------------------------------------- what is on its way


@pytest.mark.parametrize("kind", [BatchKind.ROWS, BatchKind.TRIGGER])
def test_what_was_planned_is_due_again(kind: BatchKind):
    planned, lead = batch(kind, BatchStatus.PLANNED)
    switching.choose("table", by=None)
    lead.refresh_from_db()
    planned.refresh_from_db()
    assert lead.dispatch_after is not None
    assert lead.dispatch_tries == 0
    assert planned.status == BatchStatus.FAILED
    assert planned.items.get().status == ItemStatus.AGAIN


def test_a_planned_write_back_is_due_again():
    planned, lead = batch(BatchKind.UPDATE, BatchStatus.PLANNED)
    switching.choose("table", by=None)
    lead.refresh_from_db()
    planned.refresh_from_db()
    assert (lead.write_back_after is None, lead.dispatch_after) == (False, None)
    assert planned.status == BatchStatus.FAILED


def test_what_is_being_sent_ends_as_it_began():
    sending, lead = batch(BatchKind.ROWS, BatchStatus.IN_FLIGHT)
    switching.choose("table", by=None)
    sending.refresh_from_db()
    lead.refresh_from_db()
    assert (sending.status, lead.dispatch_after) == (BatchStatus.IN_FLIGHT, None)


def test_an_unknown_outcome_that_nothing_can_tell_waits_for_a_person():
    unknown, lead = batch(BatchKind.TRIGGER, BatchStatus.UNKNOWN)
    switching.choose("table", by=None)
    lead.refresh_from_db()
    unknown.refresh_from_db()
    assert (lead.needs_person, lead.enrichment_status, lead.dispatch_after) == (True, EnrichmentStatus.FAILED, None)
    assert unknown.status == BatchStatus.FAILED
    assert unknown.items.get().in_doubt


def test_a_run_stays_open_for_its_result():
    lead = LeadFactory(dispatch_after=None, enrichment_status=EnrichmentStatus.IN_PROGRESS)
    running = attempt(lead)
    switching.choose("table", by=None)
    running.refresh_from_db()
    assert running.status == AttemptStatus.RUNNING


def test_a_submission_that_lost_its_worker_is_awaited_or_due_again(settings: Any):
    settings.CLAY_CONNECTOR = "table"
    begun, awaited = batch(BatchKind.SUBMIT, BatchStatus.UNKNOWN)
    intent = Attempt.objects.create(lead=awaited, batch=begun, waterfall=WaterfallVersion.active(), reference="r" * 22)
    _, never_sent = batch(BatchKind.SUBMIT, BatchStatus.UNKNOWN)
    switching.choose("rows-api", by=None)
    intent.refresh_from_db()
    never_sent.refresh_from_db()
    assert (intent.status, intent.poll_after is None) == (AttemptStatus.RUNNING, False)
    assert never_sent.dispatch_after is not None


def test_chosen_again_nothing_is_touched():
    planned, lead = batch(BatchKind.ROWS, BatchStatus.PLANNED)
    switching.choose("rows-api", by=None)
    lead.refresh_from_db()
    planned.refresh_from_db()
    assert (planned.status, lead.dispatch_after) == (BatchStatus.PLANNED, None)
    assert Connection.objects.get(system="clay").connector == "rows-api"


def test_pauses_of_the_way_before_end():
    ServiceHold.objects.create(system="clay", reason="refresh_key")
    ServiceHold.objects.create(system=CLAY_ROWS, reason="table_full", table="t")
    other = ServiceHold.objects.create(system="ghl", reason="refresh_key")
    switching.choose("table", by=None)
    assert list(ServiceHold.objects.filter(lifted_at__isnull=True)) == [other]


def test_an_error_of_the_way_before_does_not_make_this_one_fail(settings):
    settings.CLAY_CONNECTOR = "table"
    vendor_health.count_call("clay", "submit_row", 403, 0.1)
    assert health.all_vendors()[0].failing
    switching.choose("rows-api", by=None)
    clay = health.all_vendors()[0]
    assert (clay.failing, clay.last_bad, clay.refusals) == (False, None, 1)


def test_the_page_says_before_what_becomes_of_it(admin_client: Client):
    batch(BatchKind.ROWS, BatchStatus.PLANNED)
    batch(BatchKind.ROWS, BatchStatus.IN_FLIGHT)
    batch(BatchKind.TRIGGER, BatchStatus.UNKNOWN)
    attempt(LeadFactory(dispatch_after=None))
    LeadFactory()
    page = admin_client.get(f"{CHOOSE}?connector=table").content.decode()
    for words in (
        "From Rows API to Clay table" if chosen.connector_class().name == "Rows API" else "to Clay table",
        "waiting: sent through Clay table",
        "planned but not sent: due again",
        "finishes as it began",
        "listed under Failures",
        "become overdue in time",
        "No source takes rows yet",
    ):
        assert words in page
    assert chosen.connector_slug() == "rows-api"


def test_rows_still_come_back_after_a_table_was_left(settings: Any):
    settings.CLAY_CONNECTOR = "table"
    attempt(LeadFactory(dispatch_after=None))
    [(count, words)] = switching.consequences(switching.on_its_way(), "rows-api")
    assert (count, "Keep Clay's HTTP API column on" in words) == (1, True)


def test_nothing_on_its_way_is_said(admin_client: Client, settings: Any):
    ClaySource.objects.create(name="Leads", url="http://127.0.0.1/x", life=10)
    page = admin_client.get(f"{CHOOSE}?connector=table").content.decode()
    assert "Nothing is on its way." in page
    assert "No source takes rows yet" not in page


# ---------------------------------------------------------------- overdue


def test_when_a_lead_is_overdue_is_set_and_audited(admin_client: Client, sales_client: Client):
    assert sales_client.post("/connections/clay/overdue/", {"minutes": "90", "policy": "ask"}).status_code == 403
    answer = admin_client.post("/connections/clay/overdue/", {"minutes": "90", "policy": "resubmit"})
    assert answer["Location"] == "/connections/clay/table/#overdue"
    assert overdue.current() == overdue.Overdue(90, "resubmit")
    assert Connection.objects.get(system="clay").overdue_seconds == 5_400
    assert AuditEvent.objects.filter(verb="set_clay_overdue").count() == 1
    admin_client.post("/connections/clay/overdue/", {"minutes": "2", "policy": "burn"})
    assert overdue.current() == overdue.Overdue(90, "resubmit")


def test_what_was_not_set_is_the_environments(settings: Any):
    settings.CLAY_OVERDUE_SECONDS, settings.CLAY_OVERDUE_POLICY = 7_200.0, "give_up"
    assert overdue.current() == overdue.Overdue(120, "give_up")
