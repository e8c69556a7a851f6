"""Drift where Clay's rows cannot be read: what the mirror alone tells, and what is said of the rest."""

import datetime
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from enrichment.drift import capacity_forecast, mending, reconcile
from enrichment.models import Drift, DriftKind, Lead, ReconcileRun
from enrichment.monitoring import watch
from swarm_admin.access.models import User
from tests.factories import EnrichedLeadFactory, LeadFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("wide_limits", "table_connector")]
AGO = datetime.timedelta(days=2)


@pytest.fixture
def person() -> User:
    return User.objects.create_user("staff@example.com")


def lost() -> Lead:
    """A lead that waits for Clay, and that nobody is going to submit."""
    lead = LeadFactory(dispatch_after=None)
    Lead.objects.filter(pk=lead.pk).update(updated_at=timezone.now() - AGO)
    return lead


def differing() -> Drift:
    """Found when the rows could be read."""
    lead = EnrichedLeadFactory()
    return Drift.objects.create(kind=DriftKind.VALUES, subject="row x", row_id="x", lead=lead, fields=["title"])


def test_nothing_is_exported_and_what_the_mirror_tells_is_found() -> None:
    lead = lost()
    EnrichedLeadFactory(ghl_contact_id="c1")
    EnrichedLeadFactory(ghl_contact_id="c1")
    assert reconcile.run_due() == 0
    assert not ReconcileRun.objects.exists()
    assert sorted(Drift.objects.values_list("kind", flat=True)) == ["no_row", "shared_record", "shared_record"]
    assert Drift.objects.get(kind="no_row").lead == lead


def test_the_mirror_is_looked_at_as_often_as_clay_would_be() -> None:
    reconcile.run_due()
    lost()
    reconcile.run_due()
    assert not Drift.objects.exists()
    cache.delete(reconcile.LOOKED)
    reconcile.run_due()
    assert Drift.objects.count() == 1


def test_a_lead_that_nobody_would_submit_is_sent_again(person: User) -> None:
    lead = lost()
    reconcile.run_due()
    assert mending.request_repairs(mending.plan_repairs(DriftKind.NO_ROW), by=person) == 1
    assert mending.run_due() == 1
    lead.refresh_from_db()
    assert lead.dispatch_after is not None
    assert Drift.objects.get().resolved_at is not None


def test_what_was_found_in_rows_waits_and_alerts_nobody(person: User, settings: Any) -> None:
    drift = differing()
    mending.request_repairs(mending.plan_repairs(DriftKind.VALUES), by=person)
    assert mending.run_due() == 0
    drift.refresh_from_db()
    assert (drift.resolved_at, drift.mend_error, drift.mend_tries) == (None, "", 0)
    assert watch.open_drift() == ""
    Drift.objects.create(kind=DriftKind.NOT_KEPT, subject="row y", row_id="y", lead=drift.lead)
    assert watch.lost_rows() == ""
    settings.CLAY_CONNECTOR = "rows-api"
    assert "values differ: 1" in watch.open_drift()
    assert "1 row" in watch.lost_rows()


def test_no_table_fills_up_that_cannot_be_counted(settings: Any) -> None:
    ReconcileRun.objects.create(full=True, is_open=False, finished_at=timezone.now(), ours={"tbl_test": 49_999})
    assert capacity_forecast.tables() == []
    settings.CLAY_CONNECTOR = "rows-api"
    assert len(capacity_forecast.tables()) == 1


def test_the_page_says_what_cannot_be_done_and_what_to_do(sales_client: Client) -> None:
    differing()
    lost()
    reconcile.run_due()
    page = sales_client.get("/drift/").content.decode()
    assert "can’t be compared" in page  # noqa: RUF001
    assert "Clay table capacity" not in page
    assert "Last full comparison" not in page
    assert "Values differ" not in page
    assert "nobody is going to submit it" in page
    assert "Leads share a record" in page


def test_a_kind_that_is_not_looked_for_is_not_repaired(sales_client: Client) -> None:
    differing()
    answer = sales_client.post("/drift/plan/", {"kind": "values"}, follow=True)
    assert "Choose what to fix." in answer.content.decode()


def test_with_the_rows_api_every_kind_is_shown(sales_client: Client, settings: Any) -> None:
    settings.CLAY_CONNECTOR = "rows-api"
    page = sales_client.get("/drift/").content.decode()
    assert [kind.label for kind in DriftKind if kind.label not in page] == []
    assert "Clay table capacity" in page
