"""What mending makes of each kind of drift, in the sandbox."""

import datetime
import time

import pytest
from django.utils import timezone

from enrichment.drift import mending
from enrichment.models import (
    Drift,
    DriftKind,
    Lead,
)
from enrichment.vendors.connections import clay
from gdpr.identity import Identity
from gdpr.models import AuditEvent
from gdpr.suppression import gate
from tests.enrichment.clay_table import (
    FULL_ROW,
    change_row,
    delete_row,
    found,
    make_row,
    mend,
    rows_of,
    run,
    settled,
    url,
)
from tests.factories import LeadFactory

pytestmark = pytest.mark.usefixtures("wide_limits")


def test_values_that_differ_are_named_and_taken_over(pipeline):
    (lead,) = settled(pipeline, "differs")
    change_row(pipeline, lead.clay_row_id, title="Chief Revenue Officer", company_size="999")
    run()
    drift = Drift.objects.get()
    assert (drift.kind, drift.lead, set(drift.fields) >= {"title", "company_size"}) == ("values", lead, True)
    assert mend(DriftKind.VALUES) == 1
    lead.refresh_from_db()
    assert (lead.title, lead.company_size) == ("Chief Revenue Officer", 999.0)
    drift.refresh_from_db()
    assert drift.resolved_at is not None
    run()
    assert found() == []


def test_a_pinned_field_is_no_drift_and_never_overwritten(pipeline):
    (lead,) = settled(pipeline, "pinned")
    Lead.objects.filter(pk=lead.pk).update(title="As rectified", pinned_fields=["title"])
    change_row(pipeline, lead.clay_row_id, title="Otherwise", company_revenue="$7B")
    run()
    fields = Drift.objects.get().fields
    assert "company_revenue" in fields
    assert "title" not in fields
    mend(DriftKind.VALUES)
    lead.refresh_from_db()
    assert (lead.title, lead.company_revenue) == ("As rectified", "$7B")


def test_a_row_that_became_another_person_is_not_taken_over(pipeline):
    (lead,) = settled(pipeline, "was-me")
    change_row(pipeline, lead.clay_row_id, linkedin_url=url("somebody-else"), title="Theirs")
    run()
    assert "linkedin_url" in Drift.objects.get(kind=DriftKind.VALUES).fields
    plan = mending.plan_repairs(DriftKind.VALUES)
    assert (plan.ready, sum(plan.left_out.values())) == ([], 1)
    Drift.objects.update(mend_after=timezone.now())  # even if it is asked for
    mending.run_due()
    lead.refresh_from_db()
    assert lead.title != "Theirs"
    assert "another person" in Drift.objects.get(kind=DriftKind.VALUES).mend_error


def test_an_unknown_row_becomes_a_lead_by_the_rules_of_intake(pipeline):
    good = make_row(pipeline, "nora", **FULL_ROW, scraped_at=timezone.now().isoformat())
    bad = make_row(pipeline, "no-source")
    run()
    assert found() == sorted([("unknown_row", good), ("unknown_row", bad)])
    mend(DriftKind.UNKNOWN_ROW)
    lead = Lead.objects.get()
    assert (lead.clay_row_id, lead.clay_table_id, lead.first_name) == (good, "tbl_test", "Nora")
    assert found() == [("unknown_row", bad)]
    assert "source_type is required" in Drift.objects.get(row_id=bad).mend_error
    pipeline.settle()
    assert rows_of(pipeline, "nora") == [good]
    lead.refresh_from_db()
    assert lead.enrichment_status == "completed"


def test_suppressed_people_are_neither_shown_nor_adopted(pipeline):
    make_row(pipeline, "gone", **FULL_ROW, scraped_at=timezone.now().isoformat())
    gate.suppress(Identity(url("gone")), reason="erasure")
    run()
    assert found() == []
    row_id = make_row(pipeline, "late", **FULL_ROW, scraped_at=timezone.now().isoformat())
    run()
    gate.suppress(Identity(url("late")), reason="erasure")  # after it was listed
    mend(DriftKind.UNKNOWN_ROW)
    assert Lead.objects.count() == 0
    assert Drift.objects.get(row_id=row_id).resolved_at is not None


def test_a_duplicate_is_deleted_and_the_known_row_stays(pipeline):
    (lead,) = settled(pipeline, "twice")
    second = make_row(pipeline, "twice")
    run()
    assert found() == [("duplicate", second)]
    mend(DriftKind.DUPLICATE)
    assert rows_of(pipeline, "twice") == [lead.clay_row_id]
    assert found() == []
    assert AuditEvent.objects.filter(verb="delete_duplicate_row").count() == 1


@pytest.mark.parametrize(
    ("switch", "words"), [({"row_delete": False}, "by hand"), ({"delete_lies": True}, "still there")]
)
def test_a_deletion_that_did_not_happen_is_never_a_success(pipeline, switch, words):
    settled(pipeline, "stays")
    second = make_row(pipeline, "stays")
    pipeline.sandbox.config(**switch)
    run()
    mend(DriftKind.DUPLICATE)
    assert found() == [("duplicate", second)]
    assert words in Drift.objects.get().mend_error


def test_the_last_row_of_a_person_is_not_deleted(pipeline):
    (lead,) = settled(pipeline, "last")
    second = make_row(pipeline, "last")
    delete_row(pipeline, lead.clay_row_id)
    run()
    assert found() == sorted([("duplicate", second), ("row_gone", lead.clay_row_id)])
    mend(DriftKind.DUPLICATE)
    assert rows_of(pipeline, "last") == [second]
    change_row(pipeline, second, enrichment_status="completed")
    mend(DriftKind.ROW_GONE)
    lead.refresh_from_db()
    assert lead.clay_row_id == second  # taken over, not made a third time
    run()
    assert found() == []


def test_a_row_that_is_gone_is_created_again(pipeline):
    (lead,) = settled(pipeline, "vanished")
    lost = lead.clay_row_id
    delete_row(pipeline, lost)
    run()
    assert found() == [("row_gone", lost)]
    plan = mending.plan_repairs(DriftKind.ROW_GONE)
    assert plan.cost > 0
    mend(DriftKind.ROW_GONE)
    assert found() == []
    pipeline.settle()
    lead.refresh_from_db()
    assert rows_of(pipeline, "vanished") == [lead.clay_row_id]
    assert lead.clay_row_id != lost


def test_a_lead_nobody_would_send_is_found_and_sent(pipeline):
    lead = LeadFactory(dispatch_after=None)
    Lead.objects.update(updated_at=timezone.now() - datetime.timedelta(hours=1))
    run()
    assert Drift.objects.get().kind == DriftKind.NO_ROW
    mend(DriftKind.NO_ROW)
    pipeline.settle()
    lead.refresh_from_db()
    assert lead.clay_row_id
    run()
    assert found() == []


def test_a_row_whose_id_was_never_recorded_is_linked(pipeline):
    row_id = make_row(pipeline, "unlinked")
    LeadFactory(linkedin_url=url("unlinked"), dispatch_after=None)
    run()
    assert Drift.objects.get(kind=DriftKind.VALUES).fields == ["clay_row_id"]
    mend(DriftKind.VALUES)
    lead = Lead.objects.get()
    assert (lead.clay_row_id, lead.clay_table_id) == (row_id, "tbl_test")


def test_a_row_in_another_table_than_noted(pipeline, settings):
    (lead,) = settled(pipeline, "moved")
    Lead.objects.filter(pk=lead.pk).update(clay_table_id="tbl_removed")
    run()  # the table it is said to be in does not exist: that holds nothing
    assert found() == [("other_table", lead.clay_row_id)]
    mend(DriftKind.OTHER_TABLE)
    lead.refresh_from_db()
    assert lead.clay_table_id == "tbl_test"


def test_two_rows_of_one_unknown_person_become_one_lead(pipeline):
    values = FULL_ROW | {"scraped_at": timezone.now().isoformat()}
    ids = {make_row(pipeline, "both", **values) for _ in range(2)}
    run()
    mend(DriftKind.UNKNOWN_ROW)
    lead = Lead.objects.get()
    (other,) = ids - {lead.clay_row_id}
    assert found() == [("unknown_row", other)]
    assert "duplicate" in Drift.objects.get(row_id=other).mend_error
    run()
    assert found() == [("duplicate", other)]


def test_a_killed_workers_mending_is_done_by_another(pipeline, settings):
    (lead,) = settled(pipeline, "killed-mending")
    change_row(pipeline, lead.clay_row_id, title="New")
    run()
    mending.request_repairs(mending.plan_repairs(DriftKind.VALUES), by=None)
    mending._claim()  # and the worker is gone
    assert mending.run_due() == 0  # it is leased
    Drift.objects.update(mend_after=timezone.now(), in_flight_since=timezone.now() - datetime.timedelta(hours=1))
    mending.run_due()
    lead.refresh_from_db()
    assert lead.title == "New"


def test_a_mending_that_fails_waits_and_then_needs_a_person(pipeline, settings):
    (lead,) = settled(pipeline, "failing")
    change_row(pipeline, lead.clay_row_id, title="New")
    run()
    pipeline.sandbox.fault("clay", "502", call="rows.get")
    mending.request_repairs(mending.plan_repairs(DriftKind.VALUES), by=None)
    for _ in range(settings.MAX_ATTEMPTS):
        Drift.objects.filter(mend_after__isnull=False).update(mend_after=timezone.now())
        mending.run_due()
        time.sleep(settings.VENDOR_TIMEOUT_SECONDS / settings.CLOCK_SPEED)
        clay().list_tables()  # which is answered: it is no outage
    drift = Drift.objects.get()
    assert (drift.mend_after, drift.resolved_at) == (None, None)
    assert "502" in drift.mend_error
