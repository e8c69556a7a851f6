"""Alarms of the law's side: alerts for officers, and for nobody else."""

import pytest

from enrichment.models import Alert, AlertNotice
from enrichment.models.alert import Channel, Severity
from enrichment.monitoring.compliance_alarms import sync_alerts
from gdpr.compliance_alerts import ComplianceAlert
from swarm_admin import alerts as sending

pytestmark = pytest.mark.django_db
LATE = ComplianceAlert("request_overdue", 7, "SR-00007 was due on 3 March 2026 and is unanswered.", True)


def test_an_alarm_is_one_alert_while_it_holds_and_over_when_it_does_not():
    sync_alerts([LATE])
    sync_alerts([LATE])
    alert = Alert.objects.get()
    assert (alert.count, alert.severity, alert.closed_at) == (2, Severity.CRITICAL, None)
    sync_alerts([])
    alert.refresh_from_db()
    assert alert.by_itself


def test_sales_neither_sees_nor_counts_it(sales_client, compliance_client):
    sync_alerts([LATE])
    assert b"SR-00007" not in sales_client.get("/alerts/").content
    assert sales_client.get("/alerts/").context["counts"]["open"] == 0
    assert b"SR-00007" in compliance_client.get("/alerts/").content
    alert = Alert.objects.get()
    assert sales_client.post(f"/alerts/{alert.pk}/close/").status_code == 404


def test_officers_hear_of_it_by_mail_and_no_chat_does(compliance_client, sales_client, settings, mailoutbox):
    settings.ALERT_EMAILS = ["everybody@example.com"]
    settings.SLACK_WEBHOOK_URL = "http://127.0.0.1:9/hook"
    sync_alerts([LATE])
    sending.run_due()
    assert [notice.channel for notice in AlertNotice.objects.all()] == [Channel.EMAIL]
    assert [mail.to for mail in mailoutbox] == [["compliance@example.com"]]
