"""Work that was set aside, and work that stands still, in a browser: readable everywhere, and told to who may act."""

import datetime

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from enrichment.models import BulkJob, Drift, WebhookDelivery
from enrichment.monitoring import standstill
from swarm_admin.core import work
from tests.e2e.conftest import PHONE

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def trouble(live_server):
    """A poison webhook, one that is no event, a job and a mending set aside, and webhooks that nobody reads."""
    now = timezone.now()
    lost = {"lapses": work.LAPSES_MOST, "set_aside_at": now}
    error = {"error_kind": work.LOST, "error_message": work.LOST_SENTENCE, "processed_at": now}
    WebhookDelivery.objects.create(body=b"{}", body_hash="poison", status="failed", **error, **lost)
    WebhookDelivery.objects.create(
        body=b"x", body_hash="none", status="processed", verdict="malformed", processed_at=now
    )
    WebhookDelivery.objects.create(body=b"{}", body_hash="due", not_before=now - datetime.timedelta(hours=1))
    BulkJob.objects.create(kind="retry", status="failed", plan={"what": "ghl"}, error=work.LOST_SENTENCE, **lost)
    Drift.objects.create(kind="values", subject="row 1", mend_error=work.LOST_SENTENCE, **lost)
    standstill.forget_report()


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_failures_and_overview_are_accessible_and_fit(trouble, look, page, sign_in, assert_accessible, assert_fits):
    sign_in("Sales ops")
    if look == "phone":
        page.set_viewport_size(PHONE)
    page.emulate_media(color_scheme="dark" if look == "dark" else "light")
    for address in ("/failures/", "/"):
        page.goto(address)
        expect(page.get_by_role("alert")).to_contain_text("Background work has stopped")
        assert_accessible()
        assert_fits()


def test_what_was_set_aside_is_tried_again(trouble, page, sign_in):
    sign_in("Sales ops")
    page.goto("/failures/")
    row = page.get_by_role("row").filter(has_text="Fixing of mismatches")
    row.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("Retrying 1.")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="Fixing of mismatches")).to_have_count(0)
