"""Alerts leave the house: once when they open, now and again while nobody looks, once when they are over."""

import datetime
import email
import socket
import subprocess
import sys

import pytest
from django.core import mail
from django.utils import timezone

from enrichment import alerts as raised
from enrichment.alerts import Cause
from enrichment.models import Alert, AlertKind, AlertNotice, Severity
from enrichment.states import BatchStatus
from swarm_admin import alerts
from tests.plugins import mail_server as servers
from tests.swarm_admin.test_settings import COMPLETE, ROOT, load

pytestmark = pytest.mark.django_db
CAUSE = Cause(AlertKind.QUOTA, "clay")


@pytest.fixture
def posts(settings, webhook_receiver):
    """What a Slack-compatible receiver on loopback gets."""
    settings.SLACK_WEBHOOK_URL = webhook_receiver.url
    return webhook_receiver


def texts(receiver):
    return [body["text"] for _, body in receiver.deliveries]


def open_alert(sentence="The quota is used up."):
    raised.raise_alert(CAUSE, sentence, severity=Severity.CRITICAL)


def later(seconds):
    """So long ago it was told."""
    Alert.objects.update(told_at=timezone.now() - datetime.timedelta(seconds=seconds))


def test_an_alert_goes_to_every_configured_channel(settings, posts):
    settings.ALERT_EMAILS = ["ops@example.com", "lead@example.com"]
    open_alert()
    assert alerts.run_due() == 2
    (text,) = texts(posts)
    assert "Critical: Quota exhausted (Clay)" in text
    assert "The quota is used up." in text
    assert f"{settings.BASE_URL}/alerts/" in text
    (message,) = mail.outbox
    assert message.to == ["ops@example.com", "lead@example.com"]
    assert message.subject == "[Swarm Admin] Critical: Quota exhausted (Clay)"


def test_nothing_is_sent_where_nothing_is_configured(settings):
    settings.ALERT_EMAILS, settings.SLACK_WEBHOOK_URL = [], ""
    open_alert()
    assert alerts.run_due() == 0
    assert (AlertNotice.objects.count(), mail.outbox) == (0, [])


def test_a_storm_is_told_once(posts):
    for number in range(50):
        open_alert(f"number {number}")
        if number % 10 == 0:
            alerts.run_due()
    assert len(texts(posts)) == 1
    assert Alert.objects.get().count == 50


def test_a_reminder_comes_after_its_time_and_not_when_somebody_looks_after_it(settings, posts):
    open_alert()
    alerts.run_due()
    later(settings.ALERT_REMIND_SECONDS - 60)
    alerts.run_due()
    assert len(texts(posts)) == 1
    later(settings.ALERT_REMIND_SECONDS + 1)
    alerts.run_due()
    assert "Still open: Quota exhausted" in texts(posts)[1]
    raised.acknowledge(Alert.objects.get(), by=None)
    later(settings.ALERT_REMIND_SECONDS + 1)
    alerts.run_due()
    assert len(texts(posts)) == 2


def test_recovery_is_told_once_and_only_of_what_was_told(posts):
    open_alert()
    alerts.run_due()
    raised.close(CAUSE)
    alerts.run_due()
    alerts.run_due()
    assert len(texts(posts)) == 2
    assert "Resolved: Quota exhausted" in texts(posts)[1]
    raised.raise_alert(Cause(AlertKind.OVERDUE), "x")
    raised.close(Cause(AlertKind.OVERDUE))  # before anybody heard of it
    alerts.run_due()
    assert len(texts(posts)) == 2


def test_a_cause_that_comes_and_goes_does_not_tell_each_time(posts):
    for _ in range(10):
        open_alert()
        alerts.run_due()
        raised.close(CAUSE)
        alerts.run_due()
    assert len(texts(posts)) == 2  # opened, over


def test_closed_by_a_person_is_not_told(posts):
    open_alert()
    alerts.run_due()
    raised.close_by_hand(Alert.objects.get(), by=None)
    alerts.run_due()
    assert len(texts(posts)) == 1


def test_a_receiver_that_fails_is_tried_again_and_others_are_not_kept_waiting(settings, posts):
    settings.ALERT_EMAILS = ["ops@example.com"]
    posts.statuses[:] = [500]
    open_alert()
    assert alerts.run_due() == 1
    assert len(mail.outbox) == 1
    notice = AlertNotice.objects.get(channel="slack")
    assert (notice.status, notice.error_message) == (BatchStatus.PLANNED, "answered 500")
    assert notice.not_before > timezone.now()
    AlertNotice.objects.update(not_before=timezone.now())
    assert alerts.run_due() == 1
    assert AlertNotice.objects.get(channel="slack").status == BatchStatus.DONE


def test_a_refused_notice_is_given_up(posts):
    posts.statuses[:] = [404]
    open_alert()
    alerts.run_due()
    assert AlertNotice.objects.get().status == BatchStatus.FAILED


def test_nobody_listens(settings):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        settings.SLACK_WEBHOOK_URL = f"http://127.0.0.1:{unused.getsockname()[1]}/secret-path"
        open_alert()
        assert alerts.run_due() == 0
    notice = AlertNotice.objects.get()
    assert notice.error_message == "ConnectError"  # and nothing of the address, which is a secret


def test_mail_that_cannot_be_sent_is_tried_again(settings):
    settings.ALERT_EMAILS = ["ops@example.com"]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    open_alert()
    assert alerts.run_due() == 0
    assert AlertNotice.objects.get().status == BatchStatus.PLANNED
    assert "@" not in AlertNotice.objects.get().error_message


def turn():
    AlertNotice.objects.update(not_before=timezone.now())
    return alerts.run_due()


def test_a_server_that_takes_an_alert_and_hangs_gets_it_twice_and_slack_hears_at_once(settings, posts, mail_server):
    settings.ALERT_EMAILS = ["ops@example.com"]
    server = mail_server(servers.DATA)
    open_alert()
    assert [turn() for _ in range(4)] == [1, 0, 0, 0]
    assert len(texts(posts)) == 1
    ids = [email.message_from_string(text)["Message-ID"] for text in server.mails]
    assert (len(ids), len(set(ids))) == (2, 1)
    notice = AlertNotice.objects.get(channel="email")
    assert (notice.status, "didn't confirm" in notice.error_message) == (BatchStatus.FAILED, True)


@pytest.mark.parametrize("behaviour", [servers.SILENT, servers.BANNER, servers.DRIPS])
def test_a_mail_server_that_hangs_is_asked_once_a_turn(settings, posts, mail_server, behaviour):
    settings.ALERT_EMAILS = ["ops@example.com"]
    server = mail_server(behaviour)
    for system in ("clay", "ghl", "instantly"):
        raised.raise_alert(Cause(AlertKind.QUOTA, system), "Used up.", severity=Severity.CRITICAL)
    assert alerts.run_due() == 3  # by Slack
    assert server.connections == 1


def test_without_a_mail_server_alerts_go_to_the_other_channels(settings, posts):
    settings.ALERT_EMAILS = ["ops@example.com"]
    settings.EMAIL_BACKEND = "swarm_admin.core.smtp.NoServer"
    open_alert()
    assert alerts.run_due() == 1
    assert AlertNotice.objects.get().channel == "slack"


def test_a_killed_senders_notice_is_sent_by_another(settings, posts):
    open_alert()
    alerts.plan()
    old = timezone.now() - datetime.timedelta(seconds=settings.LEASE_SECONDS + 1)
    AlertNotice.objects.update(status=BatchStatus.IN_FLIGHT, in_flight_since=old, tries=1)
    settings.READ_BACK_SECONDS = 0
    alerts.run_due()
    assert len(texts(posts)) == 1


def test_an_address_that_was_taken_away_is_not_used(settings, posts):
    open_alert()
    alerts.plan()
    settings.SLACK_WEBHOOK_URL = ""
    alerts.run_due()
    assert (texts(posts), AlertNotice.objects.get().status) == ([], BatchStatus.FAILED)


def test_outside_production_only_loopback_is_posted_to(settings):
    settings.SLACK_WEBHOOK_URL = "https://hooks.example.com/services/x"
    open_alert()
    assert alerts.run_due() == 0
    notice = AlertNotice.objects.get()
    assert (notice.status, notice.error_message) == (BatchStatus.FAILED, "this address isn't allowed here")


@pytest.mark.parametrize(
    ("mode", "address", "starts"),
    [
        ("production", "https://hooks.example.com/x", True),
        ("production", "http://hooks.example.com/x", False),
        ("demo", "http://127.0.0.1:9/x", True),
        ("demo", "https://hooks.example.com/x", False),
    ],
)
def test_the_settings_refuse_an_address_that_is_not_safe(tmp_path, mode, address, starts):
    done = load(tmp_path, **COMPLETE, SWARM_MODE=mode, SLACK_WEBHOOK_URL=address)
    assert (done.returncode == 0) is starts, done.stderr
    assert starts or "SLACK_WEBHOOK_URL" in done.stderr


def test_the_tick_is_scheduled():
    code = "from swarm_admin.celery import beat_schedule; print('alerts' in beat_schedule())"
    script = f"import django; django.setup(); {code}"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"DJANGO_SETTINGS_MODULE": "swarm_admin.settings", "SWARM_MODE": "test", "PATH": "/usr/bin:/bin"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
    assert done.stdout.strip() == "True", done.stderr
