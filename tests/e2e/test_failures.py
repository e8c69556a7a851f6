"""Failures and Jobs in a browser: readable everywhere, and true without a reload."""

import pytest
from playwright.sync_api import expect

from enrichment.failures import groups as failures
from enrichment.failures import retry_job
from enrichment.failures.causes import Cause
from enrichment.jobs import jobs
from enrichment.models import Batch, BatchItem
from tests.e2e.conftest import PHONE
from tests.factories import FailedLeadFactory

# The seeded waterfalls are there for every test, whatever the one before has emptied.
pytestmark = pytest.mark.django_db(transaction=True)

CAUSE = Cause("enrichment", "delay", "apollo", "502 apollo failed")


@pytest.fixture
def addresses(live_server):
    """Every screen with something on it."""
    leads = FailedLeadFactory.create_batch(3)
    FailedLeadFactory(error_kind="set_aside", error_message="clay create_rows: 400 row 3 has no [value]")
    other = Cause("enrichment", "set_aside", "apollo", "clay create_rows: 400 row # has no #")
    job = retry_job.start_retry(other, by=None)
    batch = Batch.objects.create(kind="rows", table_id="t", status="unknown")
    BatchItem.objects.create(batch=batch, lead=leads[0], position=0, status="planned")
    return [
        "/failures/",
        f"/failures/{CAUSE.key}/",
        f"/failures/{CAUSE.key}/retry/",
        "/jobs/",
        f"/jobs/{job.pk}/",
        "/jobs/batches/",
        f"/jobs/batches/{batch.pk}/",
    ]


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_every_screen_is_accessible_and_fits(addresses, look, page, sign_in, assert_accessible, assert_fits):
    sign_in("Sales ops")
    page.emulate_media(color_scheme="dark" if look == "dark" else "light")
    if look == "phone":
        page.set_viewport_size(PHONE)
    for address in addresses:
        page.goto(address)
        assert_accessible()
        assert_fits()


def test_a_group_is_retried_and_leaves_the_screen_by_itself(page, sign_in, live_server):
    FailedLeadFactory.create_batch(3)
    sign_in("Sales ops")
    page.goto("/failures/")
    page.get_by_role("link", name="Enrichment: failed three times").click()
    page.get_by_role("link", name="Retry all").click()
    page.get_by_role("button", name="Start retry").click()
    expect(page.locator("#job")).to_contain_text("Waiting for a worker")
    jobs.run_due()
    expect(page.locator("#job")).to_contain_text("3 of 3 are still in progress")
    page.goto("/failures/")
    expect(page.locator("#failures")).to_contain_text("Nothing needs attention.")
    FailedLeadFactory()
    failures.forget_groups()
    expect(page.locator("#failures")).to_contain_text("1 failure from 1 cause needs attention.")


def test_ignoring_asks_for_a_reason(page, sign_in, live_server):
    FailedLeadFactory()
    sign_in("Sales ops")
    page.goto(f"/failures/{CAUSE.key}/")
    page.get_by_role("button", name="Ignore…").click()
    dialog = page.get_by_role("dialog", name="Ignore this cause")
    dialog.get_by_label("Reason for ignoring").fill("known outage of apollo")
    dialog.get_by_role("button", name="Ignore").click()
    expect(page.locator("#failures")).to_contain_text("Nothing needs attention.")
    page.get_by_role("link", name="Ignored", exact=True).click()
    expect(page.locator("#failures")).to_contain_text("known outage of apollo")
