"""Notices on their way by mail, and a mail server that does not do what it should."""

import pytest
from django.utils import timezone

from gdpr.identity import Identity
from gdpr.models import Notice, NoticeRun
from gdpr.notices import delivery as notice_delivery
from gdpr.notices import exports, notices
from gdpr.states import MessageStatus
from gdpr.suppression import gate
from swarm_admin.core.errors import ActionNotAllowed
from tests.gdpr.fake_source import DAY
from tests.gdpr.notices.queueing import queue
from tests.plugins import mail_server as servers

pytestmark = pytest.mark.django_db


def test_sending_tells_each_person_once_and_keeps_no_address(untold, officer, mailoutbox):
    assert queue(10, officer).queued == 2
    assert queue(10, officer).queued == 0
    notice_delivery.run_due()
    assert sorted(mail.to[0] for mail in mailoutbox) == ["ada@x.example", "bob@x.example"]
    assert "\n" not in mailoutbox[0].subject
    assert "Fair" in mailoutbox[0].body
    assert set(untold.told) == {"1", "2"}
    assert set(Notice.objects.values_list("status", "key")) == {(MessageStatus.SENT, "")}
    assert not any("x.example" in str(row) for row in Notice.objects.values())


def test_a_mail_server_that_is_down_is_tried_again_then_shown(untold, officer, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    queue(1, officer)
    for _ in range(settings.MAX_ATTEMPTS):
        Notice.objects.update(not_before=timezone.now())
        notice_delivery.run_due()
    failed = Notice.objects.get()
    assert (failed.status, failed.error_message) == (MessageStatus.FAILED, "ConnectionRefusedError")
    assert not untold.told
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert notices.retry(MessageStatus.FAILED, by=officer) == 1
    notice_delivery.run_due()
    assert set(untold.told) == {"1"}


def test_who_is_erased_meanwhile_is_not_written_to(untold, officer, mailoutbox):
    queue(1, officer)
    untold.home.keys.discard("1")
    notice_delivery.run_due()
    assert not mailoutbox
    assert not Notice.objects.exists()


def test_by_setting_notices_go_out_by_themselves(untold, settings, mailoutbox):
    settings.NOTICE_AUTOMATIC = True
    notice_delivery.run_due()
    assert len(mailoutbox) == 2


def test_a_server_that_takes_a_notice_and_hangs_gets_it_once_and_staff_decide(untold, officer, mail_server):
    server = mail_server(servers.DATA)
    queue(2, officer)
    for _ in range(4):
        Notice.objects.update(not_before=timezone.now())
        notice_delivery.run_due()
    assert len(server.mails) == 2
    assert set(Notice.objects.values_list("status", flat=True)) == {MessageStatus.UNKNOWN}
    assert not untold.told
    assert notices.figures()["unknown"] == 2
    assert notices.mark_as_sent(by=officer) == 2
    assert set(untold.told) == {"1", "2"}
    assert set(Notice.objects.values_list("status", "key")) == {(MessageStatus.SENT, "")}


def test_unknown_ones_are_sent_again_where_staff_say_so(untold, officer, mail_server, settings, mailoutbox):
    mail_server(servers.DATA)
    queue(1, officer)
    notice_delivery.run_due()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert notice_delivery.run_due() == 0
    assert notices.retry(MessageStatus.UNKNOWN, by=officer) == 1
    assert notice_delivery.run_due() == 1
    assert set(untold.told) == {"1"}


def test_a_killed_workers_notice_is_not_sent_again_by_itself(untold, officer, mailoutbox):
    queue(1, officer)
    notice_delivery._claim()
    Notice.objects.update(in_flight_since=timezone.now() - DAY)
    assert notice_delivery.run_due() == 0
    assert Notice.objects.get().status == MessageStatus.UNKNOWN
    assert mailoutbox == []


@pytest.mark.parametrize("behaviour", [servers.SILENT, servers.BANNER, servers.DRIPS])
def test_a_server_that_hangs_is_asked_once_a_turn(untold, officer, mail_server, behaviour):
    server = mail_server(behaviour)
    queue(2, officer)
    assert notice_delivery.run_due() == 0
    assert server.connections == 1
    assert set(Notice.objects.values_list("status", flat=True)) == {MessageStatus.QUEUED}


def test_without_a_mail_server_nobody_counts_as_told_and_whoever_waits_can_be_exported(untold, officer, settings):
    queue(1, officer)
    notices.send(limit=5, by=officer)
    settings.EMAIL_BACKEND = "swarm_admin.core.smtp.NoServer"
    assert notice_delivery.run_due() == 0
    assert not untold.told
    assert "EMAIL_URL" in NoticeRun.objects.order_by("-id")[0].note
    with pytest.raises(ActionNotAllowed, match="EMAIL_URL"):
        notices.send(limit=5, by=officer)
    assert len(list(exports.rows(limit=10, by=officer))) == 2
    assert set(Notice.objects.values_list("status", flat=True)) == {MessageStatus.GIVEN}


def test_who_is_blocked_gets_no_notice(untold, officer, mailoutbox):
    gate.suppress(Identity(emails=("bob@x.example",)), reason="objection")
    run = queue(10, officer)
    assert (run.queued, run.left_out) == (1, 1)
    gate.suppress(Identity(emails=("ada@x.example",)), reason="objection")
    notice_delivery.run_due()
    assert not mailoutbox
