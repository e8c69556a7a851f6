"""The Drift screen: counts by kind, a plan before anything is mended, and who may."""

import re

import pytest
from django.utils import timezone

from enrichment.drift import capacity_forecast
from enrichment.models import Drift, DriftKind, ReconcileRun, ServiceHold
from gdpr.identity import Identity
from gdpr.models import AuditEvent
from gdpr.suppression import gate
from tests.factories import EnrichedLeadFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def drift():
    lead = EnrichedLeadFactory()
    return Drift.objects.create(
        kind=DriftKind.VALUES,
        subject=f"row {lead.clay_row_id}",
        row_id=lead.clay_row_id,
        lead=lead,
        fields=["title", "company_size"],
    )


def page(client, query=""):
    answer = client.get(f"/drift/{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_empty(sales_client):
    assert "Not compared yet" in page(sales_client)


def test_it_names_fields_and_never_values(sales_client, drift):
    ReconcileRun.objects.create(full=True, is_open=False, finished_at="2026-01-15T10:00:00Z", ours={"tbl_test": 1})
    shown = page(sales_client)
    assert "Clay is out of sync" in shown
    assert "<span>title, employees</span>" in shown
    assert drift.lead.title not in shown
    assert drift.lead.full_name in shown
    assert drift.row_id not in page(sales_client, "?kind=duplicate").split('id="rows-title"')[-1]


def test_a_whole_run_that_found_the_table_empty_has_not_counted_it(sales_client, settings):
    settings.CLAY_TABLE_ID = "tbl_test"
    whole = ReconcileRun.objects.create(
        full=True, is_open=False, finished_at="2026-01-15T10:00:00Z", rows={"tbl_test": 0}
    )
    now = timezone.now()
    ReconcileRun.objects.create(full=False, is_open=False, finished_at=now, ours={"tbl_test": 504})
    (table,) = capacity_forecast.tables()
    assert (table.in_clay, table.whole_at, table.rows) == (None, None, 504)
    shown = page(sales_client)
    assert "Until all rows are compared" in shown
    ReconcileRun.objects.filter(pk=whole.pk).update(rows={"tbl_test": 500})
    (table,) = capacity_forecast.tables()
    assert (table.in_clay, table.whole_at.year, table.rows) == (500, 2026, 504)
    assert "Until all rows are compared" not in page(sales_client)


def test_before_the_first_whole_run_it_says_so(sales_client):
    ReconcileRun.objects.create(full=False, is_open=False, finished_at=timezone.now())
    assert re.search(r"Last full comparison</dt><dd>[^a-z]*(<[^>]*>)?Not yet", page(sales_client))


def test_an_admin_sees_no_name(admin_client, drift):
    assert drift.lead.last_name not in page(admin_client)


def test_a_suppressed_person_is_not_shown(sales_client, drift):
    gate.suppress(Identity(drift.lead.linkedin_url), reason="objection")
    shown = page(sales_client)
    assert drift.row_id not in shown
    assert drift.lead.last_name not in shown


def test_the_plan_comes_first_and_the_mending_is_asked_for(sales_client, drift):
    plan = sales_client.post("/drift/plan/", {"kind": "values"}).content.decode()
    assert "1 row" in plan
    assert "pinned fields stay" in plan
    drift.refresh_from_db()
    assert drift.mend_after is None
    assert sales_client.post("/drift/mend/", {"kind": "values"}).status_code == 302
    drift.refresh_from_db()
    assert drift.mend_after is not None
    event = AuditEvent.objects.get(verb="fix_drift")
    assert (event.counts, event.actor_id) == ({"drifts": 1}, drift.mend_by_id)
    assert "Fixing" in page(sales_client)


def test_one_row_of_many(sales_client, drift):
    other = EnrichedLeadFactory()
    Drift.objects.create(kind=DriftKind.VALUES, subject="row other", row_id="other", lead=other)
    sales_client.post("/drift/mend/", {"kind": "values", "id": str(drift.pk)})
    assert list(Drift.objects.filter(mend_after__isnull=False)) == [drift]


def test_making_rows_again_names_its_price(sales_client):
    Drift.objects.create(kind=DriftKind.ROW_GONE, subject="row x", row_id="x", lead=EnrichedLeadFactory())
    page = sales_client.post("/drift/plan/", {"kind": "row_gone"}).content.decode()
    assert "Cost at known prices" in page
    assert "No price for " in page


@pytest.mark.parametrize("kind", ["", "nothing", "values' --"])
def test_an_unknown_kind_goes_back(sales_client, drift, kind):
    assert sales_client.post("/drift/plan/", {"kind": kind}).status_code == 302
    assert sales_client.post("/drift/mend/", {"kind": kind}).status_code == 302
    drift.refresh_from_db()
    assert drift.mend_after is None


def test_who_may(compliance_client, nobody_client, client, drift):
    assert "have permission to fix mismatches" in page(compliance_client)
    for path in ("/drift/plan/", "/drift/mend/"):
        assert compliance_client.post(path, {"kind": "values"}).status_code == 403
        assert nobody_client.post(path, {"kind": "values"}).status_code == 403
        assert client.post(path, {"kind": "values"}).status_code == 302
    assert nobody_client.get("/drift/").status_code == 403
    drift.refresh_from_db()
    assert drift.mend_after is None


@pytest.fixture
def room(settings):
    """A comparison has counted 542 rows in the table of 50,000."""
    settings.CLAY_TABLE_ID, settings.CLAY_TABLE_ROWS = "tbl_test", 50_000
    now = timezone.now()
    ReconcileRun.objects.create(
        full=True, is_open=False, finished_at=now, rows={"tbl_test": 542}, ours={"tbl_test": 542}
    )


def test_a_table_that_takes_no_more_rows_has_no_room_left(sales_client, room, monkeypatch):
    monkeypatch.setattr(capacity_forecast, "per_day", lambda table: 542.0)
    assert "91 days" in page(sales_client)
    ServiceHold.objects.create(
        system="clay.rows", reason="table_full", table="tbl_test", message="8 of 20 rows answered"
    )
    shown = page(sales_client)
    assert "the table accepts no more rows" in shown
    assert "8 of 20 rows answered" in shown
    assert "Full in" not in shown
    assert "bar-fill-red" in shown


@pytest.mark.parametrize(
    ("per_day", "words"), [(11.868, "4,167 days"), (49_000.0, "1 day"), (200_000.0, "less than a day"), (0.0, "\u2013")]
)
def test_how_long_there_is_room_is_told_in_plain_words(sales_client, room, monkeypatch, per_day, words):
    monkeypatch.setattr(capacity_forecast, "per_day", lambda table: per_day)
    assert f'<dt>Full in</dt><dd class="num">{words}</dd>' in page(sales_client)


def test_a_table_at_its_limit_is_full(sales_client, room, settings):
    settings.CLAY_TABLE_ROWS = 542
    assert "Already full" in page(sales_client)


def test_a_row_whose_number_has_a_thousands_separator_is_mended_alone(sales_client, drift):
    Drift.objects.filter(pk=drift.pk).update(id=1234)
    assert 'name="id" value="1234"' in page(sales_client, "?kind=values")
    plan = sales_client.post("/drift/plan/", {"kind": "values", "id": "1234"}).content.decode()
    assert 'name="id" value="1234"' in plan
