"""A Clay table that is full, by our count or by what Clay answers: one pause with its remedy, and no lead fails."""

import pytest
from django.utils import timezone

from enrichment.estimates.estimating import Work, estimate
from enrichment.failures import groups as failures
from enrichment.models import Alert, Batch, Connection, Lead, ReconcileRun, ScorecardVersion, ServiceHold
from enrichment.models.work import BatchKind
from enrichment.monitoring import watch
from enrichment.pipeline.dispatch import plan, rows
from enrichment.scoring import clay_formula
from enrichment.vendors.clay.table import clay_table, rows_left

ROWS = "clay.rows"


@pytest.fixture(autouse=True)
def small_batches(settings):
    settings.CLAY_ROWS_BATCH = 4


def leads(pipeline, count, first=0):
    return [pipeline.lead(f"row-{first + number}", dispatch_priority=20) for number in range(count)]


def full(pipeline):
    """The pause of a table that takes no more, once all that has a row is through."""
    pipeline.until(lambda: ServiceHold.objects.filter(system=ROWS, lifted_at=None).exists() and only_rowless_wait())
    return ServiceHold.objects.get(system=ROWS, lifted_at=None)


def only_rowless_wait():
    with_row = Lead.objects.filter(clay_row_id__isnull=False)
    return not (
        with_row.filter(enrichment_status__in=("pending", "in_progress")).exists()
        or Batch.objects.filter(status__in=("in_flight", "unknown")).exists()
    )


def rows_of(pipeline):
    return {table: len(rows) for table, rows in pipeline.sandbox.state("clay")["tables"].items()}


def assert_waiting(pipeline, hold, waiting):
    """All the others wait, untouched; the cause is told once, and Clay goes on otherwise."""
    for _ in range(3):
        pipeline.step()
        watch.check_conditions()
    assert Lead.objects.filter(enrichment_status="pending", clay_row_id=None, needs_person=False).count() == waiting
    assert Lead.objects.exclude(enrichment_status__in=("pending", "completed", "partial")).count() == 0
    assert Lead.objects.filter(dispatch_tries__gt=0).count() == 0
    assert ServiceHold.objects.filter(lifted_at=None).get() == hold
    alert = Alert.objects.get(kind="table_full")
    assert (alert.count, alert.closed_at) == (1, None)
    assert not Alert.objects.filter(kind__in=("runway", "rows_not_kept", "needs_person"), closed_at=None).exists()
    failures.forget_groups()
    assert failures.all_groups() == []


def goes_on_in_a_new_table(pipeline, client, count):
    """One press."""
    page = client.get("/connections/").content.decode()
    assert 'action="/connections/clay/new-table/"' in page
    before = clay_table()
    client.post("/connections/clay/new-table/")
    assert clay_table() not in ("", before)
    assert Connection.objects.get(system="clay").full_tables == [before]
    pipeline.settle()
    assert Lead.objects.filter(enrichment_status__in=("completed", "partial")).count() == count
    assert not ServiceHold.objects.filter(lifted_at=None).exists()
    assert Alert.objects.get(kind="table_full").by_itself
    assert sum(rows_of(pipeline).values()) == count
    assert pipeline.sandbox.stats()["clay"]["enriched"] == count
    assert len(pipeline.sandbox.state("ghl")["contacts"]) == count


def test_rows_are_counted_as_they_are_made_and_none_is_sent_beyond_the_limit(pipeline, settings, admin_client):
    settings.CLAY_TABLE_ROWS = 6
    pipeline.sandbox.config(table_capacity=6)
    leads(pipeline, 9)
    hold = full(pipeline)
    assert hold.message == "it holds 6 rows, its limit"
    assert rows_left("tbl_test") == 0
    assert_waiting(pipeline, hold, 3)
    assert rows_of(pipeline) == {"tbl_test": 6}
    assert pipeline.sandbox.stats()["clay"]["rows_over_capacity"] == 0
    assert "the table accepts no more rows" in admin_client.get("/").content.decode()
    assert "the table accepts no more rows" in estimate(Work(leads=1, rowless=1)).paused
    goes_on_in_a_new_table(pipeline, admin_client, 9)


def test_fewer_rows_than_were_sent_are_told_at_once(pipeline, admin_client):
    """The table takes fewer than its limit, and each create answers fewer rows than were sent."""
    pipeline.sandbox.config(table_capacities={"tbl_test": 6}, over_capacity="fewer")
    leads(pipeline, 9)
    hold = full(pipeline)
    assert hold.message == "2 of 4 rows answered"
    ReconcileRun.objects.create(full=True, is_open=False, finished_at=timezone.now(), rows={"tbl_test": 6})
    told = admin_client.get("/drift/").content.decode()
    assert "the table accepts no more rows" in told
    assert "Full in" not in told
    assert_waiting(pipeline, hold, 3)
    goes_on_in_a_new_table(pipeline, admin_client, 9)


def test_rows_with_an_id_that_are_not_kept_are_told_with_the_first_trigger(pipeline, admin_client):
    """The table says nothing at all: the rows it gave ids to are not there."""
    pipeline.sandbox.config(table_capacities={"tbl_test": 6})
    leads(pipeline, 9)
    hold = full(pipeline)
    assert "but didn't store them" in hold.message
    assert_waiting(pipeline, hold, 3)
    goes_on_in_a_new_table(pipeline, admin_client, 9)


def test_fewer_answers_than_rows_pause_nothing_where_the_rows_are_there(pipeline, monkeypatch):
    """Clay leaves rows out of its answer that it has: they are found, and the pause is over by itself."""
    pipeline.sandbox.config(table_capacities={"tbl_test": 2}, over_capacity="fewer")
    leads(pipeline, 4)
    pipeline.until(lambda: ServiceHold.objects.exists())
    pipeline.sandbox.config(table_capacities={})
    left = Lead.objects.filter(clay_row_id=None)
    for lead in left:
        pipeline.sandbox.clay.post("/tables/tbl_test/rows", json={"rows": [{"linkedin_url": lead.linkedin_url}]})
    pipeline.settle()
    assert not ServiceHold.objects.filter(lifted_at=None).exists()
    assert rows_of(pipeline) == {"tbl_test": 4}


def test_the_set_up_does_not_find_the_full_table_again(pipeline, settings, admin_client):
    settings.CLAY_TABLE_ROWS = 2
    leads(pipeline, 3)
    full(pipeline)
    admin_client.post("/connections/clay/new-table/")
    made = clay_table()
    admin_client.post("/connections/clay/set-up/")
    assert clay_table() == made


def test_leads_of_the_old_table_go_on_there(pipeline, settings, admin_client):
    settings.CLAY_TABLE_ROWS = 2
    old = leads(pipeline, 2)
    pipeline.settle()
    leads(pipeline, 1, first=2)
    full(pipeline)
    admin_client.post("/connections/clay/new-table/")
    pipeline.settle()
    Lead.objects.filter(pk=old[0].pk).update(
        enrichment_status="pending", dispatch_after=old[0].dispatch_after, ghl_contact_id="another"
    )
    pipeline.settle()
    old[0].refresh_from_db()
    assert (old[0].enrichment_status, old[0].clay_table_id) == ("completed", "tbl_test")


def test_only_who_manages_connections_makes_a_table(sales_client, admin_client):
    assert sales_client.post("/connections/clay/new-table/").status_code == 403
    assert admin_client.get("/connections/clay/new-table/").status_code == 405


def test_there_is_nothing_to_replace_while_the_table_takes_rows(db):
    with pytest.raises(clay_formula.ActionNotAllowed):
        clay_formula.replace_full_table(by=None)


def publish_another_table():
    """A person makes a table the other way, before anything showed that the first one is full."""
    return clay_formula.create_table(ScorecardVersion.active(), by=None).table_id


def test_rows_that_an_earlier_table_lost_pause_no_other(pipeline, settings):
    """Its losses show only when the table in use is another one: the leads get their rows there, and nothing stops."""
    pipeline.sandbox.config(table_capacities={"tbl_test": 2})
    leads(pipeline, 4)
    plan.plan_batches(BatchKind.ROWS)
    rows.run_due()
    settings.CLAY_TABLE_ID = ""
    Connection.objects.update_or_create(system="clay", defaults={"table_id": "tbl_test"})
    made = publish_another_table()
    pipeline.settle()
    assert not ServiceHold.objects.exists()
    assert Lead.objects.filter(dispatch_tries__gt=0).count() == 0
    assert rows_of(pipeline) == {"tbl_test": 2, made: 2}
    assert Connection.objects.get(system="clay").full_tables == []


def test_a_pause_of_an_earlier_table_retires_no_other(pipeline, settings, admin_client):
    settings.CLAY_TABLE_ROWS = 2
    leads(pipeline, 3)
    hold = full(pipeline)
    assert hold.table == "tbl_test"
    Connection.objects.update_or_create(system="clay", defaults={"table_id": "tbl_other"})
    settings.CLAY_TABLE_ID = ""
    told = admin_client.post("/connections/clay/new-table/", follow=True).content.decode()
    assert "no table was created" in told
    assert Connection.objects.get(system="clay").full_tables == []
    assert not ServiceHold.objects.filter(lifted_at=None).exists()


def test_a_table_made_the_other_way_ends_the_pause_too(pipeline, settings):
    settings.CLAY_TABLE_ROWS = 2
    leads(pipeline, 3)
    full(pipeline)
    settings.CLAY_TABLE_ID = ""
    Connection.objects.update_or_create(system="clay", defaults={"table_id": "tbl_test"})
    made = publish_another_table()
    assert not ServiceHold.objects.filter(lifted_at=None).exists()
    pipeline.settle()
    assert rows_of(pipeline) == {"tbl_test": 2, made: 1}


def one_look_up_fails(pipeline):
    pipeline.sandbox.fault("clay", "500", call="rows.search")
    unread = Batch.objects.filter(kind=BatchKind.ROWS, error_message__contains="search_rows")
    pipeline.until(unread.exists)
    pipeline.sandbox.no_faults()


def test_a_look_up_that_fails_once_does_not_hide_that_the_rows_are_there(pipeline, settings):
    """Clay leaves rows out of its answer that it has, and the first read-back gets no answer."""
    settings.VENDOR_DOWN_CALLS = 50  # it is this call alone
    pipeline.sandbox.config(table_capacities={"tbl_test": 2}, over_capacity="fewer")
    leads(pipeline, 4)
    pipeline.until(lambda: ServiceHold.objects.exists())
    pipeline.sandbox.config(table_capacities={})
    for lead in Lead.objects.filter(clay_row_id=None):
        pipeline.sandbox.clay.post("/tables/tbl_test/rows", json={"rows": [{"linkedin_url": lead.linkedin_url}]})
    one_look_up_fails(pipeline)
    pipeline.settle()
    assert not ServiceHold.objects.filter(lifted_at=None).exists()
    assert rows_of(pipeline) == {"tbl_test": 4}


def test_a_look_up_that_fails_once_charges_nobody_and_keeps_the_pause(pipeline, settings):
    settings.VENDOR_DOWN_CALLS = 50
    pipeline.sandbox.config(table_capacities={"tbl_test": 2}, over_capacity="fewer")
    leads(pipeline, 4)
    pipeline.until(lambda: ServiceHold.objects.exists())
    one_look_up_fails(pipeline)
    hold = full(pipeline)
    assert_waiting(pipeline, hold, 2)
