"""Alerts: one per cause, counted in silence, closed when the cause is gone."""

import datetime
import json

import pytest
from django.utils import timezone

from enrichment import alerts
from enrichment.alerts import Cause
from enrichment.failures import groups as failures
from enrichment.models import Alert, AlertKind, Drift, DriftKind, ServiceHold, Severity, WebhookDelivery
from enrichment.monitoring import watch
from enrichment.pipeline import recovery
from enrichment.vendor_pauses import pauses
from enrichment.vendors import vendor_health
from enrichment.vendors.errors import Misconfigured, Paused, RateLimited, Recovery
from gdpr.models import AuditEvent
from gdpr.requests import attention
from tests.factories import EnrichedLeadFactory, FailedLeadFactory, LeadFactory

pytestmark = pytest.mark.django_db
CAUSE = Cause(AlertKind.DRIFT, "clay")


def quota(remaining=3):
    until = timezone.now() + datetime.timedelta(hours=1)
    return Paused("clay", "trigger", 403, recovery=Recovery.PAUSE, quota_remaining=remaining, resets_at=until)


def test_a_cause_that_lasts_is_one_alert_that_counts():
    for number in range(3):
        alerts.raise_alert(CAUSE, f"sentence {number}")
    alert = Alert.objects.get()
    assert (alert.count, alert.sentence, alert.closed_at) == (3, "sentence 2", None)


def test_causes_differ_by_kind_system_and_subject():
    for cause in (
        CAUSE,
        Cause(AlertKind.DRIFT, "ghl"),
        Cause(AlertKind.DRIFT, "clay", "tbl"),
        Cause(AlertKind.RUNWAY),
    ):
        alerts.raise_alert(cause, "x")
    assert Alert.objects.count() == 4


def test_a_cause_that_comes_back_soon_is_the_same_alert():
    alerts.raise_alert(CAUSE, "x")
    assert alerts.close(CAUSE)
    assert Alert.objects.get().by_itself
    alerts.raise_alert(CAUSE, "x")
    assert (Alert.objects.get().closed_at, Alert.objects.get().count) == (None, 2)


def test_a_cause_that_comes_back_late_or_was_closed_by_hand_is_a_new_alert(settings, admin_client):
    alerts.raise_alert(CAUSE, "x")
    alerts.close(CAUSE)
    Alert.objects.update(closed_at=timezone.now() - datetime.timedelta(seconds=settings.ALERT_REMIND_SECONDS + 1))
    alerts.raise_alert(CAUSE, "x")
    assert Alert.objects.count() == 2
    alerts.close_by_hand(Alert.objects.get(closed_at=None), by=None)
    alerts.raise_alert(CAUSE, "x")
    assert Alert.objects.count() == 3


def test_a_worse_cause_is_told_anew():
    alerts.raise_alert(CAUSE, "x", severity=Severity.INFO)
    Alert.objects.update(told="open", acknowledged_at=timezone.now())
    alerts.raise_alert(CAUSE, "x", severity=Severity.CRITICAL)
    alert = Alert.objects.get()
    assert (alert.severity, alert.told, alert.acknowledged_at) == (Severity.CRITICAL, "", None)


def test_a_quota_says_what_remains_and_is_over_when_resumed():
    pauses.pause_vendor(quota())
    alert = Alert.objects.get()
    assert (alert.kind, alert.system, alert.severity) == (AlertKind.QUOTA, "clay", Severity.CRITICAL)
    assert "Remaining: 3." in alert.sentence
    pauses.end_pause(ServiceHold.objects.get())
    assert Alert.objects.get().by_itself


def test_a_refused_key_is_an_alert_of_its_own():
    pauses.pause_vendor(Misconfigured("ghl", "upsert", 401, recovery=Recovery.REFRESH_KEY))
    assert Alert.objects.get().kind == AlertKind.KEY_REFUSED


def test_a_429_is_an_alert_until_there_was_none_for_an_hour():
    for _ in range(5):
        recovery.next_step(RateLimited("clay", "create_rows", 429), tries=1, limit="clay.rows", scope="t")
    alert = Alert.objects.get()
    assert (alert.kind, alert.system, alert.subject, alert.count) == (
        "rate_limited",
        "clay",
        "create_rows",
        5,
    )
    watch.check_conditions()
    assert Alert.objects.filter(closed_at__isnull=True).exists()
    Alert.objects.update(last_at=timezone.now() - datetime.timedelta(hours=2))
    watch.check_conditions()
    assert not Alert.objects.filter(closed_at__isnull=True).exists()


def test_a_429_of_a_call_that_nobody_tries_again_is_told_too():
    vendor_health.count_call("ghl", "get_contact", 429, 0.1)
    watch.check_conditions()
    alert = Alert.objects.get()
    assert (alert.kind, alert.system, alert.subject, alert.count) == ("rate_limited", "ghl", "get_contact", 1)
    watch.check_conditions()
    alert.refresh_from_db()
    assert alert.count == 1, "it is told once"


def test_a_429_that_its_own_path_told_of_is_not_counted_twice():
    vendor_health.count_call("clay", "create_rows", 429, 0.1)
    recovery.next_step(RateLimited("clay", "create_rows", 429), tries=1, limit="clay.rows", scope="t")
    watch.check_conditions()
    assert Alert.objects.get().count == 1


def opened():
    watch.check_conditions()
    return set(Alert.objects.filter(closed_at__isnull=True).values_list("kind", flat=True))


def test_webhooks_that_wait_too_long_or_are_too_many(settings):
    delivery = WebhookDelivery.objects.create(body=b"", body_hash="x")
    assert opened() == set()
    settings.ALERT_WEBHOOK_BACKLOG = 1
    assert opened() == {AlertKind.WEBHOOK_BACKLOG}
    settings.ALERT_WEBHOOK_BACKLOG = 100
    assert opened() == set()
    WebhookDelivery.objects.update(received_at=timezone.now() - datetime.timedelta(hours=1))
    assert opened() == {AlertKind.WEBHOOK_BACKLOG}
    delivery.delete()
    assert opened() == set()


def test_leads_overdue_in_clay(settings):
    late = timezone.now() - datetime.timedelta(seconds=3 * settings.POLL_AFTER_SECONDS)
    lead = LeadFactory(enrichment_status="in_progress", in_progress_since=late)
    assert opened() == {AlertKind.OVERDUE}
    lead.delete()
    assert opened() == set()


def test_on_a_compressed_clock_nobody_is_late_within_a_minute(settings):
    settings.CLOCK_SPEED = 60
    now = timezone.now()
    delivery = WebhookDelivery.objects.create(body=b"", body_hash="x", received_at=now - datetime.timedelta(seconds=45))
    LeadFactory(enrichment_status="in_progress", in_progress_since=now - datetime.timedelta(seconds=90))
    assert opened() == set()
    WebhookDelivery.objects.filter(pk=delivery.pk).update(received_at=now - datetime.timedelta(seconds=75))
    assert opened() == {AlertKind.WEBHOOK_BACKLOG}


def test_a_lead_whose_webhook_lies_unread_is_not_overdue_in_clay(settings):
    late = timezone.now() - datetime.timedelta(seconds=3 * settings.POLL_AFTER_SECONDS)
    for row in ("row_told", "row_silent"):
        LeadFactory(enrichment_status="in_progress", in_progress_since=late, clay_row_id=row)
    assert watch.overdue().startswith("2 leads")
    event = {"event": "row.enriched", "row_id": "row_told", "timestamp": "2026-01-15T10:00:00Z"}
    WebhookDelivery.objects.create(body=json.dumps(event).encode(), body_hash="a")
    WebhookDelivery.objects.create(body=b"no event", body_hash="b")
    assert watch.overdue().startswith("1 lead ")


def test_a_kind_that_names_its_system_is_not_told_it_twice(sales_client):
    alerts.raise_alert(Cause(AlertKind.OVERDUE, "clay"), "x")
    alerts.close(Cause(AlertKind.OVERDUE, "clay"))
    page = sales_client.get("/alerts/").content.decode()
    assert "Leads overdue in Clay</strong>" in page
    assert "Message" in page


def test_without_an_alert_the_page_says_what_overview_says(sales_client, settings):
    settings.CLAY_API_KEY = settings.GHL_API_KEY = settings.INSTANTLY_API_KEY = "key"
    assert "No open alerts." in sales_client.get("/alerts/").content.decode()
    FailedLeadFactory.create_batch(9)
    failures.forget_groups()
    for place in ("/", "/alerts/"):
        page = sales_client.get(place).content.decode()
        assert "9 failures" in page
        assert "No open alerts." not in page
    assert '<a href="/failures/">9 failures need attention</a>' in page
    settings.GHL_API_KEY = ""
    page = sales_client.get("/alerts/").content.decode()
    assert '<a href="/connections/">GoHighLevel has no API key</a>' in page


def test_what_of_requests_needs_a_person_is_told_to_whoever_may_know(
    sales_client, compliance_client, settings, monkeypatch
):
    settings.CLAY_API_KEY = settings.GHL_API_KEY = settings.INSTANTLY_API_KEY = "key"
    monkeypatch.setattr(attention, "all_items", lambda: [attention.AttentionItem("By hand: x", 1, request_id=1)])
    assert "requests need attention" in compliance_client.get("/alerts/").content.decode()
    assert "requests need attention" not in sales_client.get("/alerts/").content.decode()


def test_many_failures_at_once(settings):
    settings.ALERT_FAILURES_PER_HOUR = 3
    LeadFactory.create_batch(2, needs_person=True, error_at=timezone.now())
    LeadFactory(needs_person=True, error_at=timezone.now() - datetime.timedelta(hours=2))
    assert opened() == set()
    LeadFactory(needs_person=True, error_at=timezone.now())
    assert opened() == {AlertKind.NEEDS_PERSON}


def test_drift_and_rows_not_kept():
    lead = EnrichedLeadFactory()
    Drift.objects.create(kind=DriftKind.VALUES, subject="row a", lead=lead)
    assert opened() == {AlertKind.DRIFT}
    Drift.objects.create(kind=DriftKind.NOT_KEPT, subject="row b", lead=lead)
    assert opened() == {AlertKind.DRIFT, AlertKind.ROWS_NOT_KEPT}
    Drift.objects.update(resolved_at=timezone.now())
    assert opened() == set()


def test_no_sentence_names_a_person(settings):
    settings.ALERT_FAILURES_PER_HOUR = 1
    lead = EnrichedLeadFactory(needs_person=True, error_at=timezone.now(), error_message="x")
    Drift.objects.create(kind=DriftKind.NOT_KEPT, subject="row b", lead=lead)
    watch.check_conditions()
    words = " ".join(Alert.objects.values_list("sentence", flat=True))
    assert words
    assert not any(value in words for value in (lead.first_name, lead.last_name, lead.email_work, lead.linkedin_url))


# ---------------------------------------------------------------- the screen


@pytest.mark.parametrize(
    ("persona", "may"), [("sales_client", True), ("admin_client", True), ("compliance_client", False)]
)
def test_who_may_acknowledge_and_close(request, persona, may):
    client = request.getfixturevalue(persona)
    alerts.raise_alert(CAUSE, "They disagree.")
    alert = Alert.objects.get()
    page = client.get("/alerts/").content.decode()
    assert "They disagree." in page
    assert ("have permission to handle alerts" in page) is not may
    assert client.post(f"/alerts/{alert.pk}/acknowledge/").status_code == (302 if may else 403)
    assert client.post(f"/alerts/{alert.pk}/close/").status_code == (302 if may else 403)
    alert.refresh_from_db()
    assert (alert.acknowledged_at is not None, alert.closed_at is not None) == (may, may)
    verbs = set(AuditEvent.objects.filter(object_type="alert").values_list("verb", flat=True))
    assert verbs == ({"acknowledge_alert", "close_alert"} if may else set())


def test_nobody_sees_alerts(nobody_client, client):
    assert nobody_client.get("/alerts/").status_code == 403
    assert nobody_client.get("/alerts/bell/side/").status_code == 403
    assert client.get("/alerts/").status_code == 302


def test_the_bell_counts_what_nobody_looks_after_on_every_page(sales_client):
    assert "No new alerts" in sales_client.get("/").content.decode()
    alerts.raise_alert(CAUSE, "x")
    assert "Alerts: 1 new" in sales_client.get("/leads/").content.decode()
    assert "Alerts: 1 new" in sales_client.get("/alerts/bell/top/").content.decode()
    alerts.acknowledge(Alert.objects.get(), by=None)
    assert "No new alerts" in sales_client.get("/").content.decode()


def test_the_live_part_is_the_page_without_its_frame(sales_client):
    part = sales_client.get("/alerts/", headers={"HX-Request": "true"}).content.decode()
    assert 'id="alerts-live"' in part
    assert "<html" not in part
